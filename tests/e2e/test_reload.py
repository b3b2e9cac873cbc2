# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: what changed is changed, what did not notices nothing, what is broken changes nothing."""
import pytest

import vppapi
from calls import AsAdded, AsRemoved, VipAdded, VipRemoved, Weight
from cluster import VIP, frontend

WWW = vppapi.key(VIP)


def reload_with(cluster, config):
    """Installs the configuration, reloads, waits until VPP agrees; (record, calls, log position)."""
    cluster.d.wait_drift_syncs()
    before, since = cluster.sim.mark(), cluster.d.mark()
    cluster.write_config(config)
    record = cluster.d.reload()
    return record, before, since


def test_a_backend_is_added_and_removed(trio):
    d, new = trio.d, trio.web("d")
    config = trio.config()
    record, before, since = reload_with(trio, config)
    assert record["level"] == "INFO"
    assert (record["added"], record["removed"], record["changed"]) != (0, 0, 0)
    trio.wait_weights({"a": 100, "b": 100, "c": 100, "d": 100})
    d.wait_drift_syncs()
    calls = trio.sim.calls(before)
    assert calls in ([AsAdded(WWW, new.address, 100)],
                     [AsAdded(WWW, new.address, 0), Weight(WWW, new.address, 100, False)])
    assert {r["backend"] for r in d.records("backend-transition", since)} == {"d"}

    del config["maglev"]["backends"]["d"]
    del config["maglev"]["frontends"]["www"]["pools"][0]["backends"]["d"]
    _, before, since = reload_with(trio, config)
    trio.wait_weights({"a": 100, "b": 100, "c": 100})
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [AsRemoved(WWW, new.address, True)]
    assert [(r["backend"], r["to"]) for r in d.records("backend-transition", since)] == [("d", "removed")]
    assert d.ctl("show", "backends", "d", check=False).returncode == 1


def test_a_frontend_is_added_changed_and_removed(trio):
    d, other = trio.d, vppapi.key("203.0.113.81", port=8443)
    config = trio.config()
    config["maglev"]["frontends"]["second"] = frontend({"only": {"a": 30}}, address="203.0.113.81",
                                                       port=8443, src_ip_sticky=True)
    a = trio.webs["a"].address
    _, before, _ = reload_with(trio, config)
    trio.wait_weights({"a": 30}, vip=other)
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [VipAdded(other, 1024, vppapi.GRE4, True), AsAdded(other, a, 30)]

    config["maglev"]["frontends"]["second"]["pools"][0]["backends"]["a"]["weight"] = 40
    _, before, _ = reload_with(trio, config)
    trio.wait_weights({"a": 40}, vip=other)
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [Weight(other, a, 40, False)]

    # Another table length: VPP cannot change it, so the VIP is made anew.
    config["maglev"]["frontends"]["second"]["flow-table-length"] = 2048
    _, before, since = reload_with(trio, config)
    d.wait_log("vpp-lb-sync-vip-recreate", since, vip="203.0.113.81")
    trio.wait_weights({"a": 40}, vip=other)
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [
        AsRemoved(other, a, True), VipRemoved(other),
        VipAdded(other, 2048, vppapi.GRE4, True), AsAdded(other, a, 40)]

    del config["maglev"]["frontends"]["second"]
    _, before, _ = reload_with(trio, config)
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [AsRemoved(other, a, True), VipRemoved(other)]
    with trio.sim.client() as c:
        assert list(c.vips()) == [WWW]


def test_a_changed_address_starts_over(trio):
    d = trio.d
    old, new = trio.webs["c"].address, trio.web("d").address
    config = trio.config(backends={n: {"address": trio.webs[n].address, "healthcheck": "web"}
                                   for n in "abc"})
    config["maglev"]["backends"]["c"]["address"] = new
    _, before, since = reload_with(trio, config)
    d.wait_state("c", "up", since)
    trio.wait_weights({"a": 100, "b": 100, new: 100})
    d.wait_drift_syncs()
    calls = trio.sim.calls(before)
    assert AsRemoved(WWW, old, True) in calls
    assert {c.address for c in calls} == {old, new}
    transitions = d.backend("c")["transitions"]
    assert [t["code"] for t in transitions[:2]] == ["L7OK", "reload"]
    assert len(transitions) == 3, "the history is kept"


