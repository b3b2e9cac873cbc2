# SPDX-License-Identifier: Apache-2.0
"""Calls that wait for VPP: it goes away under them, or who called does."""
import pytest

pytest.importorskip("grpc", reason="python3-grpcio is not installed")

import grpcclient
from cluster import frontend
from grpcclient import Code
from processes import DEADLINE, repeatedly, wait_for
from scrape import scrape

METHODS = ("GetVPPLBState", "SyncVPPLBState")
ALL = {"a": 100, "b": 100, "c": 100}


@pytest.fixture
def asked(cluster):
    for name in ALL:
        cluster.web(name)
    cluster.start_sim()
    cluster.d = cluster.start_maglevd(cluster.config(), "--metrics-addr", "127.0.0.1:0")
    cluster.wait_weights(ALL)
    return cluster


def started(d):
    s = scrape(d)
    return [s.value("grpc_server_started_total", grpc_method=m) for m in METHODS]


def future(client, method, **fields):
    request, response, _ = grpcclient.methods()[method]
    f = client.channel.unary_unary(f"/maglev.Maglev/{method}", request.SerializeToString,
                                   response.FromString)
    return f.future(request(**fields), timeout=DEADLINE)


def begin(d, client):
    """Both methods called, and both calls there: what counts them is asked for after they arrived."""
    def call(method):
        return future(client, method)

    before = started(d)
    calls = [call(m) for m in METHODS]
    wait_for(lambda: all(now > old for now, old in zip(started(d), before)), "the calls")
    return calls


def test_vpp_goes_away_under_calls_that_wait(asked):
    def told():
        asked.sim.control("silence 10m")
        calls = begin(asked.d, client)
        asked.sim.kill()
        ended = [(c.code(), c.details()) for c in calls]
        asked.start_sim()
        asked.wait_weights(ALL)
        return all(code == Code.UNAVAILABLE and why.startswith("VPP went away") for code, why in ended)

    # Not at once where the machine stalls (a call waits for five seconds at most), or where what VPP
    # has was read a moment ago and need not be asked for.
    with grpcclient.Client(asked.d.grpc) as client:
        wait_for(told, "VPP's end in the answers")


def test_who_called_goes_away(asked):
    since = asked.d.mark()
    asked.sim.control("silence 10m")
    with grpcclient.Client(asked.d.grpc) as client:
        first, second = begin(asked.d, client)
        first.cancel()
    assert second.code() in (Code.CANCELLED, Code.DEADLINE_EXCEEDED)
    # VPP is given up, with nobody left to be told.
    asked.d.wait_log("vpp-disconnect", since)
    asked.sim.kill()
    asked.start_sim()
    asked.wait_weights(ALL)
    asked.d.wait_drift_syncs()


def test_its_frontend_goes_away_under_a_sync(asked):
    config = asked.config()
    config["maglev"]["frontends"]["second"] = frontend({"only": {"a": 30}}, address="203.0.113.81")

    def told():
        asked.write_config(config)
        asked.d.reload()
        asked.d.wait_drift_syncs()
        asked.sim.control("silence 10m")
        asked.d.set_weight("second", "only", "a", 40)  # a call that the sync waits behind
        before = started(asked.d)
        call = future(client, "SyncVPPLBState", frontend_name="second")
        wait_for(lambda: started(asked.d) > before, "the call")
        asked.write_config(asked.config())
        asked.d.reload()
        ended = call.code(), call.details()
        asked.sim.kill()
        asked.start_sim()
        asked.wait_weights(ALL)
        return ended == (Code.NOT_FOUND, 'frontend "second" was removed')

    # Not at once where the machine stalls: a call waits for five seconds at most.
    with grpcclient.Client(asked.d.grpc) as client:
        repeatedly(told, "its frontend's end in the answer")
