# SPDX-License-Identifier: Apache-2.0
"""What the network, the machine and the kernel do to a checker, and what it makes of it."""
import http.client
import os
import resource
import socket
import subprocess
import sys
import threading

import pytest

import grpcclient
import scrape
from cluster import ROOT, frontend
from conftest import Namespace
from processes import DEADLINE, Process, repeatedly, wait_for

HERE = ROOT / "tests" / "e2e"
QUICK = {"interval": "200ms", "fast-interval": "100ms", "timeout": "1s", "rise": 2, "fall": 2}
# Where a time-out is not what the test is about.
PATIENT = {**QUICK, "timeout": "20s"}


def down_with(d, backend, code, since=0):
    return d.wait_log("backend-transition", since, backend=backend, to="down", code=code)


# Descriptors.

def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def limit_descriptors(pid, soft):
    hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def connected_scrape(d):
    """A scrape that has begun; to be ended soon."""
    s = socket.create_connection(("127.0.0.1", scrape.port(d)), DEADLINE)
    s.sendall(b"GET /metrics HTTP/1.1\r\n")  # who says nothing may not be let in
    scrape.scrape(d)  # behind it: by now it has been

    def made():
        s.sendall(b"Host: x\r\n\r\n")
        response = http.client.HTTPResponse(s)
        response.begin()
        return scrape.Scrape(response.read().decode())
    return made


def test_descriptors_run_out_and_come_back(cluster):
    """The checker is degraded: it says so everywhere but in gRPC's health, and nobody goes down."""
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    d = cluster.start_maglevd(cluster.config(), "--metrics-addr", "127.0.0.1:0")
    cluster.wait_weights({"a": 100, "b": 100, "c": 100})
    d.wait_drift_syncs()

    def trusted():
        return scrape.scrape(d).value("maglev_checker_degraded") == 0
    with grpcclient.Client(d.grpc) as client:
        assert client.health() == client.health("maglev.Maglev") == "SERVING"
        wait_for(trusted, "no doubt")
        before, log = cluster.sim.mark(), d.mark()
        plenty = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)[0]

        def scrape_while_degraded():
            """None when the machine made it late first, or took longer than the daemon waits for a
            request."""
            nonlocal log
            limit_descriptors(d.pid, plenty)
            later, log = connected_scrape(d), d.mark()
            limit_descriptors(d.pid, 3)  # whatever is closed cannot be opened again
            degraded = d.wait_log("checker-degraded", log)
            for name in "abc":
                d.wait_log("probe-done", log, backend=name, code="LOCAL")
            assert degraded["level"] == "WARN" and degraded["local"] + degraded["late"] > degraded["good"]
            try:
                if degraded["local"] > degraded["late"]:
                    return later()
            except (OSError, http.client.HTTPException):
                pass
            limit_descriptors(d.pid, plenty)
            d.wait_log("checker-recovered", log)
            return None
        s = repeatedly(scrape_while_degraded, "a scrape of a degraded checker")
        assert s.value("maglev_checker_degraded") == 1
        for name in "abc":
            assert s.state(name) == ["up"]
            assert s.value("maglev_probe_total", backend=name, result="inconclusive", code="LOCAL") >= 1
        warning = d.wait_log("probe-inconclusive", log)
        assert warning["level"] == "WARN" and "Too many open files" in warning["detail"]
        # Long past the failures that would have killed them all.
        for name in "abc":
            d.wait_log("probe-done", log, count=20, backend=name, code="LOCAL")
        assert client.health() == client.health("maglev.Maglev") == "SERVING"
        # Who dies now is not seen to: nobody is believed.
        cluster.webs["b"].kill()
        limit_descriptors(d.pid, plenty)
        recovered = d.wait_log("checker-recovered", log)
        assert recovered["level"] == "INFO" and recovered["duration_ns"] >= 1e9
        told = d.records("backend-transition", log)
        assert all(d.parsed.index(t) > d.parsed.index(recovered) for t in told)
        # It is as before: answers its clients, and sees who is dead.
        wait_for(trusted, "no doubt")
        assert client.health() == "SERVING"
        assert d.backend("a")["state"] == "up"
        cluster.wait_weights({"a": 100, "b": 0, "c": 100})
        assert {c.address for c in cluster.sim.calls(before)} == {cluster.webs["b"].address}


