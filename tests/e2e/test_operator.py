# SPDX-License-Identifier: Apache-2.0
"""The operator's hand: what each command makes of the backends, and of VPP, call by call."""
import pytest

import vppapi
from calls import Weight
from cluster import VIP

WWW = vppapi.key(VIP)


def calls_after(cluster, weights, action):
    """The mutating calls that `action` causes, once VPP has `weights` and two drift syncs agreed."""
    cluster.d.wait_drift_syncs()
    before = cluster.sim.mark()
    action()
    cluster.wait_weights(weights)
    cluster.d.wait_drift_syncs()
    return cluster.sim.calls(before)


def test_pause_and_resume(trio):
    d, b = trio.d, trio.webs["b"].address
    assert calls_after(trio, {"a": 100, "b": 0, "c": 100},
                       lambda: d.set_backend("b", "pause")) == [Weight(WWW, b, 0, False)]
    assert d.backend("b")["state"] == "paused"
    # Nothing is sent to a paused backend.
    since = d.mark()
    d.wait_log("probe-done", since, count=10, backend="a")
    assert d.records("probe-start", since, backend="b") == []
    # Again: no call, no transition.
    since = d.mark()
    assert calls_after(trio, {"a": 100, "b": 0, "c": 100}, lambda: d.set_backend("b", "pause")) == []
    assert d.records("backend-transition", since) == []

    assert calls_after(trio, {"a": 100, "b": 100, "c": 100},
                       lambda: d.set_backend("b", "resume")) == [Weight(WWW, b, 100, False)]
    codes = [t["code"] for t in d.backend("b")["transitions"]]
    assert codes[:3] == ["L7OK", "resumed", "paused"]
    assert calls_after(trio, {"a": 100, "b": 100, "c": 100}, lambda: d.set_backend("b", "resume")) == []


def test_disable_and_enable(trio):
    d, b = trio.d, trio.webs["b"].address
    assert calls_after(trio, {"a": 100, "b": 0, "c": 100},
                       lambda: d.set_backend("b", "disable")) == [Weight(WWW, b, 0, True)]
    shown = d.backend("b")
    assert shown["state"] == "disabled" and not shown.get("enabled", False)
    assert calls_after(trio, {"a": 100, "b": 0, "c": 100}, lambda: d.set_backend("b", "disable")) == []

    for verb in ("pause", "resume"):
        refused = d.ctl("set", "backend", "b", verb, check=False)
        assert refused.returncode == 1 and "disabled" in refused.stderr

    assert calls_after(trio, {"a": 100, "b": 100, "c": 100},
                       lambda: d.set_backend("b", "enable")) == [Weight(WWW, b, 100, False)]
    assert d.backend("b")["enabled"] is True
    assert calls_after(trio, {"a": 100, "b": 100, "c": 100}, lambda: d.set_backend("b", "enable")) == []


def test_pause_then_disable_flushes_what_pause_left(trio):
    d, b = trio.d, trio.webs["b"].address
    d.set_backend("b", "pause")
    trio.wait_weights({"a": 100, "b": 0, "c": 100})
    d.wait_drift_syncs()
    before, since = trio.sim.mark(), d.mark()
    d.set_backend("b", "disable")
    d.wait_state("b", "disabled", since)
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [Weight(WWW, b, 0, True)]


def test_disabling_a_standby_flushes_it(tiers):
    d, c = tiers.d, tiers.webs["c"].address
    d.wait_drift_syncs()
    before = tiers.sim.mark()
    d.set_backend("c", "disable")
    d.wait_drift_syncs()
    assert tiers.sim.calls(before) == [Weight(WWW, c, 0, True)]


def test_set_weight(trio):
    d, b = trio.d, trio.webs["b"].address
    assert calls_after(trio, {"a": 100, "b": 50, "c": 100},
                       lambda: d.set_weight("www", "primary", "b", 50)) == [Weight(WWW, b, 50, False)]
    assert calls_after(trio, {"a": 100, "b": 50, "c": 100},
                       lambda: d.set_weight("www", "primary", "b", 50)) == []
    assert calls_after(trio, {"a": 100, "b": 20, "c": 100},
                       lambda: d.set_weight("www", "primary", "b", 20, "flush")
                       ) == [Weight(WWW, b, 20, True)]


def test_set_weight_0_is_lowered_to_zero_as_the_policy_says(trio):
    # flush-on-down is about health; the operator says "flush" when flows are to be dropped.
    d, b = trio.d, trio.webs["b"].address
    assert calls_after(trio, {"a": 100, "b": 0, "c": 100},
                       lambda: d.set_weight("www", "primary", "b", 0)) == [Weight(WWW, b, 0, False)]
    assert calls_after(trio, {"a": 100, "b": 0, "c": 100},
                       lambda: d.set_weight("www", "primary", "b", 0, "flush")
                       ) == [Weight(WWW, b, 0, True)]


