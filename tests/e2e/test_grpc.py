# SPDX-License-Identifier: Apache-2.0
"""The API through grpcio: each method and its errors, events, health, reflection, TLS, hostile clients."""
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

grpc = pytest.importorskip("grpc", reason="python3-grpcio is not installed")

import grpcclient
from cluster import frontend
from grpcclient import Client, Code, fails, messages, methods, pb
from processes import DEADLINE, PATIENCE, wait_for

BACKENDS = {"web-a": {"address": "127.1.9.1", "healthcheck": "web"},
            "web-b": {"address": "127.1.9.2"},
            "web-off": {"address": "127.1.9.3", "enabled": False}}


def config(cluster, backends=None, **lb):
    """web-a refuses, web-b is static, web-off disabled."""
    backends = backends or BACKENDS
    return cluster.config(backends=backends, frontends={"www": frontend({"p": dict.fromkeys(backends, 50)})},
                          checks={"web": {"type": "http", "port": 1, "interval": "1s", "timeout": "900ms",
                                         "reuse-connection": True, "params": {"path": "/"}}}, **lb)


@pytest.fixture
def daemon(cluster):
    cluster.start_sim()
    d = grpcclient.start(cluster, config(cluster), "--log-level", "info", "--vpp-stats-addr",
                         cluster.sim.stats)
    d.wait_state("web-a", "down")
    d.wait_state("web-b", "up")
    return d


@pytest.fixture
def client(daemon):
    with Client(daemon.grpc) as c:
        yield c


# ---- methods

def vpp_is_read(client):
    try:
        return client.call("GetVPPLBState").vips
    except grpc.RpcError as e:
        assert e.code() == Code.UNAVAILABLE
        return False


def test_every_method_answers(daemon, client):
    daemon.wait_log("vpp-connect")
    arguments = {"GetFrontend": {"name": "www"}, "GetHealthCheck": {"name": "web"},
                 "SetFrontendPoolBackendWeight": {"frontend": "www", "pool": "p", "backend": "web-b",
                                                  "weight": 7}}
    wait_for(lambda: vpp_is_read(client), "VPP's state to be known")
    # What changes a state comes in an order in which it may.
    order = [*[m for m in methods() if not re.match("Pause|Resume|Enable|Disable", m)],
             "PauseBackend", "ResumeBackend", "DisableBackend", "EnableBackend"]
    for method in order:
        request, response, streams = methods()[method]
        fields = arguments.get(method)
        if fields is None:
            fields = {"name": "web-a"} if "name" in request.DESCRIPTOR.fields_by_name else {}
        if streams:
            stream = client.watch()
            assert isinstance(next(stream), response)
            stream.cancel()
        else:
            assert isinstance(client.call(method, **fields), response), method


def test_lists(client):
    assert client.call("ListBackends").backend_names == ["web-a", "web-b", "web-off"]
    full = client.call("ListBackends", full=True)
    assert [(b.name, b.state) for b in full.backends] == [("web-a", "down"), ("web-b", "up"),
                                                         ("web-off", "disabled")]
    assert not client.call("ListBackends").backends
    assert [f.name for f in client.call("ListFrontends", full=True).frontends] == ["www"]
    checks = client.call("ListHealthChecks", full=True).healthchecks
    assert [(h.name, h.reuse_connection) for h in checks] == [("web", True)]


def test_errors(daemon, client):
    for method, noun in (("GetBackend", "backend"), ("GetFrontend", "frontend"),
                         ("GetHealthCheck", "health ?check"), ("PauseBackend", "backend")):
        text = fails(Code.NOT_FOUND, client.call, method, name="web-z")
        assert re.fullmatch(f'{noun} "web-z" not found', text), text
        fails(Code.INVALID_ARGUMENT, client.call, method, name="")
    assert "disabled" in fails(Code.FAILED_PRECONDITION, client.call, "PauseBackend", name="web-off")
    fails(Code.FAILED_PRECONDITION, client.call, "ResumeBackend", name="web-off")
    weight = dict(frontend="www", pool="p", backend="web-a")
    for w in (-1, 101):
        fails(Code.INVALID_ARGUMENT, client.call, "SetFrontendPoolBackendWeight", weight=w, **weight)
    fails(Code.NOT_FOUND, client.call, "SetFrontendPoolBackendWeight", **{**weight, "pool": "q"})
    text = fails(Code.INVALID_ARGUMENT, client.watch, log=True, log_level="loud")
    assert '"loud"' in text
    fails(Code.RESOURCE_EXHAUSTED, client.call, "GetBackend", name="x" * 70000)
    unknown = client.channel.unary_unary("/maglev.Maglev/Nonsense")
    fails(Code.UNIMPLEMENTED, unknown, b"", timeout=DEADLINE)


