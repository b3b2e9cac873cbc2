# SPDX-License-Identifier: Apache-2.0
"""The start-up warm-up: a restart of maglevd that the dataplane does not notice."""
import pytest

import vppapi
from calls import AsAdded, Conf, VipAdded
from cluster import VIP, frontend

WWW, SLOW = vppapi.key(VIP), vppapi.key("203.0.113.81")


@pytest.fixture
def cold(cluster):
    """a, b behind www; the frozen f behind slow: unknown for as long as its time-out is."""
    for name in "abf":
        cluster.web(name)
    cluster.start_sim()
    cluster.webs["f"].freeze()
    cluster.frontends = {"www": frontend({"primary": {"a": 100, "b": 100}}),
                         "slow": frontend({"only": {"f": 100}}, address="203.0.113.81")}
    cluster.checks = {"web": cluster.check(), "patient": cluster.check(timeout="10m")}
    cluster.backends = {n: {"address": w.address, "healthcheck": "patient" if n == "f" else "web"}
                        for n, w in cluster.webs.items()}
    return cluster


def start(cluster, **lb):
    return cluster.start_maglevd(cluster.config(cluster.backends, cluster.frontends, cluster.checks, **lb))


def test_nothing_is_written_before_the_minimum(cold):
    d = start(cold, startup_min_delay="10m", startup_max_delay="20m")
    for name in "ab":
        d.wait_state(name, "up")
    d.wait_log("vpp-lb-sync-suppressed")
    d.wait_log("vpp-lb-warmup", phase="hold")
    assert [c for c in cold.sim.calls() if c != Conf()] == []
    assert d.frontend("www").get("released", False) is False
    for words in (("www",), ()):
        p = d.ctl("sync", "vpp", "lb", "state", *words, check=False)
        assert p.returncode == 1 and "warming up" in p.stderr


def test_a_frontend_is_released_when_its_backends_are_known(cold):
    d = start(cold, startup_min_delay="0s", startup_max_delay="20m")
    cold.wait_weights({"a": 100, "b": 100})
    d.wait_log("vpp-lb-warmup", phase="release", frontend="www")
    assert d.frontend("www")["released"] is True
    assert d.frontend("slow").get("released", False) is False
    calls = cold.sim.calls()
    assert [c for c in calls if c != Conf()] == [
        VipAdded(WWW, 1024, vppapi.GRE4, False),
        *[AsAdded(WWW, cold.webs[n].address, 100) for n in "ab"]]
    d.ctl("sync", "vpp", "lb", "state", "www")
    for words in (("slow",), ()):
        p = d.ctl("sync", "vpp", "lb", "state", *words, check=False)
        assert p.returncode == 1 and "warming up" in p.stderr
    # The backend answers after all: that releases the other one, and ends the warm-up.
    cold.webs["f"].thaw()
    cold.wait_weights({"f": 100}, vip=SLOW)
    d.wait_log("vpp-lb-warmup", phase="release", frontend="slow")
    d.wait_log("vpp-lb-warmup", phase="done")


def test_the_maximum_ends_it(cold):
    """An unknown backend keeps the weight VPP has; a stale VIP goes only now."""
    stale = vppapi.key("203.0.113.200")
    with cold.sim.client() as c:
        c.add_vip(SLOW)
        c.add_as(SLOW, cold.webs["f"].address, 33)
        c.add_vip(stale)
    before = cold.sim.mark()
    d = start(cold, startup_min_delay="0s", startup_max_delay="5s")
    cold.wait_weights({"a": 100, "b": 100})
    d.wait_log("vpp-lb-warmup", phase="done")
    d.wait_log("vpp-lb-sync-vip-removed", vip="203.0.113.200")
    d.wait_drift_syncs()
    cold.wait_weights({"f": 33}, vip=SLOW)
    assert not [c for c in cold.sim.calls(before) if getattr(c, "vip", None) == SLOW]


def test_operator_actions_reach_vpp_with_the_release(cold):
    d = start(cold, startup_min_delay="0s", startup_max_delay="20m")
    d.set_backend("f", "disable")
    cold.wait_weights({"f": 0}, vip=SLOW)
    d.wait_log("vpp-lb-warmup", phase="done")


