# SPDX-License-Identifier: Apache-2.0
"""Either side dies and returns: the dataplane notices only what health changed."""
import vppapi
from calls import AsAdded, Conf, VipAdded, Weight
from cluster import VIP

WWW = vppapi.key(VIP)
ALL = {"a": 100, "b": 100, "c": 100}


def test_kill_9_and_a_new_start_change_no_weight(trio):
    trio.d.wait_drift_syncs()
    trio.d.kill()
    before = trio.sim.mark()
    d = trio.start_maglevd(trio.config())
    d.wait_log("vpp-lb-warmup", phase="done")
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == []
    trio.wait_weights(ALL)


def test_a_graceful_stop_leaves_vpp_as_it_is(trio):
    trio.d.wait_drift_syncs()
    before = trio.sim.mark()
    assert trio.d.stop() == 0
    assert trio.sim.calls(before) == []
    trio.wait_weights(ALL)


def test_a_backend_that_died_meanwhile_is_the_only_change(trio):
    trio.d.wait_drift_syncs()
    trio.d.kill()
    trio.webs["b"].kill()
    before = trio.sim.mark()
    d = trio.start_maglevd(trio.config())
    trio.wait_weights({"a": 100, "b": 0, "c": 100})
    d.wait_drift_syncs()
    calls = trio.sim.calls(before)
    # Never seen alive by this daemon: whether flows are flushed is the policy's, once.
    assert [c._replace(flush=None) for c in calls] == [Weight(WWW, trio.webs["b"].address, 0, None)]


def test_what_was_set_at_run_time_does_not_survive(trio):
    d = trio.d
    d.set_backend("a", "pause")
    d.set_backend("b", "disable")
    d.set_weight("www", "primary", "c", 10)
    trio.wait_weights({"a": 0, "b": 0, "c": 10})
    d.wait_drift_syncs()
    d.kill()
    before = trio.sim.mark()
    d = trio.start_maglevd(trio.config())
    trio.wait_weights(ALL)
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [Weight(WWW, trio.webs[n].address, 100, False) for n in "abc"]


def test_an_empty_vpp_is_programmed_at_once(trio):
    trio.d.wait_drift_syncs()
    since = trio.d.mark()
    trio.sim.kill()
    trio.d.wait_log("vpp-disconnect", since)
    down = trio.d.ctl("show", "vpp", "lb", "state", check=False)
    assert down.returncode == 1 and down.stderr
    trio.start_sim()
    trio.wait_weights(ALL)
    trio.d.wait_log("vpp-connect", since)
    trio.d.wait_drift_syncs()
    assert trio.sim.calls() == [Conf(), VipAdded(WWW, 1024, vppapi.GRE4, False),
                                *[AsAdded(WWW, trio.webs[n].address, 100) for n in "abc"]]
    # A warm daemon does not warm up again.
    assert trio.d.records("vpp-lb-warmup", since) == []


def test_health_that_changed_while_vpp_was_away_is_in_its_first_state(trio):
    trio.sim.kill()
    since = trio.d.mark()
    trio.webs["b"].kill()
    trio.d.wait_state("b", "down", since)
    trio.start_sim()
    trio.wait_weights({"a": 100, "b": 0, "c": 100})
    assert AsAdded(WWW, trio.webs["b"].address, 0) in trio.sim.calls()


def test_maglevd_first_vpp_later(cluster):
    for name in "abc":
        cluster.web(name)
    (cluster.dir / "vpp").mkdir()
    d = cluster.start_maglevd(cluster.config())
    for name in "abc":
        d.wait_state(name, "up")
    cluster.start_sim()
    cluster.wait_weights(ALL)


def test_vpp_off(cluster):
    cluster.web("a")
    d = cluster.start_maglevd(cluster.config(), api="")
    d.wait_state("a", "up")
    p = d.ctl("show", "vpp", "lb", "state", check=False)
    assert p.returncode == 1 and p.stderr
    assert d.records("vpp-connect") == []
