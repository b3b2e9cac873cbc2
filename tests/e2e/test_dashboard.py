# SPDX-License-Identifier: Apache-2.0
"""The dashboard against real maglevds: what it shows, its event streams, and who may change things."""
import gzip
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from cluster import BIN, frontend
from dashboard import ADMIN, LOGIN, USER, Dashboard, Reader, seq
from processes import DEADLINE, PATIENCE, Process, repeatedly, wait_for


@pytest.fixture
def board(trio):
    """Three backends on one maglevd, the dashboard with admin, everything loaded."""
    trio.board = Dashboard(trio, {"local": trio.d.grpc}, admin=True)
    trio.board.wait_loaded("local")
    return trio


def member(state, name, fe="www"):
    info = next(f for f in state["frontends"] if f["name"] == fe)
    return next(b for p in info["pools"] for b in p["backends"] if b["name"] == name)


def backend(state, name):
    return next(b for b in state["backends"] if b["name"] == name)


# What is read.

def test_state(board):
    s = board.board.state("local")
    assert s["connected"] and s["last_error"] == "" and s["address"] == board.d.grpc
    assert [b["name"] for b in s["backends"]] == ["a", "b", "c"]
    assert all(b["state"] == "up" and b["frontends"] == ["www"] for b in s["backends"])
    assert s["backends"][0]["last_transition"]["to"] == "up"
    assert s["backends"][0]["last_probe"]["code"] == "L7OK"
    assert "transitions" not in s["backends"][0]
    www = s["frontends"][0]
    assert www["state"] == "up" and www["active_pool"] == "primary"
    assert [(m["name"], m["weight"], m["effective_weight"]) for m in www["pools"][0]["backends"]] \
        == [(n, 100, 100) for n in "abc"]
    assert sum(m["buckets"] for m in www["pools"][0]["backends"]) == www["flow_table_length"]
    assert s["healthchecks"][0]["interval_ms"] == 200 and s["healthchecks"][0]["tcp"] is None
    assert s["vpp"]["connected"] and s["vpp"]["pid"] > 0 and s["vpp"]["boot_ms"] > 0
    vip = s["lb"]["vips"][0]
    assert vip["frontend"] == "www" and vip["prefix"] == "203.0.113.80/32"
    assert sorted((x["backend"], x["weight"], x["buckets"]) for x in vip["application_servers"]) \
        == sorted((m["name"], 100, m["buckets"]) for m in www["pools"][0]["backends"])
    history = board.board.get("/view/api/state/local/backend/a")["transitions"]
    assert [t["to"] for t in history] == ["up"]
    counters = board.board.wait_state("local", lambda s: s["counters"], "counters")["counters"]
    assert counters["vips"][0]["frontend"] == "www" and counters["vips"][0]["first_packets"] == 0

    everything = board.board.get("/view/api/state")
    assert [m["name"] for m in everything["maglevds"]] == ["local"]
    assert seq(everything["event_id"]) > 0
    assert board.board.get("/view/api/maglevds")[0]["name"] == "local"
    version = board.board.get("/view/api/version")
    assert set(version) == {"version", "commit", "build_date", "admin_enabled"}
    assert version["admin_enabled"] is True
    for path in ("/view/api/state/none", "/view/api/state/local/backend/none", "/view/api/nothing"):
        answer = board.board.ask(path)
        assert answer.status == 404 and answer.json()["error"]