def test_an_unchanged_reload_is_no_event(trio):
    d = trio.d
    before_shown = {n: d.backend(n) for n in "abc"}
    record, before, since = reload_with(trio, trio.config())
    d.wait_drift_syncs()
    assert (record["added"], record["removed"], record["changed"]) == (0, 0, 0)
    assert trio.sim.calls(before) == []
    assert d.records("backend-transition", since) == []
    for name, shown in before_shown.items():
        now = d.backend(name)
        for field in ("state", "counter", "transitions", "sinceUnixNs"):
            assert now[field] == shown[field]


def test_unchanged_backends_keep_their_cadence(cluster):
    """A worker that began anew would probe at once, as those of new backends do; these have an hour
    until the next time."""
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    check = cluster.check(interval="1h", fast_interval="100ms")
    cluster.d = d = cluster.start_maglevd(cluster.config(checks={"web": check}))
    for name in "abc":
        d.wait_state(name, "up")
    since = d.mark()
    for n in range(3):
        cluster.web(f"new{n}")
        cluster.write_config(cluster.config(checks={"web": check}))
        d.reload()
        d.wait_state(f"new{n}", "up", since)
    assert {r["backend"] for r in d.records("probe-start", since)} == {"new0", "new1", "new2"}


def test_a_changed_timeout_of_a_shared_check_drains_nobody(trio):
    d = trio.d
    record, before, since = reload_with(trio, trio.config(checks={"web": trio.check(timeout="19900ms")}))
    assert record["changed"] == 3
    checks = d.show("healthchecks", "web")
    assert (checks[0] if isinstance(checks, list) else checks)["timeoutNs"] == "19900000000"
    for name in "abc":  # the next verdict is in
        d.wait_log("probe-done", since, count=2, backend=name, outcome="pass")
    d.wait_drift_syncs()
    assert d.records("backend-transition", since) == []
    assert trio.sim.calls(before) == []
    for name in "abc":
        assert d.backend(name)["state"] == "up"


def test_a_changed_check_that_a_backend_fails_takes_it_down_at_once(trio):
    """The counter stands at the boundary: the next verdict decides, not `fall` of them."""
    trio.webs["b"].body("another")
    trio.wait_weights({"a": 100, "b": 0, "c": 100})
    check = trio.check(fall=50)
    check["params"]["response-regexp"] = "^another$"
    _, _, since = reload_with(trio, trio.config(checks={"web": check}))
    trio.wait_weights({"a": 0, "b": 100, "c": 0})
    for name, state in (("a", "down"), ("b", "up"), ("c", "down")):
        assert len(trio.d.records("backend-transition", since, backend=name)) == 1
        trio.d.wait_state(name, state, since)


