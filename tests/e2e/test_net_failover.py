# SPDX-License-Identifier: Apache-2.0
"""Pools: the fallback serves when the primary is dead, and hands back when it returns."""
import time

import pytest

import netlab
from cluster import log_time
from netlab import by_server, frontend
from processes import wait_for

pytestmark = pytest.mark.xdist_group("net")


def test_the_fallback_takes_over_and_hands_back(lab):
    lab.start(lab.config({"www": frontend({"primary": {"s1": 100, "s2": 100},
                                           "fallback": {"s3": 100, "s4": 50}})}))
    assert by_server(lab.requests(400)).keys() == {"s1", "s2"}

    load = lab.traffic(100)
    wait_for(lambda: len(load.read().ended) > 20, "requests")
    ill = netlab.now()
    lab.s1.broken()
    lab.s2.broken()  # they fail their checks and serve on: nothing is lost on the way
    lab.wait_weights({"s1": 0, "s2": 0, "s3": 100, "s4": 50})
    assert lab.d.frontend("www")["activePool"] == "fallback"
    assert by_server(lab.requests(400)).keys() == {"s3", "s4"}

    # A download on the fallback outlives the primary's return: a pool that yields is drained.
    downloads = lab.downloads(20)
    lab.s1.broken(False)
    lab.wait_weights({"s1": 100, "s2": 0, "s3": 0, "s4": 0})
    assert lab.d.frontend("www")["activePool"] == "primary"
    assert by_server(lab.requests(400)).keys() == {"s1"}
    assert len(downloads.running()) == 20 and set(downloads.running().values()) == {"s3", "s4"}

    lab.s2.broken(False)
    lab.wait_weights({"s1": 100, "s2": 100, "s3": 0, "s4": 0})
    assert by_server(lab.requests(400)).keys() == {"s1", "s2"}
    assert len(downloads.running()) == 20
    # A flush resets who was on its way through a server, and nobody later; nobody was without one.
    assert {e.outcome for e in load.stop()} <= {"ok", "reset"}
    flushed = netlab.now() - time.time() + max(
        log_time(r) for r in lab.d.records("vpp-lb-sync-as-weight-updated", flush=True))
    assert [e for e in load.failures() if e.end < ill or e.start > flushed] == []
