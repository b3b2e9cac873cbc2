# SPDX-License-Identifier: Apache-2.0
"""The API through @grpc/grpc-js: with the .proto, and knowing nothing but what reflection tells."""
import json
import os
import pathlib
import subprocess

import pytest

pytest.importorskip("grpc", reason="python3-grpcio is not installed")

import grpcclient
import node
from processes import DEADLINE, repeatedly
from test_grpc import certificates, config, own_address, tls_flags  # noqa: F401

HERE = pathlib.Path(__file__).resolve().parent / "js"
OK, CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = 0, 1, 3, 4, 5
PERMISSION_DENIED, FAILED_PRECONDITION, UNIMPLEMENTED, UNAVAILABLE = 7, 9, 12, 14
MS = 1000

if not node.is_here():
    pytest.skip(node.MISSING, allow_module_level=True)


@pytest.fixture(scope="session")
def js():
    """The libraries of the client."""
    with node.fetched("maglev-grpc-js", HERE) as cache:
        return cache


@pytest.fixture(params=["proto", "reflection v1", "reflection v1alpha"])
def how(request):
    return request.param


class Js:
    def __init__(self, js, how):
        self.js, self.how = js, how

    def run(self, target, *calls, tls=None):
        """[(method, request, options)…] → a list of results, or why the server cannot be reached."""
        plan = {"target": target, "tls": tls, "standard": str(grpcclient.STANDARD),
                "proto": str(grpcclient.ROOT / "proto") if self.how == "proto" else None,
                "version": self.how.split()[-1],
                "calls": [{"method": m, "request": r, "timeout": DEADLINE * MS,
                           **(o[0] if o else {})} for m, r, *o in calls]}
        p = subprocess.run(["node", HERE / "client.js", json.dumps(plan)], capture_output=True, text=True,
                           env={**os.environ, "NODE_PATH": str(self.js / "node_modules")},
                           timeout=10 * DEADLINE)
        assert p.returncode == 0, p.stderr
        return json.loads(p.stdout)


@pytest.fixture
def client(js, how):
    return Js(js, how)


@pytest.fixture
def daemon(cluster):
    cluster.start_sim()
    d = grpcclient.start(cluster, config(cluster), "--vpp-stats-addr", cluster.sim.stats)
    d.wait_state("web-a", "down")
    d.wait_state("web-b", "up")
    d.wait_drift_syncs()
    return d


def test_each_method(daemon, client):
    calls = [("GetVersion", {}), ("ListFrontends", {"full": True}), ("GetFrontend", {"name": "www"}),
             ("ListBackends", {"full": True}), ("GetBackend", {"name": "web-a"}),
             ("ListHealthChecks", {"full": True}), ("GetHealthCheck", {"name": "web"}),
             ("WatchEvents", {}, {"take": 4}),
             ("PauseBackend", {"name": "web-a"}), ("ResumeBackend", {"name": "web-a"}),
             ("DisableBackend", {"name": "web-a"}), ("EnableBackend", {"name": "web-a"}),
             ("SetFrontendPoolBackendWeight",
              {"frontend": "www", "pool": "p", "backend": "web-b", "weight": 7}),
             ("CheckConfig", {}), ("ReloadConfig", {}), ("GetVPPInfo", {}), ("GetVPPLBState", {}),
             ("SyncVPPLBState", {}), ("GetVPPLBCounters", {})]
    known = grpcclient.methods()
    assert {c[0] for c in calls} == set(known)
    results = dict(zip((c[0] for c in calls), client.run(daemon.grpc, *calls)))
    codes = {m: r["code"] for m, r in results.items() if m != "WatchEvents"}
    assert codes == dict.fromkeys(codes, OK), {m: r for m, r in results.items() if r["code"]}
    assert [b["name"] for b in results["ListBackends"]["response"]["backends"]] == ["web-a", "web-b", "web-off"]
    assert results["PauseBackend"]["response"]["state"] == "paused"
    assert results["CheckConfig"]["response"]["ok"] is True
    weights = results["SetFrontendPoolBackendWeight"]["response"]["pools"][0]["backends"]
    assert {b["name"]: b["weight"] for b in weights}["web-b"] == 7
    events = results["WatchEvents"]
    assert events["code"] == CANCELLED
    assert [e["backend"]["backend_name"] for e in events["messages"][:3]] == ["web-a", "web-b", "web-off"]
    for e in events["messages"][:3]:
        t = e["backend"]["transition"]
        assert t["from"] == t["to"] and t["at_unix_ns"] == "0"
    assert events["messages"][3]["frontend"]["transition"]["to"] == "up"