def test_without_vpp(cluster):
    for api in ("", cluster.dir / "nowhere.sock"):
        d = grpcclient.start(cluster, config(cluster), api=api)
        with Client(d.grpc) as c:
            for method in ("GetVPPInfo", "GetVPPLBState", "SyncVPPLBState", "GetVPPLBCounters"):
                if method in methods():
                    assert fails(Code.UNAVAILABLE, c.call, method)
        assert d.stop() == 0


# ---- events

def taken(stream, n):
    return [next(stream) for _ in range(n)]


def test_a_vpp_that_is_slow(cluster, daemon, client):
    """A call waits for it as long as its caller, and no longer than 5 s; nobody waits along."""
    daemon.wait_log("vpp-lb-sync-done", scope="all")
    cluster.sim.control("silence 10m")
    done, ended = threading.Event(), []
    begin = time.monotonic()

    def ask():
        try:
            client.call("SyncVPPLBState", timeout=10 * DEADLINE)
        except grpc.RpcError as e:
            ended.append((e.code(), e.details()))
        done.set()
    threading.Thread(target=ask, daemon=True).start()
    while not done.is_set():
        assert client.call("GetBackend", name="web-a").name == "web-a"
        done.wait(0.1)
    assert ended == [(Code.DEADLINE_EXCEEDED, "VPP did not answer in time")]
    assert time.monotonic() - begin >= 4.9


def test_replay(client):
    events = taken(client.watch(), 4)
    assert [e.backend.backend_name for e in events[:3]] == ["web-a", "web-b", "web-off"]
    for e in events[:3]:
        t = e.backend.transition
        assert getattr(t, "from") == t.to
        assert t.at_unix_ns == 0
    assert [e.backend.transition.to for e in events[:3]] == ["down", "up", "disabled"]
    assert events[3].frontend.frontend_name == "www"
    assert getattr(events[3].frontend.transition, "from") == events[3].frontend.transition.to == "up"


def test_filters(daemon, client):
    streams = {kind: client.watch(**{kind: True}) for kind in ("log", "backend", "frontend")}
    both = client.watch(backend=True, frontend=True)
    taken(streams["backend"], 3), taken(streams["frontend"], 1), taken(both, 4)
    streams["log"].initial_metadata()  # subscribed
    client.call("PauseBackend", name="web-b")
    e = next(streams["backend"]).backend
    assert (e.backend_name, getattr(e.transition, "from"), e.transition.to) == ("web-b", "up", "paused")
    assert abs(e.transition.at_unix_ns - time.time_ns()) < DEADLINE * 1e9
    e = next(streams["frontend"]).frontend
    assert (e.frontend_name, getattr(e.transition, "from"), e.transition.to) == ("www", "up", "down")
    assert [e.WhichOneof("event") for e in taken(both, 2)] == ["backend", "frontend"]
    # One order, that of the daemon's own log.
    seen = [e.log for e in taken(streams["log"], 2)]
    assert [e.msg for e in seen] == ["backend-transition", "frontend-transition"]
    assert {a.key: a.value for a in seen[0].attrs}["backend"] == "web-b"
    assert seen[0].level == "info"
    record = daemon.wait_log("backend-transition", backend="web-b", to="paused")
    assert [a.key for a in seen[0].attrs] == [k for k in record if k not in ("time", "level", "msg")]


