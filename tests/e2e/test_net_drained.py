# SPDX-License-Identifier: Apache-2.0
"""A server is drained: what it has goes on to its end, nothing new comes."""
from collections import Counter

import pytest

import netlab
from netlab import Model, by_server
from processes import wait_for

pytestmark = pytest.mark.xdist_group("net")


def test_a_drained_server_finishes_its_downloads(lab):
    lab.start()
    downloads = lab.load(netlab.VIP, "/long", "-downloads", "-count", "60", "-at-once", "60", "-first-port",
                         "20000", "-timeout", "100s", "-pace", str(netlab.PACE))
    wait_for(lambda: len(downloads.read().begun) == 60, "60 downloads")
    before = by_server(downloads.begun.values())
    assert before["s2"] > 5

    lab.d.set_weight("www", "primary", "s2", 0)
    weights = {**dict.fromkeys(lab.servers, 100), "s2": 0}
    lab.wait_weights(weights)
    # New ones go where the table without s2 says.
    model = Model(lab, weights)
    ended = lab.requests(2000, netlab.VIP, "-first-port", "30000")
    assert Counter(e.outcome for e in ended) == {"ok": 2000}
    assert [e for e in ended if e.server != model.server(e.port)] == []
    assert "s2" not in by_server(ended)
    assert downloads.read().ended == []  # they still run
    # And the old ones end well, where they began.
    downloads.let_go()
    ended = downloads.wait()
    assert Counter(e.outcome for e in ended) == {"ok": 60}
    assert by_server(ended) == before