def test_page_and_headers(board):
    d = board.board
    for path in ("/", "/view"):
        assert d.ask(path).status == 302 and d.ask(path).headers["Location"] == "/view/"
    page = d.ask("/view/")
    assert page.status == 200 and page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Cache-Control"] == "no-store"
    text = page.body.decode()
    assets = [w for w in text.replace("'", '"').split('"') if w.startswith("/view/assets/")]
    assert assets
    for path in assets:
        plain = d.ask(path)
        assert plain.status == 200 and "immutable" in plain.headers["Cache-Control"]
        small = d.ask(path, headers={"Accept-Encoding": "gzip"})
        if small.headers["Content-Encoding"]:
            assert gzip.decompress(small.body) == plain.body
            assert len(small.body) < len(plain.body)
        refused = d.ask(path, headers={"Accept-Encoding": "gzip;q=0, br;q=0"})
        assert refused.body == plain.body and refused.headers["Content-Encoding"] is None
        assert plain.headers["Vary"] == "Accept-Encoding"
    assert any(d.ask(p, headers={"Accept-Encoding": "gzip, br"}).headers["Content-Encoding"] == "br"
               for p in assets)
    assert d.ask("/favicon.svg").headers["Content-Type"] == "image/svg+xml"
    assert d.ask("/favicon.ico").status == 200
    assert d.ask("/healthz").body == b"ok\n"
    big = d.ask("/view/api/state", headers={"Accept-Encoding": "gzip"})
    assert big.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(big.body))["maglevds"]

    head = d.ask("/view/api/state", "HEAD")
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) > 100
    for path in ("/view/", "/view/api/state", "/nothing", "/healthz", "/admin/", "/favicon.svg"):
        headers = d.ask(path).headers
        csp = headers["Content-Security-Policy"]
        assert "default-src 'none'" in csp and "script-src 'self';" in csp and "unsafe" not in csp
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"


def test_head_of_the_event_stream(board):
    """It has no body, not even an end of one: the connection's next answer would begin with it."""
    d = board.board
    said = d.raw(f"HEAD /view/api/events HTTP/1.1\r\nHost: {d.address}\r\n\r\n"
                 f"GET /healthz HTTP/1.1\r\nHost: {d.address}\r\nConnection: close\r\n\r\n".encode())
    head, rest = said.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200") and b"text/event-stream" in head
    assert b"X-Accel-Buffering: no" in head and b"Cache-Control: no-store" in head
    assert rest == b"" or rest.startswith(b"HTTP/1.1 200")


# Events.

def test_a_backend_that_dies_and_returns(board):
    r = Reader(board.board)
    assert r.headers["Content-Type"] == "text/event-stream"
    assert r.headers["X-Accel-Buffering"] == "no" and r.headers["Content-Encoding"] is None
    board.webs["b"].kill()
    down = r.wait("backend", backend="b", to="down")
    assert down["from"] == "up" and down["code"] == "L4CON" and down["maglevd"] == "local"
    r.wait("log", msg="vpp-lb-sync-as-weight-updated")
    told = wait_for(lambda: [f for f in r.of("frontend", frontend="www")
                             if member({"frontends": [f["info"]]}, "b")["effective_weight"] == 0],
                    "effective weights")[0]
    assert told["from"] == told["to"] == "up"
    # VPP's table follows: all buckets with the others.
    wait_for(lambda: [v for e in r.of("lb-state") for v in e["vips"]
                      if {x["backend"]: x["buckets"] for x in v["application_servers"]}["b"] == 0],
             "buckets moved")
    s = board.board.wait_state("local", lambda s: member(s, "b")["effective_weight"] == 0)
    assert backend(s, "b")["state"] == "down"
    assert backend(s, "b")["since_ms"] == down["at_ms"]
    board.webs["b"].start()
    r.wait("backend", backend="b", to="up")
    board.board.wait_state("local", lambda s: member(s, "b")["effective_weight"] == 100)
    # Ids grow by one; heartbeats and counters have none; the replay of a subscription shows nowhere.
    ids = [seq(i) for i, _, _ in r.events if i]
    assert ids == sorted(set(ids))
    beat = r.wait("heartbeat")
    assert {"in_flight", "probes", "vpp_sent", "vpp_received", "omitted"} < set(beat)
    assert all(i is None for i, t, _ in r.events if t in ("heartbeat", "counters"))
    assert all(d["from"] != d["to"] for d in r.of("backend"))
    assert not r.of("resync")
    r.close()


