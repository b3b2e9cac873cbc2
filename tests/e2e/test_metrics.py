# SPDX-License-Identifier: Apache-2.0
"""/metrics, as Prometheus and others see it."""
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

import scrape as scraping
import vppapi
from cluster import VIP, frontend
from processes import DEADLINE, wait_for
from scrape import Prometheus, Scrape, get, promtool, scrape
from test_scale import N, SANITIZED, config as large_config, rss

ON = ("--metrics-addr", "127.0.0.1:0")
QUIET = (*ON, "--log-level", "info")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
DOC = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
FAMILIES = re.findall(r"^\| `([a-z_]+)` \| ([a-z]+) \|", DOC.read_text(), re.M)


class TlsServer:
    """Answers TLS handshakes with a certificate of its own making, good for two days."""

    def __init__(self, directory, address, port):
        cert, key = directory / "tls.crt", directory / "tls.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=tls", "-keyout", key, "-out", cert], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.listener = socket.create_server((address, port))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            try:
                self.context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


@pytest.fixture
def tls(cluster):
    server = TlsServer(cluster.dir, cluster.address(9), cluster.port)
    yield server
    server.close()


@pytest.fixture
def world(cluster, tls):
    """Two web servers and a TLS one behind a VIP of a simulated VPP, with metrics on."""
    for name in "ab":
        cluster.web(name)
    cluster.start_sim()
    checks = {"web": cluster.check(),
              "tls": {"type": "tcp", "port": cluster.port, "interval": "200ms", "timeout": "20s",
                      "params": {"ssl": True, "insecure-skip-verify": True}}}
    backends = {"a": {"address": cluster.address(1), "healthcheck": "web"},
                "b": {"address": cluster.address(2), "healthcheck": "web"},
                "tls": {"address": cluster.address(9), "healthcheck": "tls"},
                "static": {"address": cluster.address(10)}}
    frontends = {"www": frontend({"primary": {"a": 100, "b": 50}, "fallback": {"tls": 10, "static": 1}})}
    cluster.backends, cluster.frontends, cluster.checks = backends, frontends, checks
    cluster.d = cluster.start_maglevd(cluster.config(backends, frontends, checks), *ON,
                                      "--vpp-stats-addr", cluster.sim.stats)
    cluster.wait_weights({"a": 100, "b": 50, cluster.address(9): 0, cluster.address(10): 0})
    cluster.d.wait_state("tls", "up")
    return cluster


# What is told.

def test_what_the_operator_sees_is_what_is_told(world):
    d = world.d
    s = scrape(d)
    assert s.state("a") == ["up"] and s.state("static") == ["up"]
    assert s.value("maglev_backend_state", backend="a", state="up", healthcheck="web",
                   address=world.address(1)) == 1
    assert s.labels("maglev_backend_state", "state") == {"unknown", "up", "down", "paused", "disabled"}
    assert s.labels("maglev_backend_state", "healthcheck", backend="static") == {""}
    assert s.value("maglev_backend_health", backend="a") == 3
    assert s.value("maglev_frontend_state", frontend="www", state="up") == 1
    assert s.value("maglev_frontend_state", frontend="www", state="down") == 0
    assert s.value("maglev_frontend_pool_backend_weight", pool="fallback", backend="tls") == 10
    assert s.value("maglev_frontend_pool_backend_effective_weight", pool="fallback", backend="tls") == 0
    assert s.value("maglev_frontend_pool_backend_effective_weight", frontend="www", pool="primary",
                   backend="b") == 50
    assert s.value("maglev_backend_transitions_total", backend="a", **{"from": "unknown"}, to="up") == 1
    left = s.value("maglev_backend_cert_expiry_seconds", backend="tls")
    assert 86400 < left <= 2 * 86400
    assert s.labels("maglev_backend_cert_expiry_seconds", "backend") == {"tls"}
    assert s.value("maglev_checker_degraded") == 0

    # An answer tells what is true after what was done before it.
    d.set_backend("a", "pause")
    d.set_weight("www", "primary", "b", 7)
    d.set_backend("static", "disable")
    s = scrape(d)
    assert s.state("a") == ["paused"] and s.state("static") == ["disabled"]
    assert s.value("maglev_backend_enabled", backend="a") == 1
    assert s.value("maglev_backend_enabled", backend="static") == 0
    assert s.value("maglev_frontend_pool_backend_weight", backend="b") == 7
    assert s.value("maglev_backend_transitions_total", backend="a", **{"from": "up"}, to="paused") == 1
    world.webs["b"].kill()
    d.wait_state("b", "down")
    s = scrape(d)
    assert s.value("maglev_probe_total", backend="b", type="http", result="failure", code="L4CON") >= 2
    assert s.value("maglev_backend_health", backend="b") == 0


