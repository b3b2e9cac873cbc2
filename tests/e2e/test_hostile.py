# SPDX-License-Identifier: Apache-2.0
"""Hostile clients of every kind, all at once: probes keep their time, and who means well is served."""
import http.client
import json
import pathlib
import sys

import pytest

pytest.importorskip("grpc", reason="python3-grpcio is not installed")

import grpcclient
import scrape as scraping
from cluster import frontend
from grpcclient import Client
from metronome import Metronome
from processes import PATIENCE, Process, repeatedly, wait_for
from scrape import scrape

HERE = pathlib.Path(__file__).parent
BACKENDS = 200
SECONDS = 8
# No bucket above this gets a probe, beyond what the machine does to a program that hardly uses it:
# attackers and attacked share it with others.
LATE_MAX = 0.5 * PATIENCE
SWINGS = 4


def buckets(s):
    return {float(l["le"]): v for l, v in s.samples["maglev_probe_lateness_seconds_bucket"]}


def late(before, after, share):
    """The bound below which this share of the probes started."""
    grown = {le: v - before[le] for le, v in after.items()}
    return min(le for le, v in grown.items() if v >= share * grown[float("inf")])


def test_probes_keep_their_time(cluster):
    cluster.web("a")
    cluster.start_sim()
    backends = {f"b{i:03d}": {"address": f"127.2.{i // 250}.{i % 250 + 1}", "healthcheck": "refused"}
                for i in range(BACKENDS)}
    backends["a"] = {"address": cluster.address(1), "healthcheck": "web"}
    checks = {"web": cluster.check(), "refused": {"type": "tcp", "port": 1, "interval": "100ms"}}
    config = cluster.config(backends=backends, checks=checks,
                            frontends={"www": frontend({"p": dict.fromkeys(backends, 1)})})
    d = grpcclient.start(cluster, config, "--log-level", "info", "--metrics-addr", "127.0.0.1:0")
    d.wait_log("backend-transition", count=BACKENDS, to="down")
    d.wait_state("a", "up")
    since = d.mark()
    repeatedly(lambda: attacked(cluster, d), f"probes later than {LATE_MAX} s", tries=3)
    assert not d.records("backend-transition", since)


def attacked(cluster, d):
    """All of them for some seconds; whether all probes started in time, as far as the machine let them."""
    n = len(cluster.processes)
    before, metronome = scrape(d), Metronome(f"metronome{n}", cluster.dir)
    attack = Process(f"hostile{n}", [sys.executable, "-B", HERE / "hostileclients.py", "127.0.0.1", d.port,
                                     scraping.port(d), SECONDS], cluster.dir, daemon=False)
    cluster.processes += [metronome, attack]
    wait_for(lambda: "begun" in attack.stderr_text(), attack.stderr_text)
    with Client(d.grpc) as c:
        rounds = scraped = 0
        while attack.running():
            assert c.call("GetBackend", name="a").state == "up"
            rounds += 1
            try:  # in a flood of connections one's own may be the one that gives way
                assert scrape(d).state("a") == ["up"]
                scraped += 1
            except (OSError, http.client.HTTPException):
                pass
    attack.wait()
    after, swing = scrape(d), metronome.worst()
    done = json.loads(attack.stdout_text())
    worst = late(buckets(before), buckets(after), 1)
    n = after.value("maglev_probe_lateness_seconds_count") - before.value("maglev_probe_lateness_seconds_count")
    print(f"{done}, {rounds} times asked, {scraped} times scraped; {n:.0f} probes, late: 99 % ≤ "
          f"{late(buckets(before), buckets(after), 0.99)} s, all ≤ {worst} s, a metronome ≤ {swing:.3f} s")
    assert len(done) == 7 and all(done.values())
    local = [sum(s.values("maglev_probe_total", code="LOCAL")) for s in (before, after)]
    return (rounds > 2 and worst <= LATE_MAX + SWINGS * swing and n > BACKENDS * SECONDS and local[0] == local[1]
            and after.value("maglev_checker_degraded") == 0)
