# SPDX-License-Identifier: Apache-2.0
"""10,000 new connections spread over the servers as the table predicts."""
import pytest

import netlab
from netlab import CHI_SQUARE_MILLIONTH, Model, chi_square, frontend

pytestmark = pytest.mark.xdist_group("net")

CONNECTIONS = 10_000
WEIGHTS = {"s1": 100, "s2": 70, "s3": 40, "s4": 10}


def test_ten_thousand_connections_go_where_the_table_says(lab):
    lab.start(lab.config({"www": frontend({"primary": WEIGHTS})}))
    model = Model(lab, WEIGHTS)
    ended = lab.requests(CONNECTIONS, netlab.VIP, "-first-port", "10000")
    assert [e for e in ended if e.outcome != "ok"] == []
    assert len(ended) == CONNECTIONS
    # In shares, and each of them.
    statistic, freedom = chi_square(netlab.by_server(ended), model.shares())
    assert statistic < CHI_SQUARE_MILLIONTH[freedom], netlab.by_server(ended)
    astray = [e for e in ended if e.server != model.server(e.port)]
    assert astray == []