def test_a_need_beyond_the_limit_is_told(cluster):
    """The need is one descriptor for each backend that is probed, and then some; a soft limit is
    raised to it, a hard one cannot be."""
    backends = {f"b{n}": {"address": cluster.address(n), "healthcheck": "web"} for n in range(1, 41)}
    config = cluster.config(backends=backends, frontends={}, checks={"web": {"type": "tcp", "port": 1}})
    raised = cluster.start_maglevd(config, api="", wrapper=("prlimit", "--nofile=64:4096"))
    wait_for(lambda: resource.prlimit(raised.pid, resource.RLIMIT_NOFILE)[0] >= 1100 + 40,
             "the soft limit to be raised")
    assert raised.records("descriptor-limit") == []
    held = cluster.start_maglevd(config, api="", wrapper=(
        "setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource", "prlimit", "--nofile=64:512")
        if os.geteuid() == 0 else ("prlimit", "--nofile=64:512"))
    warning = held.wait_log("descriptor-limit")
    assert warning["needed"] >= 1100 + 40 and warning["hard_limit"] == 512
    wait_for(lambda: resource.prlimit(held.pid, resource.RLIMIT_NOFILE)[0] == 512,
             "the soft limit to be raised as far as it goes")


def test_a_slow_probe_is_alone(cluster):
    """A timeout longer than the interval: one connection at a time all the same."""
    with SilentServer(cluster.address(1)) as silent:
        check = {**QUICK, "type": "http", "port": silent.port, "timeout": "2s"}
        backends = {"slow": {"address": cluster.address(1), "healthcheck": "slow"}}
        d = cluster.start_maglevd(cluster.config(backends=backends, checks={"slow": check},
                                                 frontends={"www": frontend({"p": {"slow": 1}})}), api="")
        d.wait_log("probe-done", count=3, backend="slow", code="L7TOUT")
        assert silent.most == 1


class SilentServer:
    """Accepts and says nothing; knows how many were connected at a time.

    Who is still connected is asked of the kernel when the next one is accepted: a client that closed
    before it connected again is seen as gone however late we run."""

    def __init__(self, address):
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        self.live, self.most = [], 0
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def _accept(self):
        while True:
            try:
                conn = self.listener.accept()[0]
            except OSError:
                return
            conn.setblocking(False)
            self.live = [c for c in self.live if self._connected(c)] + [conn]
            self.most = max(self.most, len(self.live))

    @staticmethod
    def _connected(conn):
        try:
            while conn.recv(4096):
                pass
        except BlockingIOError:
            return True
        except OSError:
            pass
        conn.close()
        return False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()


# The network, in a namespace of its own.

def must(p):
    assert p.returncode == 0, p.stderr


def hole(namespace):
    """A cable to nobody: what is sent to these two addresses is dropped without a word."""
    for words in (["link", "add", "near", "type", "veth", "peer", "name", "far"],
                  ["address", "add", "192.0.2.1/24", "dev", "near"],
                  ["-6", "address", "add", "2001:db8:9::1/64", "dev", "near", "nodad"],
                  ["link", "set", "far", "up"],
                  ["link", "set", "near", "up"],
                  *(["neighbour", "add", a, "lladdr", "02:00:00:00:00:01", "dev", "near", "nud", "permanent"]
                    for a in ("192.0.2.7", "2001:db8:9::7"))):
        p = namespace.run("ip", *words)
        if p.returncode != 0:
            pytest.skip(f"no pair of network devices here: {p.stderr}")


def run_in(cluster, namespace, backends, checks):
    frontends = {n: frontend({"p": {n: 100}}, address=f"203.0.113.{i}" if "." in b["address"] else f"2001:db8::{i}")
                 for i, (n, b) in enumerate(backends.items(), 1)}
    config = cluster.config(backends=backends, checks=checks, frontends=frontends)
    return cluster.start_maglevd(config, wrapper=namespace.wrapper(), api="")


def test_dropped_syns_time_out(cluster, namespace):
    hole(namespace)
    checks = {"http": {"type": "http", "port": 80}, "tcp": {"type": "tcp", "port": 80},
              "https": {"type": "https", "port": 443}, "icmp": {"type": "icmp"}}
    backends = {f"{k}{v}": {"address": a, "healthcheck": k} for k in checks
                for v, a in ((4, "192.0.2.7"), (6, "2001:db8:9::7"))}
    d = run_in(cluster, namespace, backends, {k: {**c, **QUICK} for k, c in checks.items()})
    for name in backends:
        record = down_with(d, name, "L4TOUT")
        assert "within 1s" in record["detail"]
        done = d.wait_log("probe-done", backend=name, code="L4TOUT")
        assert done["duration_ns"] >= 1e9


