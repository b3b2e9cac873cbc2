# SPDX-License-Identifier: Apache-2.0
"""Ends at bad moments, on either side: no state is lost, and no healthy backend loses its weight."""
import random
import signal
import time

import pytest

import vppapi
from calls import AsRemoved, Refused, VipRemoved, Weight
from cluster import VIP, frontend
from processes import repeatedly, wait_for

WWW = vppapi.key(VIP)


def harms(call, addresses):
    """Does this call take weight from one of them?"""
    if isinstance(call, Refused):
        return False
    if isinstance(call, VipRemoved):
        return True
    return (isinstance(call, Weight) and call.weight == 0 or isinstance(call, AsRemoved)) \
        and call.address in addresses


def test_killed_and_started_twenty_times(cluster):
    """Two backends are healthy all the time, two come and go; maglevd dies at random moments."""
    for name in "abcd":
        cluster.web(name)
    cluster.start_sim()
    config = cluster.config(startup_min_delay="300ms", startup_max_delay="5m")
    d = cluster.start_maglevd(config)
    cluster.wait_weights(dict.fromkeys("abcd", 100))
    healthy = {cluster.address_of(n) for n in "ab"}
    dice = random.Random(20261120)
    running = {"c": True, "d": True}
    before = cluster.sim.mark()
    for _ in range(20):
        name = dice.choice("cd")
        running[name] = not running[name]
        (cluster.webs[name].start if running[name] else cluster.webs[name].kill)()
        time.sleep(dice.uniform(0, 1.2))
        d.kill()
        d = cluster.start_maglevd(config)
        with cluster.sim.client() as c:
            weights = c.weights(WWW)
        assert {a: weights[a] for a in healthy} == dict.fromkeys(healthy, 100)
    cluster.wait_weights({"a": 100, "b": 100, "c": 100 * running["c"], "d": 100 * running["d"]})
    bad = [call for call in cluster.sim.calls(before) if harms(call, healthy)]
    assert bad == []


def test_vpp_dies_in_the_middle_of_a_plan(cluster):
    """Many VIPs, and VPP ends while they are written; the next VPP gets them all, each once."""
    cluster.web("a")
    frontends = {f"f{i}": frontend({"p": {"a": 100}}, address=f"203.0.113.{i}", flow_table_length=32768)
                 for i in range(1, 201)}
    sim = cluster.start_sim()
    d = cluster.start_maglevd(cluster.config(frontends=frontends))
    wait_for(lambda: sim.mark() > 20, "the plan to begin")
    sim.kill()
    d.wait_log("vpp-disconnect")
    since = d.mark()
    sim = cluster.start_sim()
    d.wait_drift_syncs()
    with sim.client() as c:
        assert len(c.vips()) == 200
    calls = sim.calls()
    assert len(calls) == len(set(calls)) == 1 + 200 + 200  # lb_conf, VIPs, ASes
    assert d.records("vpp-lb-sync-error", since) == []


def stands_still(trio, meanwhile):
    """VPP stands still while b dies and for what else is to happen; whether its connection was given
    up for that."""
    if not trio.webs["b"].process.running():
        trio.webs["b"].start()
    trio.wait_weights({"a": 100, "b": 100, "c": 100})
    trio.d.wait_drift_syncs()
    before, since = trio.sim.mark(), trio.d.mark()
    trio.sim.signal(signal.SIGSTOP)
    trio.webs["b"].kill()
    trio.d.wait_state("b", "down", since)
    meanwhile(since)
    trio.sim.signal(signal.SIGCONT)
    trio.wait_weights({"a": 100, "b": 0, "c": 100})
    trio.d.wait_drift_syncs()
    calls, drained = trio.sim.calls(before), Weight(WWW, trio.address_of("b"), 0, True)
    given_up = trio.d.records("vpp-disconnect", since) != []
    # What waited on a connection given up may be carried out after the new one has read.
    assert calls == [drained] or given_up and calls == [drained, drained]
    return given_up


def test_a_vpp_that_stands_still_for_a_moment_is_waited_for(trio):
    """Less than it has for an answer; a busy machine may make it more."""
    repeatedly(lambda: not stands_still(trio, lambda _: time.sleep(3)), "a connection kept")


def test_a_vpp_that_stands_still_for_long_is_given_up(trio):
    """And found again."""
    assert stands_still(trio, lambda since: trio.d.wait_log("vpp-disconnect", since))


def test_vpp_closes_in_the_middle_of_a_frame(trio):
    trio.d.wait_drift_syncs()
    before, since = trio.sim.mark(), trio.d.mark()
    whole = vppapi.frame(bytes(100))
    trio.sim.control("send " + whole[:40].hex())
    trio.sim.control("drop")
    record = trio.d.wait_log("vpp-disconnect", since)
    assert "closed" in record["reason"] or "middle" in record["reason"]
    trio.d.wait_log("vpp-connect", since)
    trio.d.wait_drift_syncs()
    assert trio.sim.calls(before) == []


@pytest.mark.parametrize("encap,name", [(2, "l3dsr"), (3, "nat4"), (4, "nat6")])
def test_a_vip_of_somebody_else_is_removed_by_name(trio, encap, name):
    """A full sync owns the plugin; what another hand made is named as drift, too."""
    address = "2001:db8:99::1" if encap == 4 else "203.0.113.99"
    theirs = vppapi.key(address, vppapi.TCP, 8080)
    trio.d.wait_drift_syncs()
    since = trio.d.mark()
    with trio.sim.client() as c:
        c.add_vip(theirs, encap=encap)
    removed = trio.d.wait_log("vpp-lb-sync-vip-removed", since)
    assert (removed["vip"], removed["protocol"], removed["port"]) == (address, "tcp", 8080)
    drift = trio.d.wait_log("vpp-lb-drift", since)
    assert drift["kind"] == "vip_unexpected" and drift["vip"] == address
    assert drift["expected"] == "absent" and drift["found"].startswith(name)
    trio.d.wait_drift_syncs()
    with trio.sim.client() as c:
        assert set(c.vips()) == {WWW}
    assert len(trio.d.records("vpp-lb-drift", since)) == 1


def test_config_check_tells_what_a_reload_drops(trio):
    config = trio.config(frontends={"www": frontend({"primary": dict.fromkeys("abc", 100)},
                                                    flow_table_length=2048)})
    trio.write_config(config)
    told = f"live flows of VIP {VIP} tcp port 80 will be dropped"
    checked = trio.d.ctl("config", "check")
    assert told in checked.stdout and "flow-table-length from 1024 to 2048" in checked.stdout
    since = trio.d.mark()
    assert told in trio.d.ctl("config", "reload").stdout
    trio.d.wait_log("vpp-lb-sync-vip-recreate", since)
    trio.wait_weights(dict.fromkeys("abc", 100))
    assert told not in trio.d.ctl("config", "check").stdout  # it is in force now
