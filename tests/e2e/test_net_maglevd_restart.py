# SPDX-License-Identifier: Apache-2.0
"""maglevd restarts under load, and not one request fails."""
from collections import Counter

import pytest

from processes import wait_for

pytestmark = pytest.mark.xdist_group("net")

RATE = 1000


def test_maglevd_restarts_at_a_thousand_requests_a_second(lab):
    lab.start()
    downloads = lab.downloads(40)
    load = lab.traffic(RATE)
    wait_for(lambda: len(load.read().ended) > RATE, "a second of requests")
    # Once asked to end, once as in a crash.
    for end in (lab.d.stop, lab.d.kill):
        end()
        lab.start_maglevd()
        mark = lab.d.wait_log("vpp-lb-warmup", phase="done") and len(load.read().ended)
        lab.d.wait_drift_syncs()
        wait_for(lambda m=mark: len(load.read().ended) > m + RATE, "a second more")
    ended = load.stop()
    assert Counter(e.outcome for e in ended) == {"ok": len(ended)}
    assert len(ended) > 3 * RATE
    assert len(downloads.running()) == 40
    lab.wait_weights(dict.fromkeys(lab.servers, 100))