def test_what_our_own_routes_say(cluster, namespace):
    """No route is our own lack, as is a prohibition: nobody has been asked. A route that says of the
    backend that it is unreachable is believed."""
    routes = {"none": (None, "LOCAL", "Network is unreachable"),
              "prohibit": ("prohibit", "LOCAL", "Permission denied"),
              "unreachable": ("unreachable", "L4CON", "No route to host"),
              "blackhole": ("blackhole", "L4CON", "Invalid argument")}
    checks = {"tcp": {"type": "tcp", "port": 80, **PATIENT}, "icmp": {"type": "icmp", **PATIENT}}
    backends, wanted = {}, {}
    for n, (name, (kind, code, detail)) in enumerate(routes.items(), 1):
        for v, a in (("4", f"198.51.100.{n}"), ("6", f"2001:db8:7::{n}")):
            if kind:
                must(namespace.run("ip", f"-{v}", "route", "add", kind, a))
            for check in checks:
                backends[f"{name}-{check}{v}"] = {"address": a, "healthcheck": check}
                wanted[f"{name}-{check}{v}"] = code, detail
    d = run_in(cluster, namespace, backends, checks)
    for name, (code, detail) in wanted.items():
        done = d.wait_log("probe-done", count=3, backend=name)
        assert (done["code"], detail in done["detail"]) == (code, True), done
        if code == "L4CON":
            down_with(d, name, code)
        else:
            assert d.records("backend-transition", backend=name) == []


def test_an_address_that_is_ours(cluster, namespace):
    """Nobody listens on it. When the kernel picks the very port that is probed for our own end, the
    connection reaches itself: that is no server."""
    must(namespace.run("sh", "-c", "echo '45000 45001' > /proc/sys/net/ipv4/ip_local_port_range"))
    must(namespace.run("ip", "address", "add", "2001:db8:1::7/128", "dev", "lo"))
    checks = {"tcp": {"type": "tcp", "port": 45000}, "http": {"type": "http", "port": 45000},
              "icmp": {"type": "icmp"}}
    backends = {f"{k}{v}": {"address": a, "healthcheck": k} for k in checks
                for v, a in ((4, cluster.address(1)), (6, "2001:db8:1::7"))}
    d = run_in(cluster, namespace, backends, {k: {**c, **PATIENT, "fall": 1} for k, c in checks.items()})
    for name in backends:
        if name.startswith("icmp"):
            d.wait_state(name, "up")
            continue
        d.wait_state(name, "down")
        d.wait_log("probe-done", count=30, backend=name)
        assert d.records("probe-done", backend=name, outcome="pass") == []
        assert d.records("backend-transition", backend=name, to="up") == []


# Routers between us and the backend.

def enter_words(namespace, *commands):
    for words in commands:
        p = namespace.run(*words.split())
        if p.returncode != 0:
            pytest.skip(f"{words}: not here: {p.stderr}")


def cable(near, far, net):
    """A pair of devices between two namespaces: <net>.1 and <net>.2, and the same with ::."""
    name = f"v{net}"
    enter_words(near, f"ip link add {name} type veth peer name {name} netns {far.holder.pid}")
    for namespace, n in ((near, 1), (far, 2)):
        enter_words(namespace, f"ip link set {name} up", f"ip address add 198.18.{net}.{n}/24 dev {name}",
                    f"ip -6 address add 2001:db8:{net}::{n}/64 dev {name} nodad")


def set_up_router(namespace):
    """It forwards, and says each time why it cannot."""
    text = "echo 1 > net/ipv4/ip_forward; echo 1 > net/ipv6/conf/all/forwarding; " \
           "echo 0 > net/ipv4/icmp_ratelimit; echo 0 > net/ipv6/icmp/ratelimit"
    must(namespace.run("sh", "-c", f"cd /proc/sys && {text}"))


