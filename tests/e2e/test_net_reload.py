# SPDX-License-Identifier: Apache-2.0
"""A reload brings a new server: what moves is what the table says, and what runs stays."""
from collections import Counter

import pytest

import netlab
from netlab import Model, by_server, frontend
from processes import PATIENCE, wait_for

pytestmark = pytest.mark.xdist_group("net")

FLOWS, FIRST_PORT = 3000, 30000
# Seconds; a download whose packets come further apart, on a busy machine, is another flow.
FLOW_TIMEOUT = 10 * min(int(PATIENCE), 4)


def test_a_new_server_moves_only_its_share(lab):
    before = dict.fromkeys(["s1", "s2", "s3"], 100)
    after = dict.fromkeys(netlab.SERVERS, 100)
    lab.start(lab.config({"www": frontend({"primary": before})}, flow_timeout=f"{FLOW_TIMEOUT}s"))
    models = Model(lab, before), Model(lab, after)
    downloads = lab.downloads(60)

    def servers():
        """{source port: server} of the same flows each time."""
        ended = lab.requests(FLOWS, netlab.VIP, "-first-port", str(FIRST_PORT), "-source", lab.client.ip4)
        assert Counter(e.outcome for e in ended) == {"ok": FLOWS}
        return {e.port: e.server for e in ended}
    first = servers()
    lab.write_config(lab.config({"www": frontend({"primary": after})}, flow_timeout=f"{FLOW_TIMEOUT}s"))
    lab.d.reload()
    lab.wait_weights(after)
    # Flows that are over are remembered for their time; then they are new ones.
    over = netlab.now()
    wait_for(lambda: netlab.now() - over > FLOW_TIMEOUT + 5, "the end of the flows' time")
    second = servers()

    ports = range(FIRST_PORT, FIRST_PORT + FLOWS)
    assert first == {p: models[0].server(p) for p in ports}
    assert second == {p: models[1].server(p) for p in ports}
    moved = {p for p in ports if first[p] != second[p]}
    predicted = {p for p in ports if models[0].server(p) != models[1].server(p)}
    print(f"{len(moved)} of {FLOWS} flows moved, {by_server_of(second, moved)}")
    assert moved == predicted
    # A quarter goes to the new one; Maglev moves a few between the old ones besides.
    assert FLOWS * 0.2 < len(moved) < FLOWS * 0.4
    # What runs stays, moved bucket or not.
    assert len(downloads.running()) == 60
    assert by_server(downloads.begun.values()).keys() == set(before)


def by_server_of(servers, ports):
    return Counter(servers[p] for p in ports)