def test_heartbeats(board):
    r = Reader(board.board)
    wait_for(lambda: {p[0] for h in r.of("heartbeat") for p in h["probes"]} == set("abc"), "probes")
    for name, code, ms in (p for h in r.of("heartbeat") for p in h["probes"]):
        assert code == "L7OK" and 0 < ms < 20000  # the check's time-out
    # Records that are folded are not told one by one, at any level.
    admin = Reader(board.board, "/admin/api/events?log=debug", headers=LOGIN)
    wait_for(lambda: any(h["vpp_sent"] for h in admin.of("heartbeat")), "VPP's activity")
    board.d.set_backend("a", "pause")
    admin.wait("log", msg="vpp-lb-sync-done", level="debug")
    assert not [d for d in admin.of("log") if d["msg"].startswith(("probe-", "vpp-api-"))]
    assert not r.of("log", level="debug")
    r.wait("counters")
    r.close()
    admin.close()


def test_pings(board):
    """Every 15 s, whatever else there is to say."""
    def after_15_seconds():
        began = time.monotonic()
        r = Reader(board.board)
        wait_for(lambda: r.pings == 1, "a ping")
        took = time.monotonic() - began
        r.close()
        assert took > 14
        return took < 17
    repeatedly(after_15_seconds, "a ping in time")


def test_replay(board):
    r = Reader(board.board)
    board.d.set_backend("a", "pause")
    r.wait("backend", backend="a", to="paused")
    seen = r.last_id
    r.close()
    board.d.set_backend("b", "pause")
    board.d.set_backend("c", "disable")
    watcher = Reader(board.board, last_id=seen)
    watcher.wait("backend", backend="b", to="paused")
    disabled = watcher.wait("backend", backend="c", to="disabled")
    assert disabled["enabled"] is False
    assert not watcher.of("resync")
    numbered = [i for i, _, _ in watcher.events if i]
    assert numbered == sorted(set(numbered), key=seq) and seq(numbered[0]) > seq(seen)
    # Once more, by the parameter that the page uses for its first connection.
    again = Reader(board.board, f"/view/api/events?last_event_id={seen}")
    again.wait("backend", backend="c", to="disabled")
    assert not again.of("resync")
    state = board.board.state("local")
    fresh = Reader(board.board, f"/view/api/events?last_event_id={state['event_id']}")
    board.d.set_backend("b", "resume")
    assert fresh.wait("backend")["backend"] == "b"
    for last_id in ("0-1", "nonsense", seen.split("-")[0] + "-999999"):
        lost = Reader(board.board, last_id=last_id)
        assert lost.wait("resync")["maglevd"] == ""
        assert len(lost.of("resync")) == 1
        lost.close()
    for reader in (watcher, again, fresh):
        reader.close()


def test_reload(board):
    r = Reader(board.board)
    config = board.config(frontends={
        "www": frontend({"primary": {"a": 10, "b": 100}}),
        "<b>x</b> & \"y\"": frontend({"primary": {"c": 100}}, address="203.0.113.81")})
    board.write_config(config)
    assert board.d.reload()["result"] == "ok"
    assert r.wait("resync", maglevd="local")["reason"] == "configuration reloaded"
    s = board.board.state("local")
    assert [f["name"] for f in s["frontends"]] == ["<b>x</b> & \"y\"", "www"]
    assert member(s, "a")["weight"] == 10
    r.close()


