#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What those who look at a maglevd with 10,000 backends wait for, what their looking costs the main
loop, and what hostile clients do to how late probes start.

    onlookers.py BUILD_DIR

A scrape of /metrics; maglevc's table of all backends, in one call; and the clients of
tests/e2e/hostileclients.py, all at once, on the core that is not maglevd's.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import clients
from bench import percentile
from scale import records

N, RATE = 10000, 2000
SCRAPES, TABLES = 5, 5
STALL_MAX, TABLE_MAX, LATE_MAX = 5e-3, 0.5, 0.05
CALM, ATTACK = 5, 12
GRPC_PORT = 19092
HOSTILE = pathlib.Path(__file__).resolve().parents[1] / "e2e" / "hostileclients.py"
METRICS = f"http://127.0.0.1:{clients.METRICS_PORT}/metrics"


def start(build, directory, cpus, n, **options):
    load = clients.Load("tcp", n, RATE)
    config = clients.maglevd_config([clients.address(i) for i in range(n)], clients.maglevd_check(load), 10)
    child = clients.Maglevd(build / "bin", directory, config, cpus, directory / "none", **options)
    clients.wait_for(lambda: len(records(child, "backend-transition")) >= n, "all to be up",
                     10 * load.interval + 60)
    return child


def verdict(value, limit, text):
    return f"{text} (≤ {limit * 1e3:g} ms{'' if value <= limit else ', MISSED'})"


def scrapes(child):
    """Size, median time, and the longest that the main loop was held: by the clock, and of its CPU."""
    seconds, before = [], len(records(child, "metrics-snapshot"))
    for _ in range(SCRAPES):
        at = time.monotonic()
        with urllib.request.urlopen(METRICS, timeout=30) as r:
            size = len(r.read())
        seconds.append(time.monotonic() - at)
        time.sleep(0.2)
    held = records(child, "metrics-snapshot")[before:]
    assert len(held) == SCRAPES
    return (size, statistics.median(seconds), max(h["longest_ns"] for h in held) / 1e9,
            max(h["longest_cpu_ns"] for h in held) / 1e9)


def tables(build, directory, cpus):
    """Median time of maglevc's table, its start included."""
    seconds = []
    for _ in range(TABLES):
        at = time.monotonic()
        p = subprocess.run([build / "bin" / "maglevc", "--server", f"unix:{directory}/maglevd.sock", "show",
                            "backends"], capture_output=True, check=True,
                           preexec_fn=lambda: os.sched_setaffinity(0, {cpus[1]}))
        seconds.append(time.monotonic() - at)
        assert p.stdout.count(b"\n") > N
    return statistics.median(seconds)


def looking(build, directory, cpus):
    child = start(build, directory, cpus, N, level="debug")
    try:
        size, took, held, held_cpu = scrapes(child)
        table = tables(build, directory, cpus)
    finally:
        child.stop()
    print(f"| of {N:,} backends | size | time | the main loop's worst stall |")
    print("|---|---|---|---|")
    print(f"| a scrape | {size / 1e6:.1f} MB | {took * 1e3:.0f} ms | "
          + verdict(held, STALL_MAX, f"{held * 1e3:.2f} ms, {held_cpu * 1e3:.2f} ms of its CPU") + " |")
    print("| maglevc's table | – | " + verdict(table, TABLE_MAX, f"{table * 1e3:.0f} ms") + " | – |\n",
          flush=True)
    return held_cpu <= STALL_MAX and table <= TABLE_MAX


def late(before, after):
    return [percentile(before, after, q) for q in (0.5, 0.99, 1)]


def attacked(build, directory, cpus):
    child = start(build, directory, cpus, RATE, grpc=f"127.0.0.1:{GRPC_PORT}")
    try:
        first = child.lateness()
        time.sleep(CALM)
        second = child.lateness()
        p = subprocess.run([sys.executable, "-B", HOSTILE, "127.0.0.1", str(GRPC_PORT),
                            str(clients.METRICS_PORT), str(ATTACK)], capture_output=True, text=True,
                           preexec_fn=lambda: os.sched_setaffinity(0, {cpus[1]}))
        if p.returncode:
            print(f"bench: no attack: {p.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return False
        rows = {"nobody": late(first, second), "hostile clients": late(second, child.lateness())}
        bad = len(records(child, "checker-degraded"))
        down = sum(r["to"] == "down" for r in records(child, "backend-transition"))
    finally:
        child.stop()
    print(f"| {RATE:,} probes a second beside | late: median | p99 | worst |")
    print("|---|---|---|---|")
    for who, (median, p99, worst) in rows.items():
        print(f"| {who} | ≤ {median * 1e3:g} ms | " + verdict(p99, LATE_MAX, f"≤ {p99 * 1e3:g} ms")
              + f" | ≤ {worst * 1e3:g} ms |")
    print("\n" + ", ".join(f"{kind} {n:,}" for kind, n in json.loads(p.stdout).items())
          + f"; backends gone down: {down}; degraded: {bad}", flush=True)
    return rows["hostile clients"][1] <= LATE_MAX and not down and not bad


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="maglev-bench-"))
    cpus = clients.cpus()
    clients.own_network()
    clients.BEFORE_OTHERS = False  # it is asked how maglevd's threads get on with each other
    target = clients.Responder(build / "tests" / "bench", directory, "responder", cpus[1])
    try:
        good = [part(build, directory, cpus) for part in (looking, attacked)]
    finally:
        target.stop()
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
