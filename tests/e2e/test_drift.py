# SPDX-License-Identifier: Apache-2.0
"""Drift: a settled system is left alone; what somebody else changed is mended and told."""
import vppapi
from calls import AsAdded, AsRemoved, Conf, VipRemoved, Weight
from cluster import VIP, frontend, log_time
from processes import wait_for
from scrape import scrape

METRICS = ("--metrics-addr", "127.0.0.1:0")
WWW = vppapi.key(VIP)
FOREIGN = vppapi.key("203.0.113.99", port=443)


def test_sixty_drift_syncs_add_no_call(tiers):
    tiers.d.wait_drift_syncs()
    before, since = tiers.sim.mark(), tiers.d.mark()
    tiers.d.wait_drift_syncs(60)
    assert tiers.sim.calls(before) == []
    assert tiers.d.records("backend-transition", since) == []
    # A sync that changed nothing speaks at debug only.
    assert all(r["level"] == "DEBUG" for r in tiers.d.records("vpp-lb-sync-done", since))


def test_a_minute_of_settled_life_adds_no_call(cluster):
    """The same at an interval people use, for a minute as the daemon counts it."""
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    pools = {"primary": {"a": 100, "b": 50}, "fallback": {"c": 100}}
    d = cluster.start_maglevd(cluster.config(
        frontends={"www": frontend(pools), "all": frontend({"only": {"c": 7}}, address="203.0.113.81")},
        sync_interval="1s"))
    cluster.wait_weights({"a": 100, "b": 50, "c": 0})
    cluster.wait_weights({"c": 7}, vip="203.0.113.81")
    d.wait_drift_syncs()
    before, since = cluster.sim.mark(), d.mark()
    d.wait_drift_syncs(60)
    assert cluster.sim.calls(before) == []
    synced = [log_time(r) for r in d.records("vpp-lb-sync-done", since, scope="all")]
    assert synced[-1] - synced[0] > 55


def mended(cluster, spoil, calls, record, **attributes):
    """`spoil(client)` by hand, then exactly `calls` from maglevd, told in `record`."""
    cluster.d.wait_drift_syncs()
    since = cluster.d.mark()
    with cluster.sim.client() as c:
        before = cluster.sim.mark()
        spoil(c)
    cluster.d.wait_log(record, since, **attributes)
    cluster.wait_weights({"a": 100, "b": 100, "c": 100})
    cluster.d.wait_drift_syncs()
    assert cluster.sim.calls(before) == calls
    with cluster.sim.client() as c:
        assert list(c.vips()) == [WWW]


def test_a_changed_weight_is_mended(trio):
    a = trio.webs["a"].address
    mended(trio, lambda c: c.set_weight(WWW, a, 7), [Weight(WWW, a, 100, False)],
           "vpp-lb-sync-as-weight-updated", vip=VIP, address=a, **{"from": 7, "to": 100, "flush": False})


def test_a_deleted_backend_is_put_back(trio):
    a = trio.webs["a"].address
    mended(trio, lambda c: c.del_as(WWW, a), [AsAdded(WWW, a, 100)],
           "vpp-lb-sync-as-added", vip=VIP, address=a)


def test_a_foreign_backend_is_removed(trio):
    stranger = trio.address(99)
    mended(trio, lambda c: c.add_as(WWW, stranger, 100),
           [AsRemoved(WWW, stranger, True)],
           "vpp-lb-sync-as-removed", vip=VIP, address=stranger)


def test_a_deleted_vip_is_put_back(trio):
    def spoil(c):
        for web in trio.webs.values():
            c.del_as(WWW, web.address)
        c.del_vip(WWW)
    # maglevd's drift sync may look while the hand is at work: that it mends is what counts.
    trio.d.wait_drift_syncs()
    since = trio.d.mark()
    with trio.sim.client() as c:
        wait_for(lambda: not_refused(lambda: spoil(c)), "the VIP to be deleted by hand")
    trio.d.wait_log("vpp-lb-sync-vip-added", since, vip=VIP, protocol="tcp", port=80)
    trio.wait_weights({"a": 100, "b": 100, "c": 100})
    assert trio.d.running()


def not_refused(action):
    try:
        action()
    except vppapi.Refused:
        return False
    return True


def test_a_foreign_vip_is_removed(trio):
    mended(trio, lambda c: c.add_vip(FOREIGN), [VipRemoved(FOREIGN)],
           "vpp-lb-sync-vip-removed", vip="203.0.113.99", protocol="tcp", port=443)


