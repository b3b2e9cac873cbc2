# SPDX-License-Identifier: Apache-2.0
"""What the bench starts: the responder that is probed, and the checkers that probe it."""
import ctypes
import fcntl
import json
import mmap
import os
import pathlib
import resource
import signal
import socket
import struct
import subprocess
import time
import urllib.request

HTTP_PORT, HTTPS_PORT, METRICS_PORT = 18080, 18443, 19091
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
# Under SCHED_RR, where that is allowed: threads then have no ranks among themselves.
BEFORE_OTHERS = True
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def address(i, base="127.1"):
    return f"{base}.{i // 256}.{i % 256}"


def cpus():
    """The client's core and everybody else's: the same one where there is only one."""
    all_cpus = sorted(os.sched_getaffinity(0))
    return all_cpus[0], all_cpus[-1]


def own_network():
    """A network namespace of our own: nobody else's connections are counted, no port is taken."""
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if LIBC.unshare(flags) < 0:
        print(f"bench: no namespace of our own ({os.strerror(ctypes.get_errno())}): "
              "other connections of this machine count as probes", flush=True)
        return
    with socket.socket() as s:
        up = struct.pack("16sH14x", b"lo", IFF_UP)
        fcntl.ioctl(s, SIOCSIFFLAGS, up)


def connections():
    """Connections begun so far here. Not asked of the target: one that is reset as soon as it
    stands is never acknowledged, and the target does not get to see it."""
    names, values = (l.split() for l in open("/proc/net/snmp") if l.startswith("Tcp:"))
    return int(values[names.index("ActiveOpens")])


class Child:
    """A process on one core, gone when the bench is."""

    def __init__(self, directory, name, argv, cpu, env=None):
        self.out = directory / f"{name}.log"

        def prepare():
            try:  # whatever else this machine does: before it, at even rank among themselves
                if BEFORE_OTHERS:
                    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            except PermissionError:
                pass
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.sched_setaffinity(0, {cpu})
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

        with open(self.out, "wb") as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=out, preexec_fn=prepare,
                                          env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.popen.pid

    def check(self):
        if self.popen.poll() is not None:
            tail = self.out.read_text(errors="replace")[-2000:]
            raise SystemExit(f"bench: {self.out.stem} ended with {self.popen.returncode}:\n{tail}")

    def stop(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()

    def cpu_ns(self):
        """Time on a processor of all threads, in user and kernel mode: the scheduler's account."""
        tasks = pathlib.Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((t / "schedstat").read_text().split()[0]) for t in tasks)

    def rss(self):
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()


class Responder(Child):
    """The count of requests that it has answered is in a file that both sides map."""

    def __init__(self, tools, directory, name, cpu, where="0.0.0.0", port=HTTP_PORT, tls=()):
        path = directory / f"{name}.counters"
        path.write_bytes(bytes(8))
        super().__init__(directory, name, [tools / "responder", path, where, port, *tls], cpu)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 8)
        wait_for(lambda: self.check() or can_connect(where, port), f"{name} to listen")

    def requests(self):
        return struct.unpack("Q", self.map[:8])[0]


def can_connect(host, port):
    with socket.socket() as s:
        return s.connect_ex((host, port)) == 0


def wait_for(condition, what, timeout=60):
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"bench: gave up waiting for {what}")
        time.sleep(0.02)
    return value


# ---- certificates