@pytest.fixture
def routers(namespace):
    """namespace -- first -- second. For 203.0.113.1 and 2001:db8:f::1 the first has an unreachable
    route, for …2 a prohibited one, for …3 none; …4 goes round between the two."""
    first, second = Namespace(), Namespace()
    try:
        if not (first.ok and second.ok) or first.user:
            pytest.skip("namespaces that are joined need root")
        cable(namespace, first, 1)
        cable(first, second, 2)
        set_up_router(first)
        set_up_router(second)
        enter_words(namespace, "ip route add default via 198.18.1.2", "ip -6 route add default via 2001:db8:1::2")
        for kind, n in (("unreachable", 1), ("prohibit", 2)):
            enter_words(first, f"ip route add {kind} 203.0.113.{n}", f"ip -6 route add {kind} 2001:db8:f::{n}")
        enter_words(first, "ip route add 203.0.113.4 via 198.18.2.2",
                    "ip -6 route add 2001:db8:f::4 via 2001:db8:2::2")
        enter_words(second, "ip route add default via 198.18.2.1", "ip -6 route add default via 2001:db8:2::1")
        yield namespace
    finally:
        first.close()
        second.close()


# By the last part of the address: what icmp tells, and what tcp tells.
ROUTERS_SAY = {
    1: ("host unreachable (ICMP type 3 code 1) from 198.18.1.2", "No route to host",
        "no route (ICMP type 1 code 0) from 2001:db8:1::2", "Network is unreachable"),
    2: ("administratively prohibited (ICMP type 3 code 13) from 198.18.1.2", "No route to host",
        "administratively prohibited (ICMP type 1 code 1) from 2001:db8:1::2", "Permission denied"),
    3: ("network unreachable (ICMP type 3 code 0) from 198.18.1.2", "Network is unreachable",
        "no route (ICMP type 1 code 0) from 2001:db8:1::2", "Network is unreachable"),
    4: ("time to live exceeded (ICMP type 11 code 0) from 198.18.2.2", "No route to host",
        "hop limit exceeded (ICMP type 3 code 0) from 2001:db8:2::2", "No route to host"),
}


@pytest.mark.parametrize("sockets", ["raw", "ping"])
def test_what_routers_say(cluster, routers, sockets):
    """ICMP errors are failures, with their source; and what the kernel makes of them for tcp."""
    drop = ()
    if sockets == "ping":
        must(routers.run("sh", "-c", "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range"))
        drop = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
    check = {**QUICK, "timeout": "20s", "interval": "20s", "fall": 1}
    backends, wanted = {}, {}
    for n, words in ROUTERS_SAY.items():
        for i, (kind, v) in enumerate((("icmp", 4), ("tcp", 4), ("icmp", 6), ("tcp", 6))):
            address = f"203.0.113.{n}" if v == 4 else f"2001:db8:f::{n}"
            backends[f"{kind}{v}-{n}"] = {"address": address, "healthcheck": kind}
            wanted[f"{kind}{v}-{n}"] = words[i]
    backends["router4"] = {"address": "198.18.2.2", "healthcheck": "icmp"}
    backends["router6"] = {"address": "2001:db8:2::2", "healthcheck": "icmp"}
    frontends = {n: frontend({"p": {n: 1}}, address=f"192.0.2.{i}") for i, n in enumerate(backends, 1)}
    config = cluster.config(backends=backends, frontends=frontends,
                            checks={"icmp": {"type": "icmp", **check}, "tcp": {"type": "tcp", "port": 80, **check}})
    d = cluster.start_maglevd(config, wrapper=routers.wrapper(*drop), api="")
    for name, words in wanted.items():
        told = down_with(d, name, "L4CON")
        assert told["detail"] == (words if name.startswith("icmp") else f"connect: {words}"), told
    d.wait_state("router4", "up")
    d.wait_state("router6", "up")


# A namespace for the probes, named as `ip netns` names them.

