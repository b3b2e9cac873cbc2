# SPDX-License-Identifier: Apache-2.0
"""A server is disabled: its connections break at once, those of the others do not."""
import pytest

from netlab import by_server
from processes import wait_for

pytestmark = pytest.mark.xdist_group("net")


def test_a_disabled_server_loses_its_downloads_at_once(lab):
    lab.start()
    downloads = lab.downloads(80)
    of_s2 = {p for p, s in downloads.running().items() if s == "s2"}
    assert len(of_s2) > 8
    lab.d.set_backend("s2", "disable")
    lab.wait_weights({**dict.fromkeys(lab.servers, 100), "s2": 0})
    # By themselves they would go on for an hour.
    wait_for(lambda: not of_s2 & set(downloads.running()), lambda: f"the end of {of_s2}")
    assert {e.port for e in downloads.ended} == of_s2
    # Whoever gets their packets now does not know them.
    assert {e.outcome for e in downloads.ended} == {"reset"}
    assert by_server(lab.requests(500)).keys() == {"s1", "s3", "s4"}

    # Enabled, it gets its share again, and those that moved away stay where they are.
    lab.d.set_backend("s2", "enable")
    lab.wait_weights(dict.fromkeys(lab.servers, 100))
    assert by_server(lab.requests(500)).keys() == set(lab.servers)
    assert {e.port for e in downloads.read().ended} == of_s2