def make_certificates(directory):
    """A CA of our own and a certificate of "bench" from it: (ca, certificate, key)."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench CA")
    openssl("req", *key[:-2], "-keyout", "bench.key", "-out", "bench.csr", "-subj", "/CN=bench")
    (directory / "ext").write_text("subjectAltName=DNS:bench\n")
    openssl("x509", "-req", "-in", "bench.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out",
            "bench.pem", "-days", "30", "-extfile", "ext", "-CAcreateserial")
    return directory / "ca.pem", directory / "bench.pem", directory / "bench.key"


# ---- the checkers

class Load:
    """What is probed: kind (tcp, http, https), how many addresses, how many probes a second."""

    def __init__(self, kind, n, rate, reuse=False):
        self.kind, self.n, self.rate, self.reuse = kind, n, rate, reuse
        self.interval = n / rate
        self.port = HTTPS_PORT if kind == "https" else HTTP_PORT


def bare(tools, directory, load, cpu, ca):
    return Child(directory, "bareloop",
                 [tools / "bareloop", load.kind, load.port, load.n, int(load.rate)], cpu,
                 env={"SSL_CERT_FILE": str(ca)})


def ms(seconds):
    return f"{seconds * 1000:g}ms"


def maglevd_check(load):
    interval = ms(load.interval)
    check = {"type": load.kind, "port": load.port, "interval": interval, "fast-interval": interval,
             "down-interval": interval, "timeout": ms(min(load.interval, 2)), "rise": 2, "fall": 3}
    if load.kind != "tcp":
        check["params"] = {"path": "/", "host": "bench", "response-code": "200"}
    if load.kind == "https":
        check["params"]["server-name"] = "bench"
    if load.reuse:
        check["reuse-connection"] = True
    return check


def maglevd_config(addresses, check, per_frontend):
    names = [f"backend-{i:05d}" for i in range(len(addresses))]
    frontends = {
        f"frontend-{i // per_frontend:05d}": {
            "address": f"10.0.{i // per_frontend // 250}.{i // per_frontend % 250 + 1}",
            "protocol": "tcp", "port": 80,
            "pools": [{"name": "primary",
                       "backends": {n: {"weight": 100} for n in names[i:i + per_frontend]}}]}
        for i in range(0, len(names), per_frontend)}
    return {"maglev": {
        "vpp": {"lb": {"ipv4-src-address": "192.0.2.1", "ipv6-src-address": "2001:db8::1",
                       "startup-min-delay": "0s", "startup-max-delay": "1s"}},
        "healthchecks": {"bench": check},
        "backends": {n: {"address": a, "healthcheck": "bench"} for n, a in zip(names, addresses)},
        "frontends": frontends}}


class Maglevd(Child):
    """With maglev-lbsim in VPP's place, on the others' core."""

    def __init__(self, programs, directory, config, cpus, ca, grpc=None, level="info"):
        self.journal = directory / "journal"
        api, path = directory / "api.sock", directory / "maglev.yaml"
        for f in (api, self.journal, directory / "maglevd.sock"):
            f.unlink(missing_ok=True)
        path.write_text(json.dumps(config))
        self.sim = Child(directory, "lbsim", [programs / "maglev-lbsim", "--api-socket", api,
                                              "--journal", self.journal], cpus[1])
        wait_for(lambda: self.sim.check() or api.exists(), "maglev-lbsim to listen")
        super().__init__(directory, "maglevd",
                         [programs / "maglevd", "--config", path, "--vpp-api-addr", api,
                          "--grpc-addr", grpc or f"unix:{directory}/maglevd.sock", "--log-level", level,
                          "--vpp-stats-addr", "",
                          "--metrics-addr", f"127.0.0.1:{METRICS_PORT}"], cpus[0],
                         env={"SSL_CERT_FILE": str(ca)})

    def stop(self):
        super().stop()
        self.sim.stop()

    def lateness(self):
        """The histogram of how late probes started: {bound in seconds: how many so far}."""
        url = f"http://127.0.0.1:{METRICS_PORT}/metrics"
        try:
            with urllib.request.urlopen(url, timeout=30) as r:
                text = r.read().decode()
        except OSError:
            return {}
        rows = [l for l in text.splitlines()
                if l.startswith("maglev_probe_lateness_seconds_bucket")]
        return {float(l.split('le="')[1].split('"')[0]): float(l.rsplit(" ", 1)[1]) for l in rows}


HAPROXY = """global
    nbthread 1
    maxconn 1000
{log}defaults
    mode {mode}
    log global
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    timeout check {timeout}
listen bench
    bind unix@{directory}/haproxy.front
{option}{servers}
"""


def haproxy_server(i, where, load, ca, times):
    # option tcp-check and httpchk alike: a new connection, and with TLS a full handshake, each time
    tls = (f" check-ssl no-ssl-reuse check-sni bench verify required ca-file {ca} verifyhost bench"
           if load.kind == "https" else "")
    return f"    server s{i:05d} {where}:{load.port} check rise 2 fall 3 {times}{tls}\n"


def haproxy(directory, load, cpu, ca, addresses=None, times=None, timeout=None, log=None):
    addresses = addresses or [address(i) for i in range(load.n)]
    times = times or f"inter {ms(load.interval)}"
    (directory / "haproxy.front").unlink(missing_ok=True)
    text = HAPROXY.format(
        mode="tcp" if load.kind == "tcp" else "http", directory=directory,
        log=f"    log {log} local0\n" if log else "",
        timeout=timeout or ms(min(load.interval, 2)),
        option="    option tcp-check\n" if load.kind == "tcp" else "    option httpchk\n",
        servers="".join(haproxy_server(i, a, load, ca, times) for i, a in enumerate(addresses)))
    path = directory / "haproxy.cfg"
    path.write_text(text)
    return Child(directory, "haproxy", ["haproxy", "-db", "-f", path], cpu)
