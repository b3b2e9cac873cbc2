# SPDX-License-Identifier: Apache-2.0
"""Pools: the next tier takes over when one dies, and is drained when it returns."""
import vppapi
from calls import AsAdded, Conf, VipAdded, Weight
from cluster import VIP

WWW = vppapi.key(VIP)


def test_a_standby_is_programmed_with_weight_0(tiers):
    tiers.d.wait_drift_syncs()
    a, b, c = (tiers.webs[n].address for n in "abc")
    assert tiers.sim.calls() == [Conf(), VipAdded(WWW, 1024, vppapi.GRE4, False), AsAdded(WWW, a, 100),
                                 AsAdded(WWW, b, 100), AsAdded(WWW, c, 0)]


def test_fallback_takes_over_and_drains(tiers):
    d, (a, b, c) = tiers.d, (tiers.webs[n].address for n in "abc")
    d.wait_drift_syncs()
    assert d.frontend("www")["activePool"] == "primary"

    before = tiers.sim.mark()
    tiers.webs["a"].kill()
    tiers.wait_weights({"a": 0, "b": 100, "c": 0})
    d.wait_drift_syncs()
    assert tiers.sim.calls(before) == [Weight(WWW, a, 0, True)]

    # The last of the primary dies: the fallback is there before the dead one goes.
    before = tiers.sim.mark()
    tiers.webs["b"].kill()
    tiers.wait_weights({"a": 0, "b": 0, "c": 100})
    d.wait_drift_syncs()
    assert tiers.sim.calls(before) == [Weight(WWW, c, 100, False), Weight(WWW, b, 0, True)]
    assert d.frontend("www")["activePool"] == "fallback"
    assert d.frontend("www")["state"] == "up"

    # The primary returns: the fallback is drained, its flows live on.
    before = tiers.sim.mark()
    tiers.webs["b"].start()
    tiers.wait_weights({"a": 0, "b": 100, "c": 0})
    d.wait_drift_syncs()
    assert tiers.sim.calls(before) == [Weight(WWW, b, 100, False), Weight(WWW, c, 0, False)]
    assert d.frontend("www")["activePool"] == "primary"

    before = tiers.sim.mark()
    tiers.webs["a"].start()
    tiers.wait_weights({"a": 100, "b": 100, "c": 0})
    d.wait_drift_syncs()
    assert tiers.sim.calls(before) == [Weight(WWW, a, 100, False)]


def test_a_standby_that_dies_is_flushed_once(tiers):
    before = tiers.sim.mark()
    since = tiers.d.mark()
    tiers.webs["c"].kill()
    tiers.d.wait_state("c", "down", since)
    tiers.d.wait_drift_syncs()
    # Its transition is one into a flushing state, so the flows pinned to it since it last had
    # weight are dropped; the weight stays.
    assert tiers.sim.calls(before) == [Weight(WWW, tiers.webs["c"].address, 0, True)]


def test_everything_dies_and_the_frontend_is_down(tiers):
    since = tiers.d.mark()
    for web in tiers.webs.values():
        web.kill()
    tiers.wait_weights({"a": 0, "b": 0, "c": 0})
    tiers.d.wait_log("frontend-transition", since, frontend="www", to="down")
    assert tiers.d.frontend("www")["state"] == "down"
    since = tiers.d.mark()
    tiers.webs["c"].start()
    tiers.wait_weights({"a": 0, "b": 0, "c": 100})
    tiers.d.wait_log("frontend-transition", since, frontend="www", to="up")