def stall(dashboard):
    """A reader that takes nothing, with a small window."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect((dashboard.address, dashboard.port))
    s.sendall(b"GET /view/api/events HTTP/1.1\r\nHost: x\r\n\r\n")
    return s


def test_a_reader_that_stalls_is_bounded(board):
    pytest.importorskip("grpc", reason="python3-grpcio is not installed")
    import grpcclient
    live = Reader(board.board)
    stalled = stall(board.board)
    # More than the kernel's buffers take, and 256 events beyond; in less than the two minutes for
    # which one may take nothing. The live one is given the time to read.
    before = rss_kib(board.board)
    with grpcclient.Client(board.d.grpc) as c:
        n = 0
        while len([e for e in list(live.events) if e[0]]) < 1500:
            for n in range(n + 1, n + 5):  # some dozens of events
                c.call("SetFrontendPoolBackendWeight", frontend="www", pool="primary", backend="a",
                       weight=1 + n % 100)
            wait_for(lambda: [f for f in live.of("frontend")[-20:]
                              if member({"frontends": [f["info"]]}, "a")["weight"] == 1 + n % 100], "the last weight")
    assert not live.of("resync")
    assert rss_kib(board.board) - before < (20 << 10) * PATIENCE
    # It reads again: what was on its way, then one resync, then live.
    data = b""
    stalled.settimeout(DEADLINE)
    while b"too far behind" not in data:
        data += receive_some(stalled)
    assert data.count(b"event: resync") == 1 and b"too far behind" in data
    assert len(data) < 1 << 20
    board.d.set_backend("b", "pause")
    while b'"to":"paused"' not in data:
        data += receive_some(stalled)
    stalled.close()
    live.close()


def receive_some(s):
    data = s.recv(1 << 20)
    assert data, "it was cut off"
    return data


def rss_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(l for l in status.splitlines() if l.startswith("VmRSS")).split()[1])


def connections(process):
    """Sockets of the process that somebody is at the other end of, by TCP's state."""
    inodes = set()
    for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    rows = [l.split() for l in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for r in rows if r[9] in inodes and r[3] != "0A")


def test_readers_that_leave_are_let_go(board):
    wait_for(lambda: connections(board.board) == 0, "quiet")
    readers = [Reader(board.board) for _ in range(40)]
    assert connections(board.board) == 40
    for r in readers:
        r.close()
    wait_for(lambda: connections(board.board) == 0, "40 places free")


# More than one maglevd, and their ends.

def test_three_maglevds(cluster):
    cluster.web("a")
    daemons, sims = {}, []
    for name in ("one", "two", "three"):
        cluster.d = daemons[name] = cluster.start_maglevd(
            cluster.config(startup_min_delay="0s"), "--vpp-api-addr", "")
    board = Dashboard(cluster, {n: d.grpc for n, d in daemons.items()})
    for name in daemons:
        board.wait_state(name, lambda s: s["connected"] and s["backends"]
                         and s["backends"][0]["state"] == "up")
        s = board.state(name)
        assert not s["vpp"]["connected"] and "off" in s["vpp"]["error"] and s["lb"] is None
    assert [m["name"] for m in board.get("/view/api/maglevds")] == ["one", "two", "three"]
    r = Reader(board)
    daemons["two"].kill()
    gone = r.wait("maglevd-status", maglevd="two", connected=False)
    assert gone["last_error"]
    s = board.wait_state("two", lambda s: not s["connected"])
    assert s["last_error"] and s["backends"][0]["name"] == "a"
    # The others live on.
    daemons["one"].set_backend("a", "pause")
    r.wait("backend", maglevd="one", backend="a", to="paused")
    # Stopped, not dead: its connection stands, and still it is told.
    daemons["three"].signal(signal.SIGSTOP)
    r.wait("maglevd-status", maglevd="three", connected=False)
    daemons["three"].signal(signal.SIGCONT)
    r.wait("maglevd-status", maglevd="three", connected=True)
    # The dead one comes back by the same address.
    again = Process("again", daemons["two"].argv, cluster.dir)
    cluster.processes.append(again)
    r.wait("maglevd-status", maglevd="two", connected=True)
    r.wait("resync", maglevd="two")
    board.wait_state("two", lambda s: s["connected"] and s["backends"][0]["state"] == "up")
    r.close()


def test_restarted_dashboard(board):
    r = Reader(board.board)
    board.d.set_backend("a", "pause")
    r.wait("backend", backend="a", to="paused")
    old = r.last_id
    assert board.board.stop() == 0
    wait_for(lambda: r.closed, "the stream's end")
    board.board = Dashboard(board, {"local": board.d.grpc}, admin=True, name="dashboard2")
    board.board.wait_loaded("local")
    again = Reader(board.board, last_id=old)
    assert again.wait("resync")
    assert backend(board.board.state("local"), "a")["state"] == "paused"
    again.close()


def test_vpp_goes_and_comes(board):
    r = Reader(board.board)
    board.sim.kill()
    gone = r.wait("vpp-status", connected=False)
    assert gone["error"]
    board.board.wait_state("local", lambda s: s["lb"] is None)
    board.start_sim()
    r.wait("vpp-status", connected=True)
    board.board.wait_state("local", lambda s: s["lb"] and s["lb"]["vips"], "VPP's state")
    r.close()