def test_probes_add_up(world):
    def settled():
        s = scrape(world.d)
        return s if s.values("maglev_probe_total", backend="a")[:1] > [5.0] else None
    s = wait_for(settled, "some probes")
    for backend, kind in (("a", "http"), ("tls", "tcp"), ("static", "static")):
        n = sum(s.values("maglev_probe_total", backend=backend, type=kind))
        assert n == s.value("maglev_probe_duration_seconds_count", backend=backend, type=kind)
        buckets = s.values("maglev_probe_duration_seconds_bucket", backend=backend)
        assert len(buckets) == 15 and buckets == sorted(buckets) and buckets[-1] == n
        assert s.value("maglev_probe_duration_seconds_bucket", backend=backend, le="+Inf") == n
    assert s.value("maglev_probe_duration_seconds_sum", backend="a") > 0
    probed = sum(v for l, v in s.samples["maglev_probe_total"] if l["type"] != "static")
    assert s.value("maglev_probe_lateness_seconds_count") == probed
    les = [l["le"] for l, _ in s.samples["maglev_probe_duration_seconds_bucket"]][:15]
    assert les == "0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf".split()


def test_vpp(world):
    d = world.d
    world.sim.control("count 1 first 5")
    world.sim.control("count 1 next 1000")
    world.sim.control("count 1 untracked 3")
    world.sim.control("count 1 no-server 2")
    s = wait_for(lambda: (lambda s: s if s.values("maglev_vip_packets_total", kind="first") == [5] else None)
                 (scrape(d)), "the VIP's counters")
    vip = {"prefix": f"{VIP}/32", "protocol": "tcp", "port": 80}
    assert s.value("maglev_vip_packets_total", kind="next", **vip) == 1000
    assert s.value("maglev_vip_packets_total", kind="untracked", **vip) == 3
    assert s.value("maglev_vip_packets_total", kind="no_server", **vip) == 2
    assert s.value("maglev_vpp_connected") == 1
    assert 0 <= s.value("maglev_vpp_connected_seconds") < 3600
    assert 0 <= s.value("maglev_vpp_uptime_seconds") < 3600
    [(info, one)] = s.samples["maglev_vpp_info"]
    assert one == 1 and set(info) == {"version", "build_date", "pid"} and info["pid"].isdigit()
    assert s.value("maglev_vpp_lbsync_total", scope="all", kind="vip_added") == 1
    assert not s.values("maglev_vpp_lbsync_total", kind="error")
    assert not s.values("maglev_vpp_lbsync_total", kind="vip_removed")
    sent = s.value("maglev_vpp_api_total", msg="lb_add_del_vip_v2", direction="send", result="success")
    assert sent == 1
    assert s.value("maglev_vpp_api_total", msg="lb_add_del_vip_v2_reply", direction="recv",
                   result="success") == sent
    assert s.value("maglev_vpp_api_total", msg="lb_add_del_vip_v2_reply", direction="recv",
                   result="failure") == 0
    assert s.value("maglev_vpp_api_seconds_count", msg="lb_add_del_vip_v2") == sent

    # VPP goes: what is of the session goes with it, what was counted stays.
    mark = d.mark()
    world.sim.kill()
    d.wait_log("vpp-disconnect", mark)
    s = scrape(d)
    assert s.value("maglev_vpp_connected") == 0
    for name in ("maglev_vpp_uptime_seconds", "maglev_vpp_connected_seconds", "maglev_vpp_info",
                 "maglev_vip_packets_total", "maglev_vip_route_packets_total"):
        assert name not in s.samples
    assert s.value("maglev_vpp_lbsync_total", scope="all", kind="vip_added") == 1
    assert s.value("maglev_vpp_api_total", msg="lb_add_del_vip_v2", direction="send", result="success") == 1

    # And comes back.
    world.start_sim()
    world.wait_weights({"a": 100, "b": 50, world.address(9): 0, world.address(10): 0})
    s = scrape(d)
    assert s.value("maglev_vpp_connected") == 1
    assert s.value("maglev_vpp_lbsync_total", scope="all", kind="vip_added") == 2