def test_a_changed_conf_is_mended(trio):
    trio.d.wait_drift_syncs()
    since = trio.d.mark()
    with trio.sim.client() as c:
        before = trio.sim.mark()
        c.set_conf(flow_timeout=17)
        trio.d.wait_log("vpp-lb-conf-set", since)
        wait_for(lambda: c.conf()["flow_timeout"] == 40, "the flow timeout to be mended")
    trio.d.wait_drift_syncs()
    assert trio.sim.calls(before) == [Conf()]


def test_a_vip_of_another_shape_is_made_anew(trio):
    """Somebody replaced the VIP by one with another table length and the sticky flag."""
    def replace(c):
        for address in list(c.weights(WWW)):
            c.del_as(WWW, address)
        c.del_vip(WWW)
        c.add_vip(WWW, length=256, sticky=True)
    trio.d.wait_drift_syncs()
    since = trio.d.mark()
    with trio.sim.client() as c:
        wait_for(lambda: not_refused(lambda: replace(c)), "the VIP to be replaced by hand")
        trio.d.wait_log("vpp-lb-sync-vip-recreate", since, vip=VIP)
        trio.wait_weights({"a": 100, "b": 100, "c": 100}, client=None)
        assert c.vips()[WWW]["flow_table_length"] == 1024
    trio.d.wait_drift_syncs()
    before = trio.sim.mark()
    trio.d.wait_drift_syncs()
    assert trio.sim.calls(before) == []


def test_every_kind_of_drift_is_told_and_counted(cluster):
    """Each is told with what was expected and what was found, mended, and then no longer there."""
    for name in "ab":
        cluster.web(name)
    cluster.start_sim()
    frontends = {"www": frontend({"p": {"a": 100, "b": 50}}),
                 "tls": frontend({"p": {"a": 100}}, port=443)}
    d = cluster.start_maglevd(cluster.config(frontends=frontends, sync_interval="10m"), *METRICS)
    tls = vppapi.key(VIP, port=443)
    cluster.wait_weights({"a": 100, "b": 50})
    cluster.wait_weights({"a": 100}, vip=tls)
    a, b, stranger = cluster.address_of("a"), cluster.address_of("b"), cluster.address(99)

    def remake(c):
        c.del_as(tls, a)
        c.del_vip(tls)
        c.add_vip(tls, length=512)
        c.add_as(tls, a, 100)

    def remove(c):
        c.del_as(tls, a)
        c.del_vip(tls)
    here = {"protocol": "tcp", "port": 80, "vip": VIP}
    there = {**here, "port": 443}
    whole = "gre4, flow table 1024, 1 ASes"
    kinds = {
        "as_weight": (lambda c: c.set_weight(WWW, b, 3), {**here, "address": b}, "weight 50", "weight 3"),
        "as_missing": (lambda c: c.del_as(WWW, b), {**here, "address": b}, "weight 50", "absent"),
        "as_unexpected": (lambda c: c.add_as(WWW, stranger, 9), {**here, "address": stranger}, "absent",
                          "weight 9"),
        "vip_missing": (remove, there, whole, "absent"),
        "vip_unexpected": (lambda c: c.add_vip(FOREIGN, length=128),
                           {**there, "vip": "203.0.113.99"}, "absent", "gre4, flow table 128, 0 ASes"),
        "vip_changed": (remake, there, whole, "gre4, flow table 512, 1 ASes"),
        "conf": (lambda c: c.set_conf(flow_timeout=17), {},
                 "192.0.2.1, 2001:db8::1, 65536 sticky buckets, timeout 40s",
                 "192.0.2.1, 2001:db8::1, 65536 sticky buckets, timeout 17s"),
    }
    for n, (kind, (spoil, attributes, expected, found)) in enumerate(kinds.items(), 1):
        since = d.mark()
        with cluster.sim.client() as c:
            spoil(c)
        d.ctl("sync", "vpp", "lb", "state")
        [told] = d.records("vpp-lb-drift", since)
        assert told["level"] == "WARN"
        assert {**told, "kind": kind, "expected": expected, "found": found, **attributes} == told
        cluster.wait_weights({"a": 100, "b": 50})
        cluster.wait_weights({"a": 100}, vip=tls)
        s = scrape(d)
        assert {k: s.values("maglev_vpp_drift_total", kind=k) for k in kinds} == {
            k: [1] if k in list(kinds)[:n] else [] for k in kinds}
    with cluster.sim.client() as c:
        assert set(c.vips()) == {WWW, tls} and c.vips()[tls]["flow_table_length"] == 1024
        assert c.conf()["flow_timeout"] == 40