def test_level_of_ones_own(daemon, client):
    """Debug records for one who asks, at a daemon that logs at info; tracing ends with him."""
    stream = client.watch(log=True, log_level="debug")
    wanted = {"probe-start", "probe-done"}
    seen = set()
    for e in stream:
        assert e.WhichOneof("event") == "log"
        seen.add(e.log.msg)
        if wanted <= seen:
            break
    stream.cancel()
    assert not daemon.records("probe-done")
    quiet = client.watch(log=True, log_level="warn")
    quiet.initial_metadata()
    client.call("PauseBackend", name="web-b")  # logs at info
    both = client.watch(log=True, log_level="info", timeout=DEADLINE)
    both.initial_metadata()
    client.call("ResumeBackend", name="web-b")
    assert next(e for e in both if e.log.msg == "backend-transition")
    quiet.cancel()


def test_reload_in_events(cluster, daemon, client):
    stream = client.watch(backend=True)
    taken(stream, 3)
    cluster.write_config(config(cluster, {k: v for k, v in BACKENDS.items() if k != "web-off"}
                                | {"web-new": {"address": "127.1.9.4"}}))
    client.call("ReloadConfig")
    e = next(stream).backend
    assert (e.backend_name, e.transition.to) == ("web-off", "removed")
    e = next(stream).backend
    assert (e.backend_name, e.transition.to) == ("web-new", "up")
    names = [e.backend.backend_name for e in taken(client.watch(backend=True), 3)]
    assert names == ["web-a", "web-b", "web-new"]


def test_cancel_and_deadline(daemon, client):
    stream = client.watch()
    taken(stream, 4)
    stream.cancel()
    fails(Code.CANCELLED, lambda: next(stream))
    fails(Code.DEADLINE_EXCEEDED, client.watch, backend=True, timeout=0.5)
    assert client.call("GetBackend", name="web-a").name == "web-a"


def test_stop_ends_streams(cluster, daemon):
    with Client(daemon.grpc) as c:
        events, health = c.watch(), c.watch_health()
        taken(events, 4)
        assert next(health) == "SERVING"
        daemon.signal(signal.SIGTERM)
        assert fails(Code.UNAVAILABLE, lambda: list(events)) == "shutting down"
        assert next(health) == "NOT_SERVING"
        fails(Code.UNAVAILABLE, lambda: next(health))
        assert daemon.wait() == 0


# ---- the standard services

def test_health(daemon, client):
    assert client.health() == client.health("maglev.Maglev") == "SERVING"
    assert '"nobody"' in fails(Code.NOT_FOUND, client.health, "nobody")
    assert next(client.watch_health("nobody")) == "SERVICE_UNKNOWN"
    assert next(client.watch_health("maglev.Maglev")) == "SERVING"


