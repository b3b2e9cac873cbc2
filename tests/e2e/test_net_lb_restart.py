# SPDX-License-Identifier: Apache-2.0
"""The load balancer itself restarts, empty: how long until it serves again, and who notices."""
from collections import Counter

import pytest

import netlab
from processes import PATIENCE, repeatedly, wait_for

pytestmark = pytest.mark.xdist_group("net")


def test_the_load_balancer_restarts(lab, record_property):
    lab.start()
    downloads = lab.downloads(40)
    load = lab.traffic(100)
    wait_for(lambda: len(load.read().ended) > 50, "requests")

    def recovers_in_time():
        since = lab.d.mark()
        lab.lb_process.kill()
        lab.d.wait_log("vpp-disconnect", since)
        lab.start_lb()
        up = netlab.now()
        lab.wait_weights(dict.fromkeys(lab.servers, 100))
        programmed = netlab.now()
        first = wait_for(lambda: [e for e in load.read().ended if e.start > programmed], "a request after it")[0]
        recovery = first.end - up
        print(f"programmed {programmed - up:.2f} s after its start, first new request answered after {recovery:.2f} s")
        record_property("recovery_seconds", round(recovery, 2))
        # Tried again every second at first, every five at the latest; a new VPP is programmed at once.
        return programmed - up < 5 + PATIENCE
    repeatedly(recovers_in_time, "programmed within 5 s", tries=3)
    # Requests of the meantime were sent again by TCP, to the same table; downloads, too: a flow that
    # was not remembered goes where a new one would, which is where it was.
    ended = load.stop()
    assert Counter(e.outcome for e in ended) == {"ok": len(ended)}
    assert len(downloads.running()) == 40