BROKEN = {
    "not-yaml": ("maglev: [\n", "maglev.yaml:"),
    "unknown-key": ("maglev:\n  vpp: {lb: {}}\n  nonsense: 1\n", "nonsense"),
    "no-such-backend": (None, "no such backend"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_changes_nothing(trio, kind):
    text, wanted = BROKEN[kind]
    config = text
    if config is None:
        config = trio.config()
        config["maglev"]["frontends"]["www"]["pools"][0]["backends"]["ghost"] = {}
        del config["maglev"]["backends"]["a"]
    shown = trio.d.show("backends")
    record, before, since = reload_with(trio, config)
    assert record["level"] == "ERROR"
    assert wanted in str(trio.d.records(since=since))
    refused = trio.d.ctl("config", "reload", check=False)
    assert refused.returncode == 1 and wanted in refused.stderr
    refused = trio.d.ctl("config", "check", check=False)
    assert refused.returncode == 1 and wanted in refused.stderr
    trio.d.wait_drift_syncs()
    assert trio.sim.calls(before) == []
    assert trio.d.records("backend-transition", since) == []
    assert [b["name"] for b in trio.d.show("backends")] == [b["name"] for b in shown]
    # And a good one is taken after it.
    record, _, _ = reload_with(trio, trio.config())
    assert record["level"] == "INFO"


def test_reload_by_command(trio):
    trio.web("d")
    trio.write_config(trio.config())
    assert "config reloaded" in trio.d.ctl("config", "reload").stdout
    trio.wait_weights({"a": 100, "b": 100, "c": 100, "d": 100})


def test_paused_and_disabled_survive_and_weights_are_the_files(trio):
    d = trio.d
    d.set_backend("a", "pause")
    d.set_backend("b", "disable")
    d.set_weight("www", "primary", "c", 10)
    trio.wait_weights({"a": 0, "b": 0, "c": 10})
    _, before, since = reload_with(trio, trio.config())
    trio.wait_weights({"a": 0, "b": 0, "c": 100})
    d.wait_drift_syncs()
    assert trio.sim.calls(before) == [Weight(WWW, trio.webs["c"].address, 100, False)]
    assert d.records("backend-transition", since) == []

    # `enabled` counts when its value differs between the files.
    config = trio.config()
    config["maglev"]["backends"]["c"]["enabled"] = False
    _, _, since = reload_with(trio, config)
    d.wait_state("c", "disabled", since)
    trio.wait_weights({"a": 0, "b": 0, "c": 0})


# What VPP cannot change in place. Static backends: up at once, and no server is needed.

OLD4, NEW6 = ["198.51.100.1", "198.51.100.2"], ["2001:db8::1", "2001:db8::2"]


def static_config(cluster, addresses, *frontends):
    backends = {f"s{n}": {"address": a} for n, a in enumerate(addresses)}
    pools = {"only": dict.fromkeys(backends, 100)}
    return cluster.config(backends=backends, checks={},
                          frontends={f"f{n}": frontend(pools, **f) for n, f in enumerate(frontends)})


@pytest.fixture
def static(cluster):
    """Two VIPs on one prefix, over two static IPv4 backends."""
    cluster.start_sim()
    cluster.frontends = [{"port": 80}, {"port": 443}]
    cluster.d = cluster.start_maglevd(static_config(cluster, OLD4, *cluster.frontends))
    for port in (80, 443):
        cluster.wait_weights(dict.fromkeys(OLD4, 100), vip=vppapi.key(VIP, port=port))
    return cluster


def expect_remade(cluster, calls, before, after, addresses):
    """All removals, VIPs after their ASes, then all additions; nothing refused."""
    removed = [VipRemoved(v) for v in before]
    added = [c for c in calls if isinstance(c, VipAdded)]
    assert [c for c in calls if isinstance(c, VipRemoved)] == removed
    assert [c.vip for c in added] == after
    last_removal = max(calls.index(c) for c in removed)
    first_addition = min(calls.index(c) for c in added)
    assert last_removal < first_addition
    assert {type(c) for c in calls[:first_addition]} == {AsRemoved, VipRemoved}
    # A backend whose address changed starts over: its weight may come a moment later.
    assert {type(c) for c in calls[first_addition:]} <= {VipAdded, AsAdded, Weight}
    for vip in after:
        cluster.wait_weights(dict.fromkeys(addresses, 100), vip=vip)
    cluster.d.wait_drift_syncs()
    assert cluster.d.records("vpp-lb-sync-error") == []


def test_another_family_of_backends_remakes_the_whole_prefix(static):
    vips = [vppapi.key(VIP, port=p) for p in (80, 443)]
    _, before, since = reload_with(static, static_config(static, NEW6, *static.frontends))
    for vip in vips:
        static.wait_weights(dict.fromkeys(NEW6, 100), vip=vip)
        static.d.wait_log("vpp-lb-sync-vip-recreate", since, vip=VIP, port=vip.port)
    static.d.wait_drift_syncs()
    expect_remade(static, static.sim.calls(before), vips, vips, NEW6)
    with static.sim.client() as c:
        assert {r["encap"] for r in c.vips().values()} == {vppapi.GRE6}


def test_servers_that_all_move_leave_no_empty_table(static):
    """The new ones have their weight before the old ones go: a flow that finds an empty table would
    stay without a server."""
    new = ["198.51.100.3", "198.51.100.4"]
    vips = [vppapi.key(VIP, port=p) for p in (80, 443)]
    _, before, since = reload_with(static, static_config(static, new, *static.frontends))
    for vip in vips:
        static.wait_weights(dict.fromkeys(new, 100), vip=vip)
    static.d.wait_drift_syncs()
    assert static.sim.calls(before) == [
        call for vip in vips for call in (*[AsAdded(vip, a, 100) for a in new],
                                          *[AsRemoved(vip, a, True) for a in OLD4])]
    # The same under other names.
    config = static_config(static, OLD4, *static.frontends)
    del config["maglev"]["backends"]
    config["maglev"]["backends"] = {f"t{n}": {"address": a} for n, a in enumerate(OLD4)}
    for f in config["maglev"]["frontends"].values():
        f["pools"][0]["backends"] = {f"t{n}": {"weight": 100} for n in range(2)}
    _, before, since = reload_with(static, config)
    static.d.wait_drift_syncs()
    assert static.sim.calls(before) == [
        call for vip in vips for call in (*[AsAdded(vip, a, 100) for a in OLD4],
                                          *[AsRemoved(vip, a, True) for a in new])]
    assert len(static.d.records("backend-transition", since, code="STATIC")) == 2
    assert len(static.d.records("probe-done", since, backend="t0")) == 1


def test_per_port_vips_become_one_for_all_ports_and_back(static):
    per_port = [vppapi.key(VIP, port=p) for p in (80, 443)]
    all_ports = vppapi.key(VIP, vppapi.ANY, 0)
    config = static_config(static, OLD4, {})
    del config["maglev"]["frontends"]["f0"]["protocol"], config["maglev"]["frontends"]["f0"]["port"]
    _, before, _ = reload_with(static, config)
    static.wait_weights(dict.fromkeys(OLD4, 100), vip=all_ports)
    static.d.wait_drift_syncs()
    expect_remade(static, static.sim.calls(before), per_port, [all_ports], OLD4)
    _, before, _ = reload_with(static, static_config(static, OLD4, *static.frontends))
    static.wait_weights(dict.fromkeys(OLD4, 100), vip=per_port[1])
    static.d.wait_drift_syncs()
    expect_remade(static, static.sim.calls(before), [all_ports], per_port, OLD4)


def test_the_sticky_flag_remakes_its_vip_alone(static):
    www = vppapi.key(VIP)
    _, before, _ = reload_with(static, static_config(static, OLD4, {"port": 80, "src_ip_sticky": True},
                                                     {"port": 443}))
    static.d.wait_drift_syncs()
    calls = static.sim.calls(before)
    assert calls == [*[AsRemoved(www, a, True) for a in OLD4], VipRemoved(www),
                     VipAdded(www, 1024, vppapi.GRE4, True), *[AsAdded(www, a, 100) for a in OLD4]]


def test_ipv6_vip_over_ipv4_backends_and_udp(cluster):
    cluster.start_sim()
    cluster.start_maglevd(static_config(cluster, OLD4, {"address": "2001:db8::53", "protocol": "udp",
                                                        "port": 53}))
    vip = vppapi.key("2001:db8::53", vppapi.UDP, 53)
    cluster.wait_weights(dict.fromkeys(OLD4, 100), vip=vip)
    with cluster.sim.client() as c:
        assert c.vips()[vip]["encap"] == vppapi.GRE4
