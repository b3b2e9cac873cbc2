# SPDX-License-Identifier: Apache-2.0
"""A server dies: its failures end with its detection, and nobody else notices."""
import json
import os
import signal

import pexpect
import pytest

import netlab
from netlab import Model, by_server
from processes import DEADLINE, wait_for

pytestmark = pytest.mark.xdist_group("net")

DOWNLOADS, RATE = 80, 300
WEIGHTS = dict.fromkeys(netlab.SERVERS, 100)


def check_bounds(lab, died, detected):
    """fall failures at the fast interval, the first after at most an interval, each at its longest."""
    check = lab.config()["maglev"]["healthchecks"]["web"]
    interval, fast, timeout = (float(check[k].removesuffix("ms").removesuffix("s")) /
                               (1000 if check[k].endswith("ms") else 1)
                               for k in ("interval", "fast-interval", "timeout"))
    most = interval * 1.1 + check["fall"] * timeout + (check["fall"] - 1) * fast
    assert detected - died < most + netlab.SLACK


class Account:
    """maglevt without a screen, until it is asked for what it saw."""

    def __init__(self, lab, *flags):
        self.process = lab.maglevt("-duration", "1h", "-json", *flags)

    def result(self):
        self.process.signal(signal.SIGTERM)
        code = self.process.wait()
        return code, json.loads(self.process.stdout_text())


class Screen:
    """maglevt on a terminal."""

    def __init__(self, lab):
        argv = lab.maglevt_argv("-interval", "5ms", "-timeout", "900ms")
        self.child = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", codec_errors="replace",
                                   timeout=DEADLINE, dimensions=(40, 120), env={**os.environ, "TERM": "xterm"})

    def wait(self, pattern):
        self.child.expect(pattern)

    def close(self):
        self.child.send("q")
        self.child.expect(pexpect.EOF)
        self.child.close()
        assert self.child.exitstatus == 0, self.child.before[-3000:]


# How it dies, and what that is called on maglevt's panel.
@pytest.mark.parametrize("how, anomaly", [("kill", "net-err"), ("unplug", "timeout")])
def test_one_server_dies(lab, how, anomaly):
    lab.start()
    model = Model(lab, WEIGHTS)
    downloads = lab.downloads(DOWNLOADS)
    of_s2 = {p for p, s in downloads.running().items() if s == "s2"}
    assert {p: model.server(p) for p in downloads.begun} == {p: e.server for p, e in downloads.begun.items()}
    assert len(of_s2) > DOWNLOADS / 10

    account, screen = Account(lab, "-interval", "5ms", "-timeout", "900ms"), Screen(lab)
    screen.wait("s2")  # it has answered
    load = lab.load(netlab.VIP, "/", "-rate", str(RATE), "-timeout", "2900ms")
    wait_for(lambda: "s2" in by_server(load.read().ended), "requests to s2")
    since = lab.d.mark()
    died = netlab.now()
    getattr(lab.s2, how)()
    lab.d.wait_state("s2", "down", since)
    lab.wait_weights({**WEIGHTS, "s2": 0})
    detected = netlab.now()
    check_bounds(lab, died, detected)
    # Enough requests after it, and time for the last ones of before to end.
    wait_for(lambda: len([e for e in load.read().ended if e.start > detected]) > 3 * RATE,
             "requests after the detection")
    ended = load.stop()
    failures = [e for e in ended if e.outcome != "ok"]
    assert failures, "nobody noticed that s2 died"
    assert min(e.start for e in failures) > died - 3  # begun before, not ended when it died
    assert [e for e in failures if e.start > detected] == []
    # About a quarter of the requests of that time, at most: some try again after it.
    lost = [e for e in ended if died < e.start < detected]
    assert len(failures) < len(lost) * 0.5 + RATE * 0.1

    # Downloads: those of s2 are gone, or wait for a machine that is; no other one is touched.
    if how == "kill":
        wait_for(lambda: not of_s2 & set(downloads.running()), lambda: f"the end of {of_s2}")
    assert {e.port for e in downloads.read().ended} <= of_s2, [e for e in downloads.ended if e.port not in of_s2]
    # maglevt saw it, too, on its panel and in its account.
    screen.wait(anomaly)
    screen.close()
    code, seen = account.result()
    assert code == 1 and seen["vips_failed"] == 1
    assert 0 < seen["anomalies"][anomaly] <= seen["failures"]
    # Now all is well.
    after = lab.maglevt("-count", "100", "-interval", "5ms", "-json")
    assert after.wait() == 0
    assert {t["value"] for t in json.loads(after.stdout_text())["vips"][0]["tally"]} == {"s1", "s3", "s4"}
    print(f"detected after {detected - died:.2f} s; of {len(lost)} requests of that time {len(failures)} failed; "
          f"{len(downloads.ended)} of {len(of_s2)} downloads of s2 ended, and no other")