def test_nothing_of_vpp_when_it_is_off(cluster):
    cluster.web("a")
    d = cluster.start_maglevd(cluster.config(), *ON, api="")
    s = scrape(d)
    assert not [n for n in s.samples if n.startswith(("maglev_vpp_", "maglev_vip_"))]
    assert s.value("maglev_build_info") == 1


def test_reloads_and_what_they_remove(world):
    d = world.d
    s = scrape(d)
    assert s.value("maglev_config_reloads_total", result="success") == 0
    assert s.value("maglev_config_reloads_total", result="failure") == 0
    loaded = s.value("maglev_config_last_reload_success_timestamp_seconds")
    assert abs(loaded - time.time()) < 3600
    del world.backends["tls"]
    world.frontends["www"]["pools"].pop()
    world.write_config(world.config(world.backends, world.frontends, world.checks))
    assert d.reload()["result"] == "ok"
    world.write_config("no: such: thing")
    assert d.reload()["result"] != "ok"
    s = scrape(d)
    assert '"tls"' not in s.text and "fallback" not in s.text
    assert s.value("maglev_config_reloads_total", result="success") == 1
    assert s.value("maglev_config_reloads_total", result="failure") == 1
    assert s.value("maglev_config_last_reload_success_timestamp_seconds") > loaded
    assert s.value("maglev_probe_total", backend="a", code="L7OK") > 0


def test_grpc(world):
    d = world.d
    d.ctl("show", "version")
    assert d.ctl("show", "backends", "nobody", check=False).returncode != 0
    s = scrape(d)
    started = s.samples["grpc_server_started_total"]
    methods = {(l["grpc_service"], l["grpc_method"]) for l, _ in started}
    assert {("maglev.Maglev", m) for m in ("GetVersion", "ListBackends", "PauseBackend", "ReloadConfig",
                                           "SyncVPPLBState")} <= methods
    version = {"grpc_service": "maglev.Maglev", "grpc_method": "GetVersion", "grpc_type": "unary"}
    n = s.value("grpc_server_started_total", **version)
    assert n >= 1
    assert s.value("grpc_server_handled_total", grpc_code="OK", **version) == n
    assert s.value("grpc_server_msg_received_total", **version) == n
    assert s.value("grpc_server_msg_sent_total", **version) == n
    assert s.value("grpc_server_handling_seconds_count", **version) == n
    get_backend = {**version, "grpc_method": "GetBackend"}
    assert s.value("grpc_server_handled_total", grpc_code="NotFound", **get_backend) == 1
    assert s.value("grpc_server_msg_sent_total", **get_backend) == \
        s.value("grpc_server_handled_total", grpc_code="OK", **get_backend)
    pause = {**version, "grpc_method": "PauseBackend"}
    assert s.value("grpc_server_started_total", **pause) == 0
    assert s.value("grpc_server_handled_total", grpc_code="PermissionDenied", **pause) == 0
    les = [l["le"] for l, _ in s.samples["grpc_server_handling_seconds_bucket"]][:12]
    assert les == "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf".split()
    for l, _ in started:
        assert len(s.values("grpc_server_handled_total", **l)) == 17