def test_health_while_stopping(cluster):
    """A call that waits for VPP keeps the daemon; meanwhile health can be asked."""
    cluster.start_sim()
    d = grpcclient.start(cluster, config(cluster))
    d.wait_log("vpp-connect")
    d.wait_drift_syncs()
    with Client(d.grpc) as c:
        cluster.sim.signal(signal.SIGSTOP)
        f = c.channel.unary_unary("/maglev.Maglev/SyncVPPLBState",
                                  pb().SyncVPPLBStateRequest.SerializeToString)
        held = f.future(pb().SyncVPPLBStateRequest(), timeout=DEADLINE)
        time.sleep(0.2)  # on its way; if it is late, it is refused, and health is not seen
        d.signal(signal.SIGTERM)
        d.wait_log("stopping")
        try:
            seen = c.health()
        except grpc.RpcError as e:
            seen = e.code().name
        cluster.sim.signal(signal.SIGCONT)
        assert seen in ("NOT_SERVING", "UNAVAILABLE")
        held.exception(timeout=DEADLINE)
        assert d.wait() == 0


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection(client, version):
    from google.protobuf import descriptor_pb2
    answers = client.reflect(
        version, {"list_services": ""}, {"file_by_filename": "maglev.proto"},
        *[{"file_containing_symbol": s} for s in
          ("maglev.Maglev", "maglev.Maglev.WatchEvents", "maglev.BackendInfo", "maglev.BackendInfo.state",
           "grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc.health.v1.Health",
           f"grpc.reflection.{version}.ServerReflection")],
        {"file_containing_symbol": "maglev.Nothing"}, {"file_by_filename": "nothing.proto"},
        {"all_extension_numbers_of_type": "maglev.Event"}, {"all_extension_numbers_of_type": "maglev.Nil"},
        {"file_containing_extension": {"containing_type": "maglev.Event", "extension_number": 100}}, {})
    assert [s.name for s in answers[0].list_services_response.service] == [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection", "maglev.Maglev"]
    files = ["maglev.proto"] * 5 + ["grpc/health/v1/health.proto"] * 2 + [f"grpc/reflection/{version}/reflection.proto"]
    for answer, name in zip(answers[1:9], files):
        data = answer.file_descriptor_response.file_descriptor_proto[0]
        assert descriptor_pb2.FileDescriptorProto.FromString(data).name == name
    ours = descriptor_pb2.FileDescriptorProto.FromString(
        answers[1].file_descriptor_response.file_descriptor_proto[0])
    theirs = descriptor_pb2.FileDescriptorProto()
    pb().DESCRIPTOR.CopyToProto(theirs)
    for f in (ours, theirs):  # python's copy leaves out what follows from the names
        for m in f.message_type:
            for field in m.field:
                field.ClearField("json_name")
    assert ours == theirs
    codes = [a.error_response.error_code for a in answers[9:]]
    assert codes == [5, 5, 0, 5, 5, 3]
    assert list(answers[11].all_extension_numbers_response.extension_number) == []
    assert answers[11].all_extension_numbers_response.base_type_name == "maglev.Event"
    assert all(a.original_request.WhichOneof("message_request") for a in answers[:-1])


def test_reflection_off(cluster):
    d = grpcclient.start(cluster, config(cluster), "--reflection=false", api="")
    with Client(d.grpc) as c:
        for version in ("v1", "v1alpha"):
            fails(Code.UNIMPLEMENTED, c.reflect, version, {"list_services": ""})
        assert c.health() == "SERVING"


# ---- who may change things

def openssl(directory, *args):
    subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def certificates(cluster):
    """ca signs server and client; a stranger has one of another CA."""
    d = cluster.dir / "pki"
    d.mkdir()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for ca in ("ca", "other"):
        openssl(d, "req", "-x509", *key, "-days", "2", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key",
                "-out", f"{ca}.crt")
    (d / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:10.99.0.1\n")
    for name, ca, subject in (("server", "ca", "/CN=localhost"), ("client", "ca", "/O=Ops/CN=alice"),
                              ("stranger", "other", "/CN=mallory")):
        openssl(d, "req", *key, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(d, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key",
                "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{name}.crt")
    return d


def credentials(pki, who=None):
    read = lambda n: (pki / n).read_bytes()
    return grpc.ssl_channel_credentials(read("ca.crt"), who and read(f"{who}.key"), who and read(f"{who}.crt"))


def tls_flags(pki, client_ca=False):
    flags = ["--grpc-tls-cert", pki / "server.crt", "--grpc-tls-key", pki / "server.key"]
    return [*flags, "--grpc-client-ca", pki / "ca.crt"] if client_ca else flags


def own_address():
    """An address of this machine that is no loopback address, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            address = s.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


@pytest.fixture
def remote():
    address = own_address()
    if not address:
        pytest.skip("this machine has only loopback addresses")
    return address


def test_remote_change_refused(cluster, remote):
    d = grpcclient.start(cluster, config(cluster), api="", host="0.0.0.0")
    with Client(f"{remote}:{d.port}") as c:
        assert c.call("GetBackend", name="web-b").state
        for method, fields in (("PauseBackend", {"name": "web-b"}), ("ReloadConfig", {}),
                               ("SetFrontendPoolBackendWeight", {"frontend": "www"}), ("SyncVPPLBState", {})):
            text = fails(Code.PERMISSION_DENIED, c.call, method, **fields)
            assert "--grpc-client-ca" in text and "--grpc-allow-remote-admin" in text
        refused = d.wait_log("grpc-admin", result="PERMISSION_DENIED", method="PauseBackend")
        assert remote in refused["peer"] and refused["target"] == "web-b"
        taken(c.watch(), 4)  # reading is free
    with Client(f"127.0.0.1:{d.port}") as c:
        assert c.call("PauseBackend", name="web-b").state == "paused"


def test_remote_admin_allowed(cluster, remote):
    d = grpcclient.start(cluster, config(cluster), "--grpc-allow-remote-admin", api="", host="0.0.0.0")
    with Client(f"{remote}:{d.port}") as c:
        assert c.call("PauseBackend", name="web-b").state == "paused"


def test_tls_alone_does_not_lift_it(cluster, certificates, remote):
    d = grpcclient.start(cluster, config(cluster), *tls_flags(certificates), api="", host="0.0.0.0")
    name = [("grpc.ssl_target_name_override", "localhost")]
    with Client(f"{remote}:{d.port}", credentials(certificates), name) as c:
        assert c.health() == "SERVING"
        fails(Code.PERMISSION_DENIED, c.call, "PauseBackend", name="web-b")
    with Client(f"127.0.0.1:{d.port}") as c:
        fails(Code.UNAVAILABLE, c.call, "GetVersion")


def test_mutual_tls(cluster, certificates):
    address = own_address() or "127.0.0.1"
    d = grpcclient.start(cluster, config(cluster), *tls_flags(certificates, True), api="", host="0.0.0.0")
    name = [("grpc.ssl_target_name_override", "localhost")]
    with Client(f"{address}:{d.port}", credentials(certificates, "client"), name) as c:
        assert c.call("PauseBackend", name="web-b").state == "paused"
        taken(c.watch(), 4)
    record = d.wait_log("grpc-admin", method="PauseBackend", result="OK")
    assert "alice" in record["subject"]
    for who in (None, "stranger"):
        with Client(f"{address}:{d.port}", credentials(certificates, who), name) as c:
            fails(Code.UNAVAILABLE, c.call, "GetVersion")


# ---- hostile clients

def test_http1_on_the_port(daemon, client):
    for request in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /maglev.Maglev/GetVersion HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", daemon.port), DEADLINE) as s:
            s.sendall(request)
            s.settimeout(DEADLINE)
            while s.recv(4096):
                pass  # until it is closed on us
    assert client.health() == "SERVING"


def test_ten_thousand_streams(daemon, client):
    """One connection gets as many streams as one may; others are served, and they can go again."""
    with Client(daemon.grpc) as greedy:
        streams = [greedy.watch(backend=True, timeout=10 * DEADLINE) for _ in range(10000)]
        taken(streams[0], 3)
        assert client.call("GetBackend", name="web-a").name == "web-a"
        assert len(taken(client.watch(), 4)) == 4
        for s in streams:
            s.cancel()
    assert client.call("PauseBackend", name="web-b").state == "paused"


def test_half_open_connections(daemon, client):
    """Connections that say nothing, or stop in the middle of a greeting."""
    silent = []
    for i in range(300):
        s = socket.create_connection(("127.0.0.1", daemon.port), DEADLINE)
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[:i % 25])
        silent.append(s)
    assert client.health() == "SERVING"
    # They are closed on the daemon's side, with nothing asked of the client's.
    silent[0].settimeout(3 * DEADLINE)
    while silent[0].recv(4096):
        pass
    for s in silent:
        s.close()


def test_huge_headers(daemon, client):
    get = client.channel.unary_unary("/maglev.Maglev/GetVersion")
    with pytest.raises(grpc.RpcError):
        get(b"", timeout=DEADLINE, metadata=[("x-padding", "y" * 200000)])
    with pytest.raises(grpc.RpcError):
        get(b"", timeout=DEADLINE, metadata=[(f"x-{i}", "y" * 100) for i in range(500)])
    with Client(daemon.grpc) as other:
        assert other.call("GetVersion").version


def test_reader_of_reflection_that_does_not_read(daemon, client):
    """It is not asked for its next question before the last answer has left."""
    r = messages("grpc_reflection_v1_reflection")
    f = client.channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                     r.ServerReflectionRequest.SerializeToString)
    stop = threading.Event()

    def questions():
        while not stop.is_set():
            yield r.ServerReflectionRequest(file_by_filename="maglev.proto")

    def rss():
        with open(f"/proc/{daemon.pid}/status", encoding="ascii") as s:
            return next(int(l.split()[1]) for l in s if l.startswith("VmRSS"))
    before = rss()
    stream = f(questions(), timeout=DEADLINE)
    time.sleep(2)
    assert client.health() == "SERVING"
    if PATIENCE == 1:
        assert rss() - before < 20000  # kB
    stop.set()
    stream.cancel()
