# SPDX-License-Identifier: Apache-2.0
"""The images: docker/Dockerfile built by buildah on a Debian of debootstrap's (no registry is asked), and
maglevd run from it with the capabilities that a container may be given, as `docker run --cap-add` does."""
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import debroot
from conftest import OUT, ROOT
from debroot import must, run

NET_RAW, SYS_ADMIN = 13, 21
USER = 9090
PR_CAPBSET_DROP = 24
LIBC = ctypes.CDLL(None)
BASE = "docker.io/library/debian:bookworm-slim"

CONFIG = """\
maglev:
  {healthchecker}
  vpp: {{ lb: {{ ipv4-src-address: 192.0.2.1, ipv6-src-address: "2001:db8::1" }} }}
  healthchecks: {{ ping: {{ type: icmp, interval: 200ms, timeout: 1s, rise: 1, fall: 2 }} }}
  backends: {{ pinged: {{ address: 127.0.0.9, healthcheck: ping }} }}
  frontends:
    www: {{ address: 203.0.113.80, protocol: tcp, port: 80, pools: [ {{ name: primary, backends: {{ pinged: {{}} }} }} ] }}
"""


class Store:
    """buildah with a store of its own."""

    def __init__(self, directory):
        conf = directory / "storage.conf"
        conf.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{directory}/images"\nrunroot = "{directory}/run"\n')
        self.env = {**os.environ, "CONTAINERS_STORAGE_CONF": str(conf)}
        self.mounted = []

    def __call__(self, *words):
        return must(["buildah", *words], env=self.env).strip().splitlines()[-1:]

    def import_root(self, root, name):
        container = self("from", "scratch")[0]
        tar = subprocess.Popen(["tar", "-C", root, "--one-file-system", "-c", "."], stdout=subprocess.PIPE)
        mount = pathlib.Path(self("mount", container)[0])
        subprocess.run(["tar", "-C", mount, "-x"], stdin=tar.stdout, check=True)
        assert tar.wait() == 0
        self("umount", container)
        self("commit", "-q", container, name)
        self("rm", container)

    def build(self, target, *flags):
        self("bud", "-q", "--isolation", "chroot", "--pull-never", "-f", str(ROOT / "docker" / "Dockerfile"), "--target", target,
             "--build-arg", "MAGLEV_COMMIT=tested", *flags, "-t", target, str(ROOT))
        return pathlib.Path(self("mount", self("from", "--pull-never", f"localhost/{target}")[0])[0])

    def config(self, target):
        return json.loads(must(["buildah", "inspect", "--type", "image", target], env=self.env))["OCIv1"]["config"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    debroot.need_programs()
    if not shutil.which("buildah"):
        pytest.skip("no buildah here")
    s = Store(tmp_path_factory.mktemp("store"))
    s.import_root(debroot.base_root(OUT, debroot.native_arch(), []), BASE)
    yield s
    run(["buildah", "rm", "--all"], env=s.env)
    run(["buildah", "rmi", "--all", "--force"], env=s.env)


@pytest.fixture(scope="module")
def image(store):
    return store.build("maglevd")


def in_container(image, caps):
    """What a container runtime does: the root, the bounding set, the user."""
    def enter():
        os.chroot(image)
        os.chdir("/")
        for cap in range(64):
            if cap not in caps:
                LIBC.prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    return enter


class Container:
    """maglevd in a network of its own, on the socket that the compose file has."""

    def __init__(self, image, caps, netns=""):
        (image / "etc" / "vpp-maglev").mkdir(exist_ok=True)
        (image / "etc" / "vpp-maglev" / "maglev.yaml").write_text(
            CONFIG.format(healthchecker=f"healthchecker: {{ netns: {netns} }}" if netns else ""))
        self.image, self.caps = image, caps
        self.env = {"PATH": "/usr/sbin:/usr/bin", "MAGLEV_GRPC_ADDR": "unix:/run/maglev/grpc.sock", "MAGLEV_VPP_API_ADDR": "",
                    "MAGLEV_METRICS_ADDR": "", "MAGLEV_SERVER": "unix:/run/maglev/grpc.sock"}
        self.process = subprocess.Popen(["/usr/sbin/maglevd"], env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        preexec_fn=in_container(image, caps))

    def maglevc(self, *words):
        return subprocess.run(["/usr/bin/maglevc", *words], env=self.env, capture_output=True, text=True,
                              preexec_fn=in_container(self.image, self.caps))

    def wait_code(self, code):
        end, shown = time.monotonic() + 30, ""
        while time.monotonic() < end:
            p = self.maglevc("--json", "show", "backends")
            shown = p.stdout + p.stderr
            if p.returncode == 0 and json.loads(p.stdout)[0].get("lastProbe", {}).get("code") == code:
                return json.loads(p.stdout)[0]
            time.sleep(0.1)
        raise AssertionError(f"no {code}: {shown}\n{self.stop()}")

    def stop(self):
        self.process.terminate()
        return self.process.communicate(timeout=30)[0]


def test_the_image_is_small_and_holds_what_it_needs_alone(image, store):
    size = sum(p.lstat().st_size for p in image.rglob("*") if p.is_file() and not p.is_symlink())
    print(f"{size / 1e6:.1f} MB")
    assert size < 50e6
    assert not (image / "bin" / "sh").exists() and not (image / "usr" / "bin" / "sh").exists()
    assert store.config("localhost/maglevd")["User"] == f"{USER}:{USER}"
    assert must(["getcap", image / "usr/sbin/maglevd"]).split()[-1] == "cap_net_raw,cap_sys_admin=p"


@pytest.mark.parametrize("caps, code", [((), "LOCAL"), ((NET_RAW,), "L4OK"), ((NET_RAW, SYS_ADMIN), "L4OK")])
def test_it_starts_whatever_it_is_given_and_uses_what_it_has(image, caps, code):
    c = Container(image, caps)
    backend = c.wait_code(code)
    assert backend["state"] == {"LOCAL": "unknown", "L4OK": "up"}[code]
    assert c.maglevc("set", "backend", "pinged", "pause").returncode == 0, "who holds the socket may change things"
    log = c.stop()
    assert ("missing-capability" in log) == (NET_RAW not in caps)


@pytest.mark.parametrize("caps, code", [((NET_RAW,), "LOCAL"), ((NET_RAW, SYS_ADMIN), "L4OK")])
def test_namespaces_need_sys_admin(image, caps, code):
    name = f"maglev-image-{os.getpid()}"
    netns = image / "run" / "netns"
    must(["ip", "netns", "add", name])
    try:
        must(["ip", "-n", name, "link", "set", "lo", "up"])
        (netns / name).touch()
        must(["mount", "--bind", f"/run/netns/{name}", netns / name])  # docker run -v /var/run/netns:/var/run/netns
        c = Container(image, caps, netns=name)
        c.wait_code(code)
        c.stop()
    finally:
        run(["umount", netns / name])
        run(["ip", "netns", "delete", name])


def test_the_dashboards_image(store):
    image = store.build("maglevd-frontend")
    assert store.config("localhost/maglevd-frontend")["User"] == f"{USER}:{USER}"
    p = subprocess.run(["/usr/sbin/maglevd-frontend", "-version"], capture_output=True, text=True, env={},
                       preexec_fn=in_container(image, ()))
    assert "commit tested" in p.stdout


def test_an_image_for_another_architecture(store):
    other = {"amd64": "arm64", "arm64": "amd64"}[debroot.native_arch()]
    # What BuildKit says by itself; the label of the image is not looked at.
    image = store.build("maglevd", "--build-arg", f"TARGETARCH={other}")
    machine = must(["readelf", "-h", image / "usr/sbin/maglevd"])
    assert {"arm64": "AArch64", "amd64": "X86-64"}[other] in machine
    debroot.need_emulation(other)
    p = subprocess.run(["/usr/sbin/maglevd", "--version"], capture_output=True, text=True, env={},
                       preexec_fn=in_container(image, ()))
    assert "commit tested" in p.stdout, p.stderr
