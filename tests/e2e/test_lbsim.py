# SPDX-License-Identifier: Apache-2.0
"""maglev-lbsim through a client that shares no code with it: the plugin's semantics and its traps."""
import ipaddress
import re

import pytest

import tablemodel
import vppapi
from processes import wait_for

V4 = vppapi.key("192.0.2.80", port=80)
V6 = vppapi.key("2001:db8:1::8080", vppapi.UDP, 53)
A, B, C = "198.51.100.10", "198.51.100.11", "198.51.100.12"
A6, B6 = "2001:db8::a", "2001:db8::b"


@pytest.fixture
def vpp(cluster):
    cluster.start_sim()
    with cluster.sim.client() as c:
        yield c


def refusal(action):
    with pytest.raises(vppapi.Refused) as e:
        action()
    return e.value.retval


def test_a_fresh_one(vpp):
    version = vpp.call("show_version")
    assert version["program"] and version["version"]
    conf = vpp.conf()
    assert (str(conf["ip4"]), conf["sticky_buckets_per_core"], conf["flow_timeout"]) == (
        "255.255.255.255", 1024, 40)
    assert vpp.vips() == {} and vpp.ases() == {}
    assert vpp.cli("show lb vips verbose") == ""


def test_buckets_follow_the_table_model(vpp):
    weights = {A: 100, B: 70, C: 40}
    vpp.add_vip(V4, length=1024)
    for address, weight in weights.items():
        vpp.add_as(V4, address, weight)
    assert vpp.buckets(V4) == {A: 474, B: 350, C: 200}
    vpp.set_weight(V4, B, 0)
    assert vpp.buckets(V4) == tablemodel.buckets({**weights, B: 0}, 1024)
    assert vpp.buckets(V4)[B] == 0


def test_many_ases_crowd_each_other(vpp):
    weights = {str(ipaddress.IPv4Address(A) + i): 50 if i == 0 else 100 for i in range(15)}
    vpp.add_vip(V4)
    for address, weight in weights.items():
        vpp.add_as(V4, address, weight)
    seen = vpp.buckets(V4)
    assert seen == tablemodel.buckets(weights, 1024)
    assert seen[A] == 50 and {n for a, n in seen.items() if a != A} <= {69, 70}


def test_ipv6(vpp):
    vpp.add_vip(V6, length=65536, encap=vppapi.GRE6)
    vpp.add_as(V6, A6, 100)
    vpp.add_as(V6, B6, 33)
    assert vpp.buckets(V6) == tablemodel.buckets({A6: 100, B6: 33}, 65536)
    assert vpp.vips()[V6]["flow_table_length"] == 0, "the length is told in 16 bits"


def test_refusals(vpp):
    vpp.add_vip(V4)
    vpp.add_as(V4, A, 1)
    assert refusal(lambda: vpp.add_vip(V4)) == vppapi.EXISTS
    assert refusal(lambda: vpp.add_vip(V4._replace(port=0))) == vppapi.EXISTS
    assert refusal(lambda: vpp.add_vip(V4._replace(port=443), encap=vppapi.GRE6)) == vppapi.OTHER_ENCAP
    assert refusal(lambda: vpp.add_vip(V4._replace(port=443), length=1000)) == vppapi.BAD_LENGTH
    assert refusal(lambda: vpp.add_as(V4, A, 1)) == vppapi.EXISTS
    assert refusal(lambda: vpp.add_as(V4, A6, 1)) == vppapi.WRONG_FAMILY
    assert refusal(lambda: vpp.set_weight(V4, B, 1)) == vppapi.NO_ENTRY
    assert refusal(lambda: vpp.del_as(V4, B)) == vppapi.NO_ENTRY
    assert refusal(lambda: vpp.del_vip(V6)) == vppapi.NO_ENTRY
    assert refusal(lambda: vpp.set_conf(sticky_buckets_per_core=1000)) == vppapi.BAD_LENGTH
    assert list(vpp.vips()) == [V4]


def test_dumps_of_one_ipv4_vip_are_empty(vpp):
    vpp.add_vip(V4)
    vpp.add_as(V4, A, 1)
    vpp.add_vip(V6, encap=vppapi.GRE6)
    vpp.add_as(V6, A6, 1)
    assert vpp.dump("lb_as_v2_dump", **V4._asdict()) == []
    assert len(vpp.dump("lb_as_v2_dump", **V6._asdict())) == 1


def test_removed_rows_stay_until_collected(vpp):
    vpp.add_vip(V4)
    vpp.add_as(V4, A, 10)
    vpp.add_as(V4, B, 20)
    vpp.del_as(V4, B)
    assert vpp.weights(V4) == {A: 10}
    assert {str(a) for a in vpp.ases(removed=True)[V4]} == {B}
    assert refusal(lambda: vpp.set_weight(V4, B, 5)) == vppapi.NO_ENTRY
    vpp.add_as(V4, B, 30)
    assert vpp.weights(V4) == {A: 10, B: 30}, "revived"
    vpp.del_vip(V4)
    assert vpp.vips() == {}
    vpp.add_vip(V4)
    assert {str(a) for a in vpp.ases(removed=True)[V4]} == {A, B}, "the old VIP's rows, beside the new"
    assert re.search(r" removed\r?$", vpp.cli("show lb vips verbose"), re.M)


def test_collection_can_be_hurried(cluster):
    sim = cluster.start_sim("--gc-interval", "1s")
    with sim.client() as c:
        c.add_vip(V4)
        c.add_as(V4, A, 1)
        c.del_as(V4, A)
        wait_for(lambda: not c.ases(removed=True), "the removed row to be collected")


def test_port_0_forces_any_protocol(vpp):
    vpp.add_vip(V4._replace(port=0))
    assert list(vpp.vips()) == [V4._replace(port=0, protocol=vppapi.ANY)]
    assert refusal(lambda: vpp.add_vip(V4)) == vppapi.EXISTS


def test_the_cli_tells_the_sticky_flag_and_the_index(vpp):
    vpp.add_vip(V4, sticky=True)
    vpp.add_vip(V4._replace(port=443))
    text = vpp.cli("show lb vips verbose")
    assert len(re.findall(r"\[\d+\]", text)) >= 2 and "src_ip_sticky" in text
    assert "\r" not in text


def test_an_unknown_client_index_is_executed_and_never_answered(vpp):
    vpp.index ^= 1
    vpp.send("lb_conf", ip4="192.0.2.9", ip6="::9", sticky_buckets_per_core=1024, flow_timeout=7)
    vpp.index ^= 1
    assert vpp.conf()["flow_timeout"] == 7


def test_several_clients(cluster, vpp):
    others = [cluster.sim.client() for _ in range(5)]
    vpp.add_vip(V4)
    for c in others:
        assert list(c.vips()) == [V4]
        c.sock.close()


def test_the_version_string_is_the_tests_choice(cluster):
    sim = cluster.start_sim("--version-string", "26.10-test")
    with sim.client() as c:
        assert c.call("show_version")["version"] == "26.10-test"


def test_the_clock_can_be_advanced(cluster, vpp):
    vpp.add_vip(V4)
    vpp.add_as(V4, A, 1)
    vpp.del_as(V4, A)
    cluster.sim.control("advance 5")
    assert vpp.ases(removed=True)
    cluster.sim.control("advance 300")
    assert not vpp.ases(removed=True)


def test_a_refusal_can_be_ordered(cluster, vpp):
    cluster.sim.control("fail lb_add_del_vip_v2 -81")
    assert refusal(lambda: vpp.add_vip(V4)) == vppapi.EXISTS
    vpp.add_vip(V4)