def test_errors(daemon, client):
    weight = {"frontend": "www", "pool": "p", "backend": "web-b", "weight": 101}
    results = client.run(
        daemon.grpc, ("GetBackend", {"name": "web-z"}), ("GetFrontend", {"name": ""}),
        ("PauseBackend", {"name": "web-off"}), ("SetFrontendPoolBackendWeight", weight),
        ("WatchEvents", {"log_level": "loud"}))
    assert [r["code"] for r in results] == [NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION, INVALID_ARGUMENT,
                                            INVALID_ARGUMENT]
    assert results[0]["details"] == 'backend "web-z" not found'


def test_a_deadline_ends_a_stream(daemon, client):
    """After what came before it: on a busy machine that takes a longer one."""
    timeouts = iter((300, 3 * MS, 30 * MS, DEADLINE * MS))

    def told():
        [result] = client.run(daemon.grpc, ("WatchEvents", {"frontend": True}, {"timeout": next(timeouts)}))
        assert result["code"] == DEADLINE_EXCEEDED and len(result["messages"]) <= 1
        return result["messages"]
    repeatedly(told, "the present state before the deadline", tries=4)


def test_live_events(daemon, client):
    """What one call changes, another's stream has seen, and each of them once."""
    client.run(daemon.grpc, ("PauseBackend", {"name": "web-b"}))
    results = client.run(daemon.grpc, ("WatchEvents", {"backend": True}, {"take": 3}),
                         ("ResumeBackend", {"name": "web-b"}))
    states = {e["backend"]["backend_name"]: e["backend"]["transition"]["to"] for e in results[0]["messages"]}
    assert states["web-b"] == "paused"
    assert results[1]["code"] == OK


def test_without_vpp(cluster, client):
    d = grpcclient.start(cluster, config(cluster), api="")
    methods = ("GetVPPInfo", "GetVPPLBState", "SyncVPPLBState", "GetVPPLBCounters")
    results = client.run(d.grpc, *[(m, {}) for m in methods])
    assert [r["code"] for r in results] == [UNAVAILABLE] * 4
    assert all(r["details"] for r in results)


def test_mutual_tls(cluster, client, certificates):  # noqa: F811
    host = own_address() or "127.0.0.1"
    d = grpcclient.start(cluster, config(cluster), *tls_flags(certificates, True), api="", host="0.0.0.0")
    pki = lambda who: {"ca": str(certificates / "ca.crt"),
                       **({"cert": str(certificates / f"{who}.crt"), "key": str(certificates / f"{who}.key")}
                          if who else {})}
    pause = ("PauseBackend", {"name": "web-b"})
    accepted = client.run(f"{host}:{d.port}", pause, tls=pki("client"))
    assert accepted[0]["code"] == OK, accepted
    assert "alice" in d.wait_log("grpc-admin", method="PauseBackend")["subject"]
    for who in (None, "stranger"):
        refused = client.run(f"{host}:{d.port}", pause, tls=pki(who))
        code = refused["code"] if isinstance(refused, dict) else refused[0]["code"]
        assert code == UNAVAILABLE, refused


def test_remote_change_refused(cluster, client):
    host = own_address()
    if not host:
        pytest.skip("this machine has only loopback addresses")
    d = grpcclient.start(cluster, config(cluster), api="", host="0.0.0.0")
    results = client.run(f"{host}:{d.port}", ("PauseBackend", {"name": "web-b"}), ("GetVersion", {}))
    assert [r["code"] for r in results] == [PERMISSION_DENIED, OK]
    assert "--grpc-allow-remote-admin" in results[0]["details"]
