# SPDX-License-Identifier: Apache-2.0
"""The calls that change VPP, as tests name them; maglev-lbsim's journal is read into these."""
from collections import namedtuple

Conf = namedtuple("Conf", "")
VipAdded = namedtuple("VipAdded", "vip length encap sticky")
VipRemoved = namedtuple("VipRemoved", "vip")
AsAdded = namedtuple("AsAdded", "vip address weight")
AsRemoved = namedtuple("AsRemoved", "vip address flush")
Weight = namedtuple("Weight", "vip address weight flush")