def test_signals(board):
    board.board.signal(signal.SIGHUP)
    assert board.board.get("/view/api/version")
    r = Reader(board.board)
    board.board.signal(signal.SIGINT)
    assert board.board.wait() == 0
    wait_for(lambda: r.closed, "the stream's end")


def test_bad_starts(cluster):
    program = BIN / "maglevd-frontend"
    for argv, code in (([program, "--nonsense"], 2), ([program, "-server", "a,a"], 2),
                       ([program, "-listen", "nowhere"], 1),
                       ([program, "-listen", "127.0.0.1:0", "-tls-ca", "/nonexistent"], 1)):
        p = Process(f"bad{code}{len(argv)}{argv[1]}", argv, cluster.dir, daemon=False)
        assert p.wait() == code, argv
    assert Process("version", [program, "-version"], cluster.dir, daemon=False).wait() == 0


# Towards the maglevds, TLS.

def certificates(directory):
    """A CA, a server's certificate for 127.0.0.0/8's address, a client's."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
    for name in ("localhost", "dash"):
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName=DNS:{name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", f"{name}.pem")


def test_tls(cluster):
    cluster.web("a")
    certificates(cluster.dir)
    path = cluster.dir
    d = cluster.start_maglevd(cluster.config(), "--vpp-api-addr", "", "--grpc-addr", "localhost:0",
                          "--grpc-tls-cert", path / "localhost.pem", "--grpc-tls-key",
                          path / "localhost.key", "--grpc-client-ca", path / "ca.pem", ready=False).on_tcp("localhost")
    board = Dashboard(cluster, {"m": d.grpc}, "-tls-ca", path / "ca.pem", "-tls-cert",
                      path / "dash.pem", "-tls-key", path / "dash.key", admin=True)
    board.wait_state("m", lambda s: s["connected"] and s["loaded"])
    assert board.post("/admin/api/m/backend/a/pause").json()["state"] == "paused"
    # Without a certificate of ours nothing is had, and the page is told.
    board.stop()
    other = Dashboard(cluster, {"m": d.grpc}, "-tls-ca", path / "ca.pem", name="other")
    told = other.wait_state("m", lambda s: not s["connected"] and s["last_error"] != "not connected yet")
    assert d.grpc in told["last_error"]


# Admin.

def test_admin_is_off_by_default(trio):
    board = Dashboard(trio, {"local": trio.d.grpc})
    assert board.get("/view/api/version")["admin_enabled"] is False
    for method in ("GET", "POST", "HEAD", "PUT", "OPTIONS"):
        for path in ("/admin", "/admin/", "/admin/api/events", "/admin/api/local/sync", "/%61dmin/",
                     "/admin/api/local/backend/a/pause", "/admin/nothing"):
            answer = board.ask(path, method, headers={**LOGIN, "Content-Type": "application/json",
                                                      "Sec-Fetch-Site": "same-origin"})
            assert answer.status == 404, (method, path)
            assert answer.headers["WWW-Authenticate"] is None
    assert trio.d.backend("a")["state"] == "up"


def test_actions(board):
    d = board.board
    r = Reader(d)
    for verb, state in (("pause", "paused"), ("resume", None), ("disable", "disabled"), ("enable", None)):
        answer = d.post(f"/admin/api/local/backend/a/{verb}", {} if verb == "pause" else None)
        assert answer.status == 200, answer.body
        info = answer.json()
        assert info["name"] == "a" and info["transitions"]
        assert info["state"] == (state or "unknown")
        assert r.wait("backend", backend="a", to=info["state"],
                      count=1 if verb != "enable" else 2)
        logged = d.records("admin-backend-action")[-1]
        assert (logged["user"], logged["peer"], logged["maglevd"], logged["backend"], logged["action"],
                logged["state"]) == (USER, "127.0.0.1", "local", "a", verb, info["state"])
        if verb == "disable":
            refused = d.post("/admin/api/local/backend/a/resume")
            assert refused.status == 409 and "disabled" in refused.json()["error"]
    d.wait_state("local", lambda s: backend(s, "a")["state"] == "up")

    weight = "/admin/api/local/frontend/www/pool/primary/backend/b/weight"
    answer = d.post(weight, {"weight": 30, "flush": True})
    assert answer.status == 200
    assert member({"frontends": [answer.json()]}, "b")["weight"] == 30
    board.wait_weights({"a": 100, "b": 30, "c": 100})
    wait_for(lambda: [f for f in r.of("frontend")
                      if member({"frontends": [f["info"]]}, "b")["effective_weight"] == 30], "its event")
    logged = d.records("admin-action")[-1]
    assert logged["action"] == "weight" and "www/primary/b" in logged["target"] \
        and logged["result"] == "ok"
    # By another hand: the page hears of that, too.
    board.d.set_weight("www", "primary", "b", 55)
    wait_for(lambda: [f for f in r.of("frontend")
                      if member({"frontends": [f["info"]]}, "b")["weight"] == 55], "its event")

    assert d.post("/admin/api/local/sync").json()["errors"] == 0
    assert d.post("/admin/api/local/sync", {"frontend": "www"}).status == 200
    assert d.post("/admin/api/local/sync", {"frontend": "none"}).status == 404
    assert d.post("/admin/api/local/config/check").json()["ok"] is True
    assert d.post("/admin/api/local/config/reload").json()["ok"] is True
    r.wait("resync", maglevd="local")
    board.write_config("maglev: [")
    for verb in ("check", "reload"):
        answer = d.post(f"/admin/api/local/config/{verb}")
        assert answer.status == 200 and answer.json()["ok"] is False and answer.json()["parse_error"]
    assert [x["action"] for x in d.records("admin-action")][-2:] == ["check", "reload"]
    r.close()


def test_bad_actions(board):
    d = board.board
    weight = "/admin/api/local/frontend/www/pool/primary/backend/b/weight"
    for body in ("", "{}", "[]", '{"weight":101}', '{"weight":-1}', '{"weight":"5"}', '{"weight":5',
                 '{"weight":5,"flsh":true}', '{"weight":5,"weight":6}', "\xff", "null"):
        answer = d.post(weight, body)
        assert answer.status == 400 and answer.json()["error"], body
    for path in ("/admin/api/none/backend/a/pause", "/admin/api/local/backend/none/pause",
                 "/admin/api/local/backend/a/explode",
                 "/admin/api/local/frontend/none/pool/primary/backend/b/weight",
                 "/admin/api/local/frontend/www/pool/none/backend/b/weight",
                 "/admin/api/local/frontend/www/pool/primary/backend/none/weight",
                 "/admin/api/local/nothing", "/admin/api/local/backend/a/pause/x"):
        answer = d.post(path, {"weight": 5} if path.endswith("weight") else None)
        assert answer.status == 404 and answer.json()["error"], path
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = d.ask("/admin/api/local/sync", method, headers=LOGIN)
        assert answer.status == 405 and answer.headers["Allow"] == "POST"
    assert d.ask("/view/api/state", "POST").status == 405
    assert member(d.state("local"), "b")["weight"] == 100
    board.d.kill()
    wait_for(lambda: not d.state("local")["connected"], "its end noticed")
    answer = d.post("/admin/api/local/sync")
    assert answer.status == 503 and answer.json()["error"]
    assert d.records("admin-action")[-1]["result"] == "UNAVAILABLE"


def test_who_may(board):
    d = board.board
    path = "/admin/api/local/backend/a/pause"
    host = f"{d.address}:{d.port}"
    for headers in ({"Authorization": None}, {"Authorization": "Basic !"},
                    {"Authorization": "Basic b3BlcmF0b3I6b3Blbg=="},
                    {"Authorization": "Bearer x"}):
        answer = d.post(path, **headers)
        assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert d.ask("/admin/").status == d.ask("/admin/nothing").status == 401
    assert d.ask("/admin/", headers=LOGIN).status == 200
    # From other sites, or without saying from where.
    for headers in ({"Origin": "http://evil.example", "Sec_Fetch_Site": "cross-site"},
                    {"Origin": "http://evil.example", "Sec_Fetch_Site": None},
                    {"Origin": "null", "Sec_Fetch_Site": None},
                    {"Origin": f"http://{host}.evil.example", "Sec_Fetch_Site": None},
                    {"Origin": f"http://{host}", "Sec_Fetch_Site": "cross-site"},
                    {"Origin": None, "Sec_Fetch_Site": "same-site"},
                    {"Origin": None, "Sec_Fetch_Site": "none"},
                    {"Origin": None, "Sec_Fetch_Site": None}):
        assert d.post(path, **headers).status == 403, headers
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                 "application/jsonx", "text/plain; application/json"):
        assert d.post(path, **{"Content_Type": kind}).status == 415, kind
    assert board.d.backend("a")["state"] == "up"
    assert d.post(path, Content_Type="application/json; charset=utf-8", Sec_Fetch_Site=None).status == 200


def test_guessing_is_slow(board):
    d = board.board
    wrong = {"Authorization": "Basic eDp5"}
    codes = [d.ask("/admin/", headers=wrong).status for _ in range(60)]
    assert codes[0] == 401 and 429 in codes
    assert codes.count(401) <= 10 + 60
    # Full: the right password has to wait as well; others need not. (A place may become free between
    # the two requests.)
    def refused():
        while d.ask("/admin/", headers=wrong).status != 429:
            pass
        answer = d.ask("/admin/", headers=LOGIN)
        return answer if answer.status == 429 else None
    assert int(repeatedly(refused, "a refusal").headers["Retry-After"]) >= 1
    assert d.ask("/view/api/version").status == 200
    with socket.create_connection((d.address, d.port), source_address=(f"{board.net}.77", 0)) as s:
        s.sendall(f"GET /admin/ HTTP/1.1\r\nHost: x\r\nAuthorization: {LOGIN['Authorization']}\r\n"
                  "Connection: close\r\n\r\n".encode())
        assert s.recv(100).startswith(b"HTTP/1.1 200")
    wait_for(lambda: d.ask("/admin/", headers=LOGIN).status == 200, "patience rewarded")
    assert d.records("admin-login-failed")


# What is no request.

def test_path_tricks(board):
    d = board.board
    for path in ("/view/../admin/", "/view/%2e%2e/admin/", "/%2e%2e/%2e%2e/etc/passwd", "//admin/",
                 "/view//api/version", "/view/./api/version", "/view/assets/..%2f..%2fetc%2fpasswd",
                 "/view/assets/%2e%2e%2findex.html", "/view/api/state/%00", "/view/api%2fversion",
                 "/view/%", "/view/%zz", "/view/api/state/%ff", "/healthz/", "/healthz%20", "/view/\\..\\"):
        answer = d.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.split(b" ")[1] in (b"404", b"400"), (path, answer[:80])
        assert b"root:" not in answer


def test_names_are_segments(trio):
    """Names with slashes, dots, percent signs and HTML in them."""
    # maglevd's own rules for names decide what can be there; what is not, is not found, as itself.
    board = Dashboard(trio, {"a/b": trio.d.grpc, "<i>": trio.d.grpc, "100%": trio.d.grpc}, admin=True)
    board.wait_loaded("a%2Fb", "%3Ci%3E", "100%25")
    assert board.state("a%2fb")["name"] == "a/b"
    assert board.ask("/view/api/state/a/b").status == 404
    assert board.post("/admin/api/a%2Fb/backend/a/pause").json()["state"] == "paused"
    answer = board.post("/admin/api/a%2Fb/backend/..%2Fx/pause")
    assert answer.status == 404 and "../x" in answer.json()["error"]
    answer = board.ask("/view/api/state/%3Cscript%3E")
    assert answer.status == 404 and answer.headers["Content-Type"] == "application/json"
    assert "<script>" in answer.json()["error"]


def test_sizes(board):
    d = board.board
    assert d.post("/admin/api/local/sync", " " * (17 << 10)).status == 413
    chunked = b"POST /admin/api/local/sync HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    chunked += (b"1000\r\n" + b" " * 0x1000 + b"\r\n") * 8 + b"0\r\n\r\n"
    assert d.raw(chunked).split(b" ")[1] == b"413"
    header = d.raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (16 << 10) + b"\r\n\r\n")
    assert header.split(b" ")[1] in (b"431", b"413"), header[:60]
    url = d.raw(b"GET /" + b"a" * (16 << 10) + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert url.split(b" ")[1] in (b"414", b"431"), url[:60]
    assert d.get("/view/api/version")


@pytest.mark.parametrize("head", [
    b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
    b"Content-Length: 4\r\nContent-Length: 40\r\n",
    b"Content-Length: 4\r\nContent-Length: 4\r\n",
    b"Content-Length: +4\r\n",
    b"Content-Length: -4\r\n",
    b"Content-Length: 4, 4\r\n",
    b"Content-Length: 0x4\r\n",
    b"Transfer-Encoding: identity, chunked\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Content-Length : 4\r\n",
    b"Host: y\r\n",
])
def test_smuggling(board, head):
    """A request that two servers could cut at different places: refused, and nothing behind it is
    taken for another one."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = board.board.raw(b"POST /admin/api/local/sync HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + hidden)
    assert answer.split(b" ")[1] in (b"400", b"401", b"413"), answer[:100]
    # (libmicrohttpd 0.9.75 writes the head of its own 400 twice, and closes.)
    assert b"HTTP/1.1 2" not in answer and b"\r\n\r\nok\n" not in answer


