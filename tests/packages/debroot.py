# SPDX-License-Identifier: Apache-2.0
"""Debian roots to install packages in: made by debootstrap once per architecture, copied for each test,
run by systemd-nspawn with a network of their own, and booted where that is asked for."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

MIRROR = os.environ.get("MAGLEV_DEBIAN_MIRROR", "http://deb.debian.org/debian")
SUITE = os.environ.get("MAGLEV_DEBIAN_SUITE", "bookworm")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INCLUDE = "systemd-sysv,dbus,iproute2,ca-certificates"
BOOT_DEADLINE = 120
BINFMT = pathlib.Path("/proc/sys/fs/binfmt_misc")
NSPAWN = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit"]


def native_arch():
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


# systemd-nspawn's, of a directory below /run that it wants to be on a tmpfs.
NOISE = re.compile(r"^Attempted to remove disk file system under .*\n", re.MULTILINE)


def run(argv, **kwargs):
    p = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, errors="replace", **kwargs)
    p.stdout = NOISE.sub("", p.stdout)
    return p


def must(argv, **kwargs):
    p = run(argv, **kwargs)
    assert p.returncode == 0, f"{' '.join(map(str, argv))}: {p.returncode}\n{p.stdout}"
    return p.stdout


def need_programs():
    if os.geteuid() != 0:
        pytest.skip("not root: no Debian can be made and booted")
    for program in ("debootstrap", "systemd-nspawn"):
        if not shutil.which(program):
            pytest.skip(f"no {program} here")


def need_emulation(arch):
    """The kernel runs the other architecture's programs by qemu, or it is told to."""
    if arch == native_arch():
        return
    name = {"arm64": "aarch64", "amd64": "x86_64"}[arch]
    rule = pathlib.Path(f"/usr/lib/binfmt.d/qemu-{name}.conf")
    if not rule.exists():
        pytest.skip(f"no qemu-user-static for {arch}")
    if not (BINFMT / "register").exists():
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT])
    if not (BINFMT / f"qemu-{name}").exists():
        try:
            (BINFMT / "register").write_text(rule.read_text().strip())
        except OSError as e:
            pytest.skip(f"the kernel cannot be told of qemu-{name}: {e}")


def dependencies(debs):
    """The names of what the packages depend on outside of themselves."""
    fields = ",".join(must(["dpkg-deb", "-f", d, "Depends"]) for d in debs)
    return sorted({f.split("(")[0].strip() for f in fields.replace("\n", ",").split(",") if f.strip()})


def base_root(directory, arch, debs):
    """A fresh Debian with what the packages depend on, since the network is off while they are tried."""
    need_programs()
    need_emulation(arch)
    root = directory / f"debian-{SUITE}-{arch}"
    wanted = [INCLUDE, *dependencies(debs)]
    stamp = root.with_suffix(".has")
    if stamp.exists() and set(wanted) <= set(stamp.read_text().split()):
        return root
    shutil.rmtree(root, ignore_errors=True)
    made = run(["debootstrap", "--variant=minbase", f"--arch={arch}", f"--include={INCLUDE}", SUITE, root, MIRROR])
    if made.returncode != 0:
        pytest.skip(f"debootstrap cannot make {SUITE} for {arch}: {made.stdout.strip().splitlines()[-1:]}")
    if run([*NSPAWN, "-D", root, "true"]).returncode != 0:
        pytest.skip("systemd-nspawn cannot run here: " + run([*NSPAWN, "-D", root, "true"]).stdout.strip())
    must([*NSPAWN, "--resolv-conf=copy-host", "-D", root, "sh", "-c",
          "apt-get update -q && apt-get install -q -y --no-install-recommends " + " ".join(dependencies(debs))],
         env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")  # the installer's
    stamp.write_text(" ".join(wanted))
    return root


class Root:
    """A copy of the base. Not booted, commands run one by one without systemd; booted, inside the system."""

    def __init__(self, base, path, debs):
        self.path, self.debs = path, debs
        self.system = self.leader = None
        for d in (path, path.with_suffix(".upper"), path.with_suffix(".work")):
            d.mkdir()
        layers = f"lowerdir={base},upperdir={path.with_suffix('.upper')},workdir={path.with_suffix('.work')}"
        self.mounted = run(["mount", "-t", "overlay", "overlay", "-o", layers, path]).returncode == 0
        if not self.mounted:
            must(["cp", "-a", "--reflink=auto", f"{base}/.", path])

    def words(self, *argv):
        clean = ["env", "-i", f"PATH={PATH}", "HOME=/root", "TERM=dumb", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *argv]
        if self.leader:
            return ["nsenter", "-t", self.leader, "--all", *clean]
        return [*NSPAWN, "--private-network", "--as-pid2", f"--bind-ro={self.debs}:/debs", "-D", self.path, *clean]

    def try_(self, *argv):
        return run(self.words(*argv))

    def run(self, *argv):
        """The output; the command must succeed."""
        return must(self.words(*argv))

    def sh(self, script):
        return self.run("sh", "-ec", script)

    def apt(self, *words):
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", *words)

    def file(self, name):
        return self.path / str(name).lstrip("/")

    def write(self, name, text):
        self.file(name).parent.mkdir(parents=True, exist_ok=True)
        self.file(name).write_text(text)

    # Booting.

    def boot(self):
        log = open(self.path.with_suffix(".boot"), "wb")
        argv = [*NSPAWN, "--private-network", "--console=pipe", f"--bind-ro={self.debs}:/debs", "-D", str(self.path), "--boot"]
        self.system = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait(self._find_leader, "systemd to begin", BOOT_DEADLINE)
        self.wait(lambda: self.try_("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"),
                  "the system to be up", BOOT_DEADLINE)
        self.run("ip", "link", "set", "lo", "up")

    def _find_leader(self):
        if self.system.poll() is not None:
            pytest.skip("systemd cannot be booted in a container here: " +
                        self.path.with_suffix(".boot").read_text(errors="replace")[-300:])
        for status in pathlib.Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(l.split(":\t", 1) for l in status.read_text().splitlines() if ":\t" in l)
            except OSError:
                continue
            ids = fields.get("NSpid", "").split()
            if len(ids) > 1 and ids[-1] == "1" and self._is_ours(int(fields["PPid"])) and fields["Name"] == "systemd":
                self.leader = ids[0]
                return True
        return False

    def _is_ours(self, pid):
        while pid > 1:
            if pid == self.system.pid:
                return True
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            pid = int(next(l for l in status.splitlines() if l.startswith("PPid:")).split()[1])
        return False

    def wait(self, condition, what, timeout=60):
        end = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, f"not seen in time: {what}"
            time.sleep(0.1)

    def close(self):
        if self.system and self.system.poll() is None:
            self.system.send_signal(signal.SIGTERM)  # orderly, as `systemctl poweroff` would
            try:
                self.system.wait(60)
            except subprocess.TimeoutExpired:
                self.system.kill()
                self.system.wait()
        if self.mounted:
            must(["umount", self.path])

    # Units.

    def unit(self, name, prop="ActiveState"):
        return self.run("systemctl", "show", "-P", prop, name).strip()

    def enabled(self, name):
        return self.try_("systemctl", "is-enabled", name).stdout.split()[:1] == ["enabled"]