def test_grpc_streams(world):
    pytest.importorskip("grpc", reason="python3-grpcio is not installed")
    from grpcclient import Client
    watch = {"grpc_service": "maglev.Maglev", "grpc_method": "WatchEvents", "grpc_type": "server_stream"}
    assert scrape(world.d).value("grpc_server_started_total", **watch) == 0
    with Client(world.d.grpc) as client:
        stream = client.watch()
        for _ in range(3):
            next(stream)
        s = scrape(world.d)
        assert s.value("grpc_server_started_total", **watch) == 1
        assert s.value("grpc_server_msg_received_total", **watch) == 1
        assert s.value("grpc_server_msg_sent_total", **watch) >= 3
        assert sum(s.values("grpc_server_handled_total", **watch)) == 0
        stream.cancel()
    wait_for(lambda: scrape(world.d).value("grpc_server_handled_total", grpc_code="Canceled", **watch) == 1,
             "the stream's end to be counted")
    s = scrape(world.d)
    assert sum(s.values("grpc_server_handled_total", **watch)) == 1
    assert s.value("grpc_server_handling_seconds_count", **watch) == 1
    # The standard services are counted as well.
    services = s.labels("grpc_server_started_total", "grpc_service")
    assert {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= services


def test_the_process(world):
    s = scrape(world.d)
    assert s.value("process_cpu_seconds_total") >= 0
    assert abs(s.value("process_start_time_seconds") - time.time()) < 3600
    resident = s.value("process_resident_memory_bytes")
    assert 0.5 < resident / rss(world.d) < 2
    assert s.value("process_virtual_memory_bytes") > resident
    assert 10 < s.value("process_open_fds") < s.value("process_max_fds")
    assert s.value("process_threads") > 3


# The formats, and Prometheus itself.

def test_promtool_finds_nothing(world):
    world.d.ctl("show", "version")
    status, headers, text = get(world.d)
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert promtool(text) == (0, "")


def test_what_is_told_is_what_the_document_says(world):
    _, _, text = get(world.d)
    told = dict(re.findall(r"^# TYPE ([a-z_]+) ([a-z]+)$", text, re.M))
    assert FAMILIES and told.items() <= dict(FAMILIES).items()
    order = [name for name, _ in FAMILIES]
    assert sorted(told, key=order.index) == list(told)


def test_openmetrics_on_demand(world):
    status, headers, text = get(world.d, Accept=OPENMETRICS)
    assert status == 200
    assert headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
    assert "# TYPE maglev_probe counter\n" in text and "\nmaglev_probe_total{" in text
    assert '",le="1.0"}' in text
    status, headers, _ = get(world.d, method="HEAD", Accept=OPENMETRICS)
    assert status == 200 and headers["Content-Type"].startswith("application/openmetrics-text")


def test_other_paths_and_methods(world):
    d = world.d
    status, headers, text = get(d, "/")
    assert status == 200 and headers["Content-Type"].startswith("text/html") and "/metrics" in text
    assert get(d, "/", "HEAD")[::2] == (200, "")
    assert get(d, "/metrics", "HEAD")[::2] == (200, "")
    assert get(d, "/other")[0] == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = get(d, "/metrics", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_a_real_prometheus_answers_for_every_family(world):
    d = world.d
    world.sim.control("count 1 first 5")
    d.ctl("show", "version")
    with world.sim.client() as hand:
        hand.set_weight(vppapi.key(VIP), world.address(1), 7)
    d.wait_log("vpp-lb-drift")
    p = Prometheus(world.dir, f"{world.address(200)}:9090", d)
    world.processes.append(p)
    assert p.wait_query("up") and p.wait_query("up == 1")
    p.wait_query("maglev_vip_packets_total{kind='first'}", lambda v: v == [5])
    p.wait_query("maglev_vpp_drift_total{kind='as_weight'} >= 1")
    absent = {"process_virtual_memory_max_bytes"}  # a limit that nobody set
    for name, kind in FAMILIES:
        if name not in absent:
            p.wait_query(name + ("_count" if kind == "histogram" else ""))
    # (Each waits: a scrape may have failed that took the machine more than its second.)
    [(labels, value)] = p.wait_query("sum by (state) (maglev_backend_state{backend='a'}) == 1")
    assert labels == {"state": "up"} and value == 1
    assert p.wait_query("sum(maglev_frontend_pool_backend_effective_weight)")[0][1] == 150
    assert p.wait_query("rate(maglev_probe_total{backend='a',result='success'}[10s]) > 0")
    assert p.wait_query("histogram_quantile(0.99, rate(maglev_probe_duration_seconds_bucket{backend='a'}[10s]))",
                        lambda v: 0 < v[0] < 10)
    assert p.wait_query("count by (grpc_code) (grpc_server_handled_total{grpc_method='GetVersion'})")

    world.webs["a"].kill()
    p.wait_query("maglev_backend_state{backend='a',state='down'} == 1")
    p.wait_query("increase(maglev_backend_transitions_total{backend='a',to='down'}[1m])")


# The port.

def test_a_port_in_use_ends_the_start(cluster):
    cluster.web("a")
    with socket.create_server(("127.0.0.1", 0)) as s:
        addr = f"127.0.0.1:{s.getsockname()[1]}"
        d = cluster.start_maglevd(cluster.config(), "--metrics-addr", addr, api="", ready=False)
        assert d.wait() == 1
    assert addr in d.stderr_text() and "in use" in d.stderr_text()
    assert addr in d.records("start-failed")[0]["detail"]


def test_an_address_that_is_none(cluster):
    cluster.web("a")
    d = cluster.start_maglevd(cluster.config(), "--metrics-addr", "nonsense", api="", ready=False)
    assert d.wait() == 1
    assert "nonsense" in d.stderr_text()


def test_empty_is_off(cluster):
    cluster.web("a")
    d = cluster.start_maglevd(cluster.config(), api="")
    d.wait_log("vpp-off")  # what follows it in the start
    assert d.records("metrics-off") and not d.records("metrics-listening")


class Loris(threading.Thread):
    """Keeps connections open on which requests never end."""

    def __init__(self, port, n):
        super().__init__(daemon=True)
        self.port, self.n, self.stopped, self.rounds = port, n, threading.Event(), 0

    def run(self):
        held = []
        while not self.stopped.is_set():
            while len(held) < self.n:
                s = socket.create_connection(("127.0.0.1", self.port))
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
                held.append(s)
            for s in list(held):
                try:
                    s.sendall(b"X-a: b\r\n")
                except OSError:
                    s.close()
                    held.remove(s)
            self.rounds += 1
            self.stopped.wait(0.2)
        for s in held:
            s.close()


def test_slow_loris(world):
    """Half a thousand requests that never end: scrapes succeed, probes start in time."""
    d = world.d
    loris = Loris(scraping.port(d), 500)
    fds = scrape(d).value("process_open_fds")
    loris.start()
    wait_for(lambda: loris.rounds >= 2, "the loris to hang on")
    before = scrape(d)
    for _ in range(20):
        s = scrape(d)
        assert s.state("a") == ["up"]
        assert s.value("process_open_fds") < fds + 150
        time.sleep(0.1)
    loris.stopped.set()
    loris.join()
    # Not one probe in all that time failed.
    for code in ("L4TOUT", "L7TOUT", "LOCAL"):
        assert not s.values("maglev_probe_total", code=code)
    assert s.value("maglev_checker_degraded") == 0
    assert s.value("maglev_probe_lateness_seconds_count") > before.value("maglev_probe_lateness_seconds_count")


def test_requests_that_never_end_are_ended(world):
    """However busily they trickle."""
    with socket.create_connection(("127.0.0.1", scraping.port(world.d))) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\n")

        def cut():
            try:
                s.sendall(b"X-a: b\r\n")
                time.sleep(0.1)
                return False
            except OSError:
                return True
        wait_for(cut, "the server's patience to end")


# Ten thousand backends.

def test_many_backends(cluster):
    """Size, time, memory, and how long the main loop was held."""
    cluster.start_sim()
    d = cluster.start_maglevd(large_config(cluster, N), *ON, "--vpp-stats-addr", cluster.sim.stats)
    d.wait_log("backend-transition", count=N, to="down", timeout=4 * DEADLINE)
    before, longest = rss(d), []
    for _ in range(5):
        mark, start = d.mark(), time.monotonic()
        _, _, text = get(d)
        took = time.monotonic() - start
        held = d.wait_log("metrics-snapshot", mark)
        print(f"{N} backends: {len(text) / 1e6:.1f} MB in {took * 1000:.0f} ms, the main loop held "
              f"{held['longest_ns'] / 1e6:.2f} ms at most ({held['longest_cpu_ns'] / 1e6:.2f} ms of CPU), "
              f"{held['busy_ns'] / 1e6:.2f} ms in all, in {held['slices']} slices")
        longest.append(held["longest_cpu_ns"])
    # By the CPU's clock, and at its best: what other processes and the machine's own owner take is not
    # the daemon's doing.
    assert SANITIZED or min(longest) < 5_000_000
    grown = rss(d) - before
    print(f"RSS grew by {grown / 1e6:.1f} MB, {grown / N:.0f} bytes a backend")
    answer = Scrape(text)
    assert len(answer.samples["maglev_backend_health"]) == N
    assert len(answer.samples["maglev_frontend_pool_backend_weight"]) == N
    assert not answer.values("maglev_probe_total", code="LOCAL")
    assert promtool(text) == (0, "")