def test_bodies_where_none_belong(board):
    """A GET with a body: the body is not the next request."""
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = board.board.raw(b"GET /view/api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden)
    assert answer.count(b"HTTP/1.1 ") == 1 and b"\r\n\r\nok\n" not in answer


def test_idlers_keep_nobody_out(board):
    """Connections that say nothing, or trickle, are ended; others are served meanwhile."""
    idle = [board.board.connect() for _ in range(300)]
    for s in idle[:150]:
        s.sendall(b"GET /view/api/version HTTP/1.1\r\nHo")
    assert board.board.get("/view/api/version")
    wait_for(lambda: connections(board.board) <= 1, "their end")
    for s in idle:
        s.close()


def test_environment_is_not_shown(board):
    for path in ("/view/api/version", "/view/api/state", "/view/", "/nothing"):
        assert ADMIN["MAGLEV_FRONTEND_PASSWORD"].encode() not in board.board.ask(path).body
    assert ADMIN["MAGLEV_FRONTEND_PASSWORD"] not in board.board.stdout_text()


VANISH = """
import os, socket, subprocess, sys, time
program, deadline = sys.argv[1], float(sys.argv[2])
board = subprocess.Popen([program, "-server", "nobody=127.0.0.1:1", "-listen", "127.0.0.1:8080"],
                         stdout=subprocess.DEVNULL)

def established():
    rows = [l.split() for l in open("/proc/net/tcp").read().splitlines()[1:]]
    return sum(1 for r in rows if r[1].endswith(":1F90") and r[3] == "01")

def connect():
    while True:
        try:
            return socket.create_connection(("127.0.0.1", 8080))
        except ConnectionRefusedError:
            assert board.poll() is None
            time.sleep(0.05)

readers = [connect() for _ in range(5)]
for r in readers:
    r.sendall(b"GET /view/api/events HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    while b"retry: 2000" not in r.recv(65536):
        pass
assert established() == 5
subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
began = time.monotonic()
while established():
    # (TCP by itself would take a quarter of an hour, and longer where nothing is sent.)
    assert time.monotonic() - began < deadline, "still there"
    time.sleep(0.1)
board.terminate()
assert board.wait(deadline) == 0
"""


def test_readers_that_vanish(namespace):
    """The line is cut: no end of the connection comes, and they are noticed all the same."""
    p = namespace.run("/usr/bin/python3", "-c", VANISH, str(BIN / "maglevd-frontend"), str(DEADLINE))
    assert p.returncode == 0, p.stderr
