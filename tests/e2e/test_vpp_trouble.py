# SPDX-License-Identifier: Apache-2.0
"""A VPP that is slow, silent, refuses, or hangs up: what maglevd does about it."""
import vppapi
from calls import Refused, Weight
from cluster import VIP
from processes import wait_for

WWW = vppapi.key(VIP)
ALL = {"a": 100, "b": 100, "c": 100}


def test_a_refusal_is_told_and_tried_again(trio):
    trio.d.wait_drift_syncs()
    before, since = trio.sim.mark(), trio.d.mark()
    trio.sim.control("fail lb_as_set_weight -6")
    b = trio.webs["b"].address
    trio.webs["b"].kill()
    trio.wait_weights({"a": 100, "b": 0, "c": 100})
    record = trio.d.wait_log("vpp-lb-sync-error", since)
    assert b in str(record) and VIP in str(record) and "-6" in str(record)
    trio.d.wait_drift_syncs()
    call = Weight(WWW, b, 0, True)
    assert trio.sim.calls(before) == [Refused(call, -6), call]


def test_the_rest_of_a_plan_goes_on_after_a_refusal(cluster):
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    d = cluster.start_maglevd(cluster.config(sync_interval="10m"))
    cluster.wait_weights(ALL)
    a, _, c = (cluster.webs[n].address for n in "abc")
    with cluster.sim.client() as hand:
        hand.set_weight(WWW, a, 9)
        hand.set_weight(WWW, c, 9)
    before = cluster.sim.mark()
    cluster.sim.control("fail lb_as_set_weight -73")
    d.ctl("sync", "vpp", "lb", "state", check=False)
    cluster.wait_weights(ALL)
    # The refused one comes again, after the rest and some time.
    calls = [Weight(WWW, a, 100, False), Weight(WWW, c, 100, False)]
    assert cluster.sim.calls(before) == [Refused(calls[0], -73), calls[1], calls[0]]


def test_a_dropped_connection_is_made_again(trio):
    trio.d.wait_drift_syncs()
    before, since = trio.sim.mark(), trio.d.mark()
    trio.sim.control("drop")
    trio.d.wait_log("vpp-disconnect", since)
    trio.d.wait_log("vpp-connect", since)
    trio.d.wait_drift_syncs()
    # The same VPP with the same state: nothing is changed.
    assert trio.sim.calls(before) == []


def test_keepalives_are_answered(trio):
    since = trio.d.mark()
    for _ in range(3):
        trio.sim.control("keepalive")
        trio.d.wait_drift_syncs()
    assert trio.d.records("vpp-disconnect", since) == []


def test_a_silent_vpp_is_given_up_and_nothing_else_waits_for_it(trio):
    trio.d.wait_drift_syncs()
    since = trio.d.mark()
    trio.sim.control("silence 10m")
    # Probes and the operator are served all the while.
    trio.webs["b"].kill()
    trio.d.wait_state("b", "down", since)
    p = trio.d.ctl("--timeout", "500ms", "show", "vpp", "lb", "state", check=False)
    assert p.returncode == 1 and p.stderr
    assert trio.d.backend("b")["state"] == "down"
    trio.d.wait_log("vpp-disconnect", since)
    trio.sim.kill()
    trio.start_sim()
    trio.wait_weights({"a": 100, "b": 0, "c": 100})


def test_a_vpp_too_old_is_told_apart(cluster):
    cluster.web("a")
    cluster.start_sim("--drop-message", "lb_as_set_weight")
    d = cluster.start_maglevd(cluster.config())
    d.wait_state("a", "up")

    def told():
        return [r for r in d.records() if r["level"] in ("WARN", "ERROR")
                and "lb_as_set_weight" in str(r) and "26.10" in str(r)]
    wait_for(told, "who lacks what")
    assert cluster.sim.calls() == []


def test_unknown_messages_are_skipped(trio):
    trio.d.wait_drift_syncs()
    before, since = trio.sim.mark(), trio.d.mark()
    payload = b"\xff\xf0" + bytes(30)
    trio.sim.control("send " + vppapi.frame(payload).hex())
    trio.d.wait_drift_syncs()
    assert trio.d.records("vpp-disconnect", since) == []
    assert trio.sim.calls(before) == []