class Named:
    """A named namespace with servers in it, made, removed and made again."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.name = f"maglev-e2e-{os.getpid()}"
        self.holders = []

    def make(self):
        """The servers first, then the name: whoever goes by the name finds them there."""
        holder = subprocess.Popen(["unshare", "--net", "sh", "-c",
                                   "ip link set lo up && echo ready && exec sleep 100000"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.holders.append(holder)
        if holder.stdout.readline().strip() != "ready":
            pytest.skip(f"no network namespace here: {holder.stderr.read()}")
        server = Process(f"server{len(self.holders)}",
                         ["nsenter", "--target", str(holder.pid), "--net", sys.executable,
                          HERE / "responder.py", str(self.cluster.port), str(self.cluster.port + 1),
                          *self.certificate(), *(self.cluster.address(n) for n in range(1, 6))],
                         self.cluster.dir)
        self.holders.append(server.popen)
        wait_for(lambda: "ready" in server.stdout_text(), server.stderr_text)
        p = subprocess.run(["ip", "netns", "attach", self.name, str(holder.pid)], capture_output=True,
                           text=True)
        if p.returncode != 0:
            pytest.skip(f"no named namespaces here: {p.stderr}")

    def certificate(self):
        cert, key = self.cluster.dir / "cert.pem", self.cluster.dir / "key.pem"
        if not cert.exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                            "-keyout", key, "-out", cert], check=True, capture_output=True)
        return str(cert), str(key)

    def remove(self):
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True)

    def close(self):
        self.remove()
        for h in self.holders:
            h.kill()
            h.wait()


@pytest.fixture
def named(cluster):
    if os.geteuid() != 0:
        pytest.skip("named namespaces need root")
    n = Named(cluster)
    yield n
    n.close()


def test_the_namespace_goes_and_comes_back(cluster, named):
    named.make()
    cluster.start_sim()
    backends = {f"b{n}": {"address": cluster.address(n), "healthcheck": "web"} for n in range(1, 6)}
    check = {"type": "http", "port": cluster.port, **PATIENT}
    config = cluster.config(backends=backends, checks={"web": check})
    config["maglev"]["healthchecker"]["netns"] = named.name
    d = cluster.start_maglevd(config)
    everybody = {b["address"]: 100 for b in backends.values()}
    cluster.wait_weights(everybody)
    d.wait_drift_syncs()

    for _ in range(2):
        before, log = cluster.sim.mark(), d.mark()
        named.remove()
        d.wait_log("checker-degraded", log)
        assert named.name in d.wait_log("probe-inconclusive", log)["detail"]
        for name in backends:
            d.wait_log("probe-done", log, count=10, backend=name, code="LOCAL")
        named.make()
        d.wait_log("checker-recovered", log, timeout=2 * DEADLINE)
        again = d.mark()
        for name in backends:
            d.wait_log("probe-done", again, count=5, backend=name, code="L7OK")
        assert d.records("backend-transition", log) == []
        assert cluster.sim.calls(before) == []

    # One that comes back without a network leads nowhere: nobody has been asked. With one in which
    # nobody listens they are dead.
    log = d.mark()
    named.remove()
    d.wait_log("probe-inconclusive", log)
    must(subprocess.run(["ip", "netns", "add", named.name], capture_output=True, text=True))
    for name in backends:
        d.wait_log("probe-done", log, count=5, backend=name, code="LOCAL", detail="connect: Network is unreachable")
    assert d.records("backend-transition", log) == []
    must(subprocess.run(["ip", "-n", named.name, "link", "set", "lo", "up"], capture_output=True, text=True))
    for name in backends:
        d.wait_state(name, "down", log)


def test_a_namespace_that_is_not_there_yet(cluster, named):
    cluster.start_sim()
    backends = {"b": {"address": cluster.address(1), "healthcheck": "web"}}
    config = cluster.config(backends=backends, checks={"web": {"type": "http", "port": cluster.port, **PATIENT}})
    config["maglev"]["healthchecker"]["netns"] = named.name
    d = cluster.start_maglevd(config)
    d.wait_log("probe-done", count=5, backend="b", code="LOCAL")
    assert d.backend("b")["state"] == "unknown"
    named.make()
    d.wait_state("b", "up")
    cluster.wait_weights({cluster.address(1): 100})


def test_no_permission_for_namespaces(cluster, named):
    """Without CAP_SYS_ADMIN: said at start by its name, and again now and then; nothing is judged."""
    named.make()
    backends = {"b": {"address": cluster.address(1), "healthcheck": "web"}}
    config = cluster.config(backends=backends, checks={"web": {"type": "http", "port": cluster.port, **PATIENT}})
    config["maglev"]["healthchecker"]["netns"] = named.name
    d = cluster.start_maglevd(config, api="", wrapper=("setpriv", "--bounding-set=-sys_admin",
                                                       "--inh-caps=-sys_admin"))
    told = d.wait_log("missing-capability")
    assert told["level"] == "WARN" and told["capability"] == "CAP_SYS_ADMIN"
    assert "CAP_SYS_ADMIN" in told["detail"] and "setcap" in told["detail"]
    done = d.wait_log("probe-done", count=5, backend="b")
    assert (done["outcome"], done["code"]) == ("inconclusive", "LOCAL")
    assert done["detail"] == f"entering network namespace {named.name} needs CAP_SYS_ADMIN"
    warning = d.wait_log("probe-inconclusive")
    assert (warning["level"], warning["detail"]) == ("WARN", done["detail"])
    assert d.backend("b")["state"] == "unknown"
    assert d.records("backend-transition") == []