def test_weight_0_in_the_whole_primary_fails_over(tiers):
    d, (a, b, c) = tiers.d, (tiers.webs[n].address for n in "abc")
    d.set_weight("www", "primary", "a", 0)
    tiers.wait_weights({"a": 0, "b": 100, "c": 0})
    assert calls_after(tiers, {"a": 0, "b": 0, "c": 100},
                       lambda: d.set_weight("www", "primary", "b", 0)
                       ) == [Weight(WWW, c, 100, False), Weight(WWW, b, 0, False)]


def test_a_weight_of_a_dead_backend_waits_for_it(trio):
    d = trio.d
    trio.webs["b"].kill()
    trio.wait_weights({"a": 100, "b": 0, "c": 100})
    assert calls_after(trio, {"a": 100, "b": 0, "c": 100},
                       lambda: d.set_weight("www", "primary", "b", 30)) == []
    trio.webs["b"].start()
    trio.wait_weights({"a": 100, "b": 30, "c": 100})


@pytest.mark.parametrize("words, wanted", [
    (("set", "backend", "web-z", "pause"), 'backend "web-z" not found'),
    (("show", "backends", "web-z"), 'backend "web-z" not found'),
    (("set", "frontend", "nope", "pool", "primary", "backend", "a", "weight", "1"),
     'frontend "nope" not found'),
    (("set", "frontend", "www", "pool", "nope", "backend", "a", "weight", "1"), "nope"),
    (("sync", "vpp", "lb", "state", "nope"), "nope"),
], ids=lambda w: "-".join(w) if isinstance(w, tuple) else "")
def test_refusals_change_nothing(trio, words, wanted):
    trio.d.wait_drift_syncs()
    before = trio.sim.mark()
    p = trio.d.ctl(*words, check=False)
    assert p.returncode == 1
    assert wanted in p.stderr
    trio.d.wait_drift_syncs()
    assert trio.sim.calls(before) == []


def test_a_weight_out_of_range_is_refused(trio):
    p = trio.d.ctl("set", "frontend", "www", "pool", "primary", "backend", "a", "weight", "101",
                   check=False)
    assert p.returncode in (1, 2) and p.stderr
    assert trio.d.frontend("www")["pools"][0]["backends"][0]["weight"] == 100


def test_changes_are_logged(trio):
    since = trio.d.mark()
    trio.d.set_backend("b", "pause")
    record = trio.d.wait_log("grpc-admin", since, method="PauseBackend")
    assert record["target"] == "b"
    assert {"peer", "subject", "result"} <= set(record)


def test_show_vpp_lb_state_tells_what_vpp_has(trio):
    state = trio.d.show("vpp", "lb", "state")
    assert state["conf"]["ipv4SrcAddress"] == "192.0.2.1"
    vip, = state["vips"]
    assert (vip["prefix"], vip["protocol"], vip["port"]) == (VIP + "/32", "tcp", 80)
    assert vip["frontendName"] == "www"
    with trio.sim.client() as c:
        buckets = c.buckets(WWW)
    assert {a["address"]: (a["weight"], a["numBuckets"], a["backendName"])
            for a in vip["applicationServers"]} == {
        w.address: (100, buckets[w.address], n) for n, w in trio.webs.items()}


def test_sync_on_request_counts_what_it_did(trio):
    d = trio.d
    assert d.ctl("sync", "vpp", "lb", "state").stdout
    with trio.sim.client() as c:
        before = trio.sim.mark()
        c.set_weight(WWW, trio.webs["a"].address, 1)
    d.ctl("sync", "vpp", "lb", "state", "www")
    trio.wait_weights({"a": 100, "b": 100, "c": 100})
    assert Weight(WWW, trio.webs["a"].address, 100, False) in trio.sim.calls(before)


def test_one_shot_commands_print_for_people(trio):
    out = trio.d.ctl("show", "backends").stdout
    for name, web in trio.webs.items():
        assert any(name in line.split() and web.address in line for line in out.splitlines())
    out = trio.d.ctl("show", "frontends", "www").stdout
    assert VIP in out and "primary" in out
    assert "web" in trio.d.ctl("show", "healthchecks").stdout
    assert "paused" in trio.d.ctl("set", "backend", "a", "pause").stdout
    assert "config ok" in trio.d.ctl("config", "check").stdout
