# SPDX-License-Identifier: Apache-2.0
"""Many subscribers: none loses an event, one that does not read is cut and nobody else notices."""
import json
import threading
import time

import pytest

pytest.importorskip("grpc", reason="python3-grpcio is not installed")

import grpcclient
from cluster import BIN, frontend
from grpcclient import Client, Code, fails
from processes import DEADLINE, PATIENCE, Process, wait_for

SANITIZED = PATIENCE > 1
SUBSCRIBERS, DEBUGGERS = (100, 4) if SANITIZED else (1000, 20)
BACKENDS = 100 if SANITIZED else 1000
SECONDS = 8
DOWN_INTERVAL = 60  # seconds between two probes of a backend that refuses
OPS_PER_S = 13  # of about four events each
RSS_MAX = 80 << 20
FIRST, LAST = "zz-start", "zz-stop"
QUEUE_MAX = 4096


def config(cluster, n):
    """n backends that refuse, ten to a frontend, and two that mark the beginning and the end."""
    backends = {f"b{i:04d}": {"address": f"127.1.{i // 250}.{i % 250 + 1}", "healthcheck": "web"}
                for i in range(n)}
    names = list(backends)
    frontends = {f"f{k:03d}": frontend({"p": dict.fromkeys(names[10 * k:10 * k + 10], 100)},
                                       address=f"10.0.{k // 250}.{k % 250 + 1}")
                 for k in range(n // 10)}
    for i, name in enumerate((FIRST, LAST)):
        backends[name] = {"address": f"127.1.200.{i + 1}", "healthcheck": "web", "enabled": False}
    frontends["marks"] = frontend({"p": {FIRST: 1, LAST: 1}}, address="10.1.1.1")
    # What the probes say at debug is to fill no queue while the machine is busy for a while.
    return cluster.config(backends=backends, frontends=frontends,
                          checks={"web": {"type": "tcp", "port": 1, "interval": "1s", "timeout": "900ms",
                                          "down-interval": f"{DOWN_INTERVAL}s"}},
                          sync_interval="30s")


def rss(d):
    with open(f"/proc/{d.pid}/status", encoding="ascii") as f:
        return next(int(l.split()[1]) * 1024 for l in f if l.startswith("VmRSS"))


class Load(Process):
    def __init__(self, cluster, d, n, replay, *level, name="watchload"):
        super().__init__(name, [BIN.parent / "tests/load/watchload", d.grpc, n, replay, FIRST, LAST,
                                int(6 * DEADLINE), *level], cluster.dir)

    def wait_subscribed(self):
        wait_for(lambda: self.stdout_text() or not self.running(), "all to subscribe", 6 * DEADLINE)
        assert self.running(), self.stdout_text() + self.stderr_text()

    def tally(self):
        self.wait(6 * DEADLINE)
        return json.loads(self.stdout_text().splitlines()[-1])


def one_after_another(c, seconds):
    """Pauses and resumes backends at a steady pace."""
    begin, i = time.monotonic(), 0
    while time.monotonic() < begin + seconds:
        c.call("PauseBackend" if i % 2 == 0 else "ResumeBackend", name=f"b{i // 2 % BACKENDS:04d}")
        i += 1
        time.sleep(max(0, begin + i / OPS_PER_S - time.monotonic()))
    return i


def expected(d, since):
    """How many events the daemon's own log says there were, between the marks."""
    records = d.records(since=since)
    first = next(i for i, r in enumerate(records) if FIRST in json.dumps(r))
    last = next(i for i, r in enumerate(records) if LAST in json.dumps(r))
    seen = [r for r in records[first:last + 1] if r["level"] != "DEBUG"]
    # A transition is an event beside its record; the count ends with the last one's record.
    transitions = [r for r in seen[:-1] if r["msg"] in ("backend-transition", "frontend-transition")]
    return len(seen) + len(transitions)


def test_none_loses_an_event(cluster):
    cluster.start_sim()
    d = grpcclient.start(cluster, config(cluster, BACKENDS), "--log-level", "info")
    d.wait_log("backend-transition", count=BACKENDS, to="down", timeout=4 * DEADLINE)
    replay = BACKENDS + 2 + BACKENDS // 10 + 1
    loads = []
    # Those at debug come in the middle of the storm of replays.
    for n, name, level in ((SUBSCRIBERS, "watchload", []), (DEBUGGERS, "watchload-debug", ["debug"])):
        loads.append(Load(cluster, d, n, replay, *level, name=name))
        cluster.processes.append(loads[-1])
        time.sleep(0.5)
    for load in loads:
        load.wait_subscribed()
    print(f"subscribed: RSS {rss(d) / 1e6:.1f} MB")
    since = d.mark()
    with Client(d.grpc) as c:
        c.call("EnableBackend", name=FIRST)
        one_after_another(c, SECONDS)
        c.call("EnableBackend", name=LAST)
    tallies = [load.tally() for load in loads]
    used = rss(d)
    print(f"{tallies} RSS {used / 1e6:.1f} MB")
    for t, n in zip(tallies, (SUBSCRIBERS, DEBUGGERS)):
        assert (t["begun"], t["finished"], t["ended"], t["sequences"]) == (n, n, 0, 1), t
        assert t["min"] == t["max"]
    assert tallies[0]["min"] == expected(d, since)
    assert tallies[1]["min"] > tallies[0]["min"]
    if not SANITIZED:
        # Beside what all hear, half of what the probes alone say.
        assert tallies[1]["min"] > tallies[0]["min"] + SECONDS / DOWN_INTERVAL * BACKENDS
        assert used < RSS_MAX


def test_one_that_never_reads(cluster):
    """It is cut at its bound; another, who reads, sees everything."""
    cluster.start_sim()
    d = grpcclient.start(cluster, config(cluster, 10), "--log-level", "info")
    d.wait_log("backend-transition", count=10, to="down")
    # A window of 64 KiB and no more, so that what is not read is not taken either.
    options = [("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0)]
    seen, since = [], d.mark()
    with Client(d.grpc, options=options) as deaf, Client(d.grpc) as c:
        stuck = deaf.watch(timeout=10 * DEADLINE)
        reader = c.watch(timeout=10 * DEADLINE)
        done, changes = threading.Event(), []

        def read():
            for e in reader:
                seen.append(e)
                if e.HasField("backend"):
                    changes.append(e)
                if LAST in str(e) and e.HasField("log"):
                    break
            done.set()
        next(stuck)
        t = threading.Thread(target=read)
        t.start()
        wait_for(lambda: len(seen) >= 10 + 2 + 1 + 1, "the reader's replay")
        before = rss(d)
        for i in range(QUEUE_MAX // 2):
            c.call("PauseBackend" if i % 2 == 0 else "ResumeBackend", name="b0001")
            if i % 100 == 99:  # of the two the reader is the one that reads
                wait_for(lambda: len(changes) > i, lambda: f"{i} changes to be read, {len(changes)} were")
        c.call("EnableBackend", name=LAST)
        assert done.wait(4 * DEADLINE)
        t.join()
        text = fails(Code.RESOURCE_EXHAUSTED, lambda: list(stuck))
        assert text == "subscriber too slow"
        print(f"RSS {before / 1e6:.1f} -> {rss(d) / 1e6:.1f} MB")
        reader.cancel()
    transitions = [(e.backend.backend_name, e.backend.transition.to) for e in seen
                   if e.HasField("backend") and e.backend.transition.at_unix_ns]
    logged = [(r["backend"], r["to"]) for r in d.records("backend-transition", since)]
    mine = [x for x in transitions if x[0] == "b0001"]
    assert len(mine) >= QUEUE_MAX // 2
    # The log goes on after the last event that was looked at.
    assert mine == [x for x in logged if x[0] == "b0001"][:len(mine)]
