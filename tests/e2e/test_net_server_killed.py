# SPDX-License-Identifier: Apache-2.0
"""A server dies: its failures end with its detection, and nobody else notices."""
import json
import re
import signal

import pytest

import netlab
from netlab import Model, by_server
from processes import wait_for
from tmux import Screen

pytestmark = pytest.mark.xdist_group("net")

DOWNLOADS, RATE = 80, 300
TIMEOUT = 8  # seconds: of a request, less than it takes to detect a machine that is gone
WEIGHTS = dict.fromkeys(netlab.SERVERS, 100)


def check_bounds(lab, since):
    """As many failures as the check wants, and no more, make a dead one of it."""
    down = lab.d.parsed.index(lab.d.wait_state("s2", "down", since))
    failures = [r for r in lab.d.records("probe-done", since, backend="s2", outcome="fail")
                if lab.d.parsed.index(r) < down]
    # (One less for each that failed before it died.)
    assert 1 <= len(failures) <= lab.config()["maglev"]["healthchecks"]["web"]["fall"], failures


class Account:
    """maglevt without a screen, until it is asked for what it saw."""

    def __init__(self, lab, *flags):
        self.process = lab.maglevt("-duration", "1h", "-json", *flags)

    def result(self):
        self.process.signal(signal.SIGTERM)
        code = self.process.wait()
        return code, json.loads(self.process.stdout_text())


@pytest.fixture
def screen(lab):
    """maglevt on a terminal."""
    made = []

    def start():
        directory = lab.dir / "screen"
        directory.mkdir()
        made.append(Screen(directory, lab.maglevt_argv("-interval", "5ms", "-timeout", "900ms"), 120, 40))
        return made[-1]
    yield start
    for s in made:
        s.tmux.close()


# How it dies, and what that is called on maglevt's panel.
@pytest.mark.parametrize("how, anomaly", [("kill", "net-err"), ("unplug", "timeout")])
def test_one_server_dies(lab, screen, how, anomaly):
    lab.start()
    model = Model(lab, WEIGHTS)
    downloads = lab.downloads(DOWNLOADS)
    of_s2 = {p for p, s in downloads.running().items() if s == "s2"}
    assert {p: model.server(p) for p in downloads.begun} == {p: e.server for p, e in downloads.begun.items()}
    assert len(of_s2) > DOWNLOADS / 10

    account, screen = Account(lab, "-interval", "5ms", "-timeout", "900ms"), screen()
    screen.tmux.wait("s2")  # it has answered
    load = lab.traffic(RATE, f"{TIMEOUT}s")
    wait_for(lambda: "s2" in by_server(load.read().ended), "requests to s2")
    since = lab.d.mark()
    died = netlab.now()
    getattr(lab.s2, how)()
    lab.d.wait_state("s2", "down", since)
    lab.wait_weights({**WEIGHTS, "s2": 0})
    detected = netlab.now()
    check_bounds(lab, since)
    # Enough requests after it, and time for the last ones of before to end.
    wait_for(lambda: len([e for e in load.read().ended if e.start > detected]) > 3 * RATE,
             "requests after the detection")
    ended = load.stop()
    failures = [e for e in ended if e.outcome != "ok"]
    assert failures, "nobody noticed that s2 died"
    assert min(e.start for e in failures) > died - TIMEOUT  # begun before, not ended when it died
    assert [e for e in failures if e.start > detected] == []
    # About a quarter of the requests of that time, at most: some try again after it.
    lost = [e for e in ended if died < e.start < detected]
    assert len(failures) < len(lost) * 0.5 + RATE * 0.1

    # Downloads: those of s2 are gone, or wait for a machine that is; no other one is touched.
    if how == "kill":
        wait_for(lambda: not of_s2 & set(downloads.running()), lambda: f"the end of {of_s2}")
    assert {e.port for e in downloads.read().ended} <= of_s2, [e for e in downloads.ended if e.port not in of_s2]
    # maglevt saw it, too, on its panel and in its account.
    wait_for(lambda: re.search(rf"\b{anomaly} [1-9]", screen.tmux.text()), screen.tmux.text)
    screen.tmux.keys("q")
    assert screen.ended() == 0
    code, seen = account.result()
    assert code == 1 and seen["vips_failed"] == 1
    assert 0 < seen["anomalies"][anomaly] <= seen["failures"]
    # Now all is well.
    after = lab.maglevt("-count", "100", "-interval", "5ms", "-timeout", "60s", "-json")
    assert after.wait() == 0
    assert {t["value"] for t in json.loads(after.stdout_text())["vips"][0]["tally"]} == {"s1", "s3", "s4"}
    print(f"detected after {detected - died:.2f} s; of {len(lost)} requests of that time {len(failures)} failed; "
          f"{len(downloads.ended)} of {len(of_s2)} downloads of s2 ended, and no other")
