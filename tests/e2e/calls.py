# SPDX-License-Identifier: Apache-2.0
"""The calls that change VPP, as tests name them; maglev-lbsim's journal is read into these."""
from collections import namedtuple

import vppapi

Conf = namedtuple("Conf", "")
VipAdded = namedtuple("VipAdded", "vip length encap sticky")
VipRemoved = namedtuple("VipRemoved", "vip")
AsAdded = namedtuple("AsAdded", "vip address weight")
AsRemoved = namedtuple("AsRemoved", "vip address flush")
Weight = namedtuple("Weight", "vip address weight flush")
Flush = namedtuple("Flush", "vip")
Refused = namedtuple("Refused", "call retval")

CHANGING = {"lb_conf", "lb_add_del_vip_v2", "lb_add_del_as_v2", "lb_as_set_weight", "lb_flush_vip"}
PROTOCOLS = {"tcp": vppapi.TCP, "udp": vppapi.UDP, "any": vppapi.ANY}


def of_journal(entry):
    """The call that a line of the journal tells of; None when it only read."""
    name, f = entry["call"], entry["fields"]
    if name not in CHANGING:
        return None
    call = CONVERT[name](f)
    return call if entry["retval"] == 0 else Refused(call, entry["retval"])


def key_of(f):
    protocol = PROTOCOLS.get(f["protocol"], f["protocol"])
    return vppapi.key(f["pfx"], int(protocol), f["port"])


def vip_call(f):
    if f["is_del"]:
        return VipRemoved(key_of(f))
    return VipAdded(key_of(f), f["new_flows_table_length"], f["encap"], bool(f["src_ip_sticky"]))


def as_call(f):
    if f["is_del"]:
        return AsRemoved(key_of(f), f["as_address"], bool(f["is_flush"]))
    return AsAdded(key_of(f), f["as_address"], f["weight"])


CONVERT = {
    "lb_conf": lambda f: Conf(),
    "lb_add_del_vip_v2": vip_call,
    "lb_add_del_as_v2": as_call,
    "lb_as_set_weight": lambda f: Weight(key_of(f), f["as_address"], f["weight"], bool(f["is_flush"])),
    "lb_flush_vip": lambda f: Flush(key_of(f)),
}