def test_both_delays_0_switch_it_off(cold):
    d = start(cold, startup_min_delay="0s", startup_max_delay="0s")
    cold.wait_weights({"f": 0}, vip=SLOW)
    cold.wait_weights({"a": 100, "b": 100})
    assert d.records("vpp-lb-warmup") == []


def test_no_permission_to_probe_is_no_death(cluster, namespace):
    """Without CAP_NET_RAW and without ping sockets icmp cannot be probed at all: inconclusive, so
    the weights that VPP has stay, past the warm-up."""
    if namespace.run("setpriv", "--bounding-set=-net_raw", "true").returncode != 0:
        pytest.skip("setpriv cannot drop a capability here")
    closed = namespace.run("cat", "/proc/sys/net/ipv4/ping_group_range").stdout.split()
    if int(closed[0]) <= int(closed[1]):
        pytest.skip("ping sockets are open in a new network namespace here")
    cluster.start_sim()
    backends = {n: {"address": cluster.address(i), "healthcheck": "ping"}
                for i, n in enumerate(("p", "q", "r"), 1)}
    checks = {"ping": {"type": "icmp", "interval": "200ms", "timeout": "20s", "rise": 1, "fall": 2}}
    config = cluster.config(backends=backends, checks=checks, startup_max_delay="3s",
                            frontends={"www": frontend({"primary": {"p": 100, "q": 60, "r": 30}})})
    weights = {b["address"]: w for b, w in zip(backends.values(), (100, 60, 30))}

    first = cluster.start_maglevd(config, wrapper=namespace.wrapper())
    cluster.wait_weights(weights)
    assert first.backend("p")["lastProbe"]["code"] == "L4OK"
    assert first.stop() == 0

    before = cluster.sim.mark()
    d = cluster.start_maglevd(config, wrapper=namespace.wrapper("setpriv", "--bounding-set=-net_raw",
                                                                "--inh-caps=-net_raw"))
    d.wait_log("vpp-lb-warmup", phase="done")
    for name in backends:
        d.wait_log("probe-done", count=5, backend=name, outcome="inconclusive")
    d.wait_drift_syncs()
    assert cluster.sim.calls(before) == []
    cluster.wait_weights(weights)
    shown = d.backend("p")
    assert shown["state"] == "unknown"
    assert (shown["lastProbe"]["outcome"], shown["lastProbe"]["code"]) == ("inconclusive", "LOCAL")
    assert d.records("backend-transition") == []
    warnings = [r for r in d.records() if r["level"] == "WARN"]
    assert any("CAP_NET_RAW" in str(r) for r in warnings)
    assert not any(r["msg"] == "probe-inconclusive" for r in warnings[50:]), "rate-limited"


def test_icmp_v4_and_v6_with_permission(cluster, namespace):
    cluster.start_sim()
    namespace.run("ip", "address", "add", "2001:db8:1::7/128", "dev", "lo")
    # Somebody says so; no route at all would be this host's own lack.
    namespace.run("ip", "-6", "route", "add", "unreachable", "2001:db8:1::8/128")
    backends = {"four": {"address": cluster.address(1), "healthcheck": "ping"},
                "six": {"address": "2001:db8:1::7", "healthcheck": "ping"},
                "gone": {"address": "2001:db8:1::8", "healthcheck": "ping"}}
    checks = {"ping": {"type": "icmp", "interval": "200ms", "timeout": "20s"}}
    d = cluster.start_maglevd(
        cluster.config(backends=backends, checks=checks,
                       frontends={"www": frontend({"p": {"four": 100}}),
                                  "www6": frontend({"p": {"six": 100, "gone": 100}},
                                                   address="2001:db8::80")}),
        wrapper=namespace.wrapper())
    cluster.wait_weights({cluster.address(1): 100})
    cluster.wait_weights({"2001:db8:1::7": 100, "2001:db8:1::8": 0}, vip=vppapi.key("2001:db8::80"))
    with cluster.sim.client() as c:
        assert c.vips()[vppapi.key("2001:db8::80")]["encap"] == vppapi.GRE6
    assert d.backend("gone")["lastProbe"]["code"] in ("L4CON", "L4TOUT")
