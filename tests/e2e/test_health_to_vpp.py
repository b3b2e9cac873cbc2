# SPDX-License-Identifier: Apache-2.0
"""Backends live and die; VPP's weights follow, with exactly the calls that takes."""
import pytest

import tablemodel
import vppapi
from calls import AsAdded, Conf, VipAdded, Weight
from cluster import VIP, frontend
from processes import wait_for

WWW = vppapi.key(VIP)


def expect_buckets(cluster, weights, length=1024):
    wanted = tablemodel.buckets({cluster.address_of(n): w for n, w in weights.items()}, length)
    with cluster.sim.client() as c:
        assert c.buckets(WWW) == wanted


def test_three_backends_come_up(trio):
    trio.d.wait_drift_syncs()
    assert trio.sim.calls() == [
        Conf(),
        VipAdded(WWW, 1024, vppapi.GRE4, False),
        *[AsAdded(WWW, trio.webs[n].address, 100) for n in "abc"],
    ]
    expect_buckets(trio, {"a": 100, "b": 100, "c": 100})
    for name in "abc":
        assert trio.d.backend(name)["state"] == "up"
        assert trio.d.backend(name)["lastProbe"]["code"] == "L7OK"
    assert trio.d.frontend("www")["state"] == "up"


def test_conf_reaches_vpp(trio):
    with trio.sim.client() as c:
        conf = c.conf()
    assert (str(conf["ip4"]), str(conf["ip6"])) == ("192.0.2.1", "2001:db8::1")
    assert (conf["sticky_buckets_per_core"], conf["flow_timeout"]) == (65536, 40)


def test_weights_give_the_table_vpp_would_have(cluster):
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    pools = {"primary": {"a": 100, "b": 70, "c": 40}}
    cluster.start_maglevd(cluster.config(
        frontends={"www": frontend(pools, flow_table_length=4096)}))
    cluster.wait_weights({"a": 100, "b": 70, "c": 40})
    expect_buckets(cluster, {"a": 100, "b": 70, "c": 40}, 4096)


def test_the_probe_is_the_request_asked_for(trio):
    line = wait_for(lambda: [l for l in trio.webs["a"].requests() if "GET" in l], "a request")[0]
    version = trio.d.records("starting")[0]["version"]
    assert '"GET /healthz HTTP/1.1"' in line
    assert f" {trio.webs['a'].address}:{trio.port} " in line
    assert f'"maglevd/{version}' in line


# How a backend goes bad, how it is mended, and the code its transition carries.
TROUBLES = {
    "killed": (lambda w: w.kill(), lambda w: w.start(), "L4CON"),
    "frozen": (lambda w: w.freeze(), lambda w: w.thaw(), "L7TOUT"),
    "answers 500": (lambda w: w.answer_500(), lambda w: w.answer_500(False), "L7STS"),
    "wrong body": (lambda w: w.body("sorry"), lambda w: w.body("ok"), "L7RSP"),
}


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda t: t.replace(" ", "-"))
def test_a_backend_goes_and_comes_back(cluster, trouble):
    breaks, mends, code = TROUBLES[trouble]
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    # Its own: no stall of the machine is to take the others for frozen.
    backends = {n: {"address": w.address, "healthcheck": n} for n, w in cluster.webs.items()}
    checks = {n: cluster.check() for n in "abc"}
    if trouble == "frozen":
        checks["b"]["timeout"] = "5s"
    d = cluster.start_maglevd(cluster.config(backends=backends, checks=checks))
    cluster.wait_weights({"a": 100, "b": 100, "c": 100})
    d.wait_drift_syncs()
    before, log = cluster.sim.mark(), d.mark()

    breaks(cluster.webs["b"])
    cluster.wait_weights({"a": 100, "b": 0, "c": 100})
    d.wait_drift_syncs()
    assert cluster.sim.calls(before) == [Weight(WWW, cluster.webs["b"].address, 0, True)]
    assert d.wait_state("b", "down", log)["code"] == code
    expect_buckets(cluster, {"a": 100, "b": 0, "c": 100})
    update = d.wait_log("vpp-lb-sync-as-weight-updated", log)
    assert (update["vip"], update["protocol"], update["port"]) == (VIP, "tcp", 80)
    assert update["address"] == cluster.webs["b"].address
    assert (update["from"], update["to"], update["flush"]) == (100, 0, True)

    before, log = cluster.sim.mark(), d.mark()
    mends(cluster.webs["b"])
    cluster.wait_weights({"a": 100, "b": 100, "c": 100})
    d.wait_drift_syncs()
    assert cluster.sim.calls(before) == [Weight(WWW, cluster.webs["b"].address, 100, False)]
    assert d.wait_state("b", "up", log)["code"] == "L7OK"
    expect_buckets(cluster, {"a": 100, "b": 100, "c": 100})


def test_flush_on_down_false_keeps_the_flows(cluster):
    for name in "ab":
        cluster.web(name)
    cluster.start_sim()
    pools = {"primary": {"a": 100, "b": 100}}
    d = cluster.start_maglevd(cluster.config(frontends={"www": frontend(pools, flush_on_down=False)}))
    cluster.wait_weights({"a": 100, "b": 100})
    before = cluster.sim.mark()
    cluster.webs["a"].kill()
    cluster.wait_weights({"a": 0, "b": 100})
    d.wait_drift_syncs()
    assert cluster.sim.calls(before) == [Weight(WWW, cluster.webs["a"].address, 0, False)]


def test_one_backend_of_two_frontends_is_probed_once_and_leaves_both(cluster):
    for name in "ab":
        cluster.web(name)
    cluster.start_sim()
    pools = {"primary": {"a": 100, "b": 100}}
    d = cluster.start_maglevd(cluster.config(frontends={
        "www": frontend(pools), "other": frontend(pools, address="203.0.113.81")}))
    other = vppapi.key("203.0.113.81")
    cluster.wait_weights({"a": 100, "b": 100})
    cluster.wait_weights({"a": 100, "b": 100}, vip=other)
    before = cluster.sim.mark()
    cluster.webs["a"].kill()
    cluster.wait_weights({"a": 0, "b": 100})
    cluster.wait_weights({"a": 0, "b": 100}, vip=other)
    d.wait_drift_syncs()
    assert sorted(cluster.sim.calls(before)) == [
        Weight(vip, cluster.webs["a"].address, 0, True) for vip in (WWW, other)]
    assert len(d.records("backend-transition", backend="a", to="down")) == 1


def test_tcp_and_static_backends(cluster):
    cluster.web("a")
    cluster.start_sim()
    static = cluster.address(200)
    cluster.start_maglevd(cluster.config(
        checks={"port": {"type": "tcp", "port": cluster.port, "interval": "200ms", "timeout": "20s"}},
        backends={"a": {"address": cluster.webs["a"].address, "healthcheck": "port"},
                  "sorry": {"address": static}},
        frontends={"www": frontend({"primary": {"a": 100, "sorry": 10}})}))
    cluster.wait_weights({"a": 100, static: 10})
    cluster.webs["a"].kill()
    cluster.wait_weights({"a": 0, static: 10})
