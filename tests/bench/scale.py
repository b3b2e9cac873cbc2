#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""50,000 backends on one probe thread: memory, processor time, how late probes start; and what a
reload with one of them changed does to the main loop.

    scale.py BUILD_DIR

5,000 http probes a second, one frontend for ten backends, maglev-lbsim in VPP's place, metrics on.
"""
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import clients
from bench import percentile

N, RATE = 50000, 5000
RSS_MAX = 120e6
HELD_MAX = {10000: 50e6}  # ns; of 50,000 it is told
PER_FRONTEND = 10
WINDOW = 5


def records(child, msg):
    # The log grows while it is read: what stands behind the last newline is not whole yet.
    lines = child.out.read_text(errors="replace").split("\n")[:-1]
    return [r for r in map(json.loads, (l for l in lines if f'"msg":"{msg}"' in l))]


def reload(child, directory, config):
    """Nanoseconds for which the main loop was held, and how late probes started meanwhile."""
    seen = len(records(child, "config-reload-done"))
    first = next(iter(config["maglev"]["backends"].values()))
    first["address"] = "127.200.0.1"
    (directory / "maglev.yaml").write_text(json.dumps(config))
    before = child.lateness()
    child.popen.send_signal(signal.SIGHUP)
    clients.wait_for(lambda: len(records(child, "config-reload-done")) > seen, "the reload")
    time.sleep(1)
    done = records(child, "config-reload-done")[-1]
    assert (done["changed"], done["added"], done["removed"]) == (1, 0, 0), done
    return done["held_ns"], percentile(before, child.lateness(), 1)


def measure(build, directory, cpus, n):
    load = clients.Load("http", n, min(RATE, n))
    config = clients.maglevd_config([clients.address(i) for i in range(n)],
                                    clients.maglevd_check(load), PER_FRONTEND)
    child = clients.Maglevd(build / "bin", directory, config, cpus, directory / "none")
    try:
        clients.wait_for(lambda: len(records(child, "backend-transition")) >= n,
                         "all to be up", 10 * load.interval + 60)
        time.sleep(load.interval)
        before, cpu, probes = child.lateness(), child.cpu_ns(), clients.connections()
        time.sleep(WINDOW)
        used, probes = child.cpu_ns() - cpu, clients.connections() - probes
        late = percentile(before, child.lateness(), 0.99)
        rss = child.rss()
        held, worst = reload(child, directory, config)
        degraded = len(records(child, "checker-degraded"))
    finally:
        child.stop()
    return {"n": n, "rss": rss, "rate": probes / WINDOW, "cpu": used / WINDOW / 1e7, "late": late,
            "held": held, "worst": worst, "degraded": degraded}


def row(r):
    def ms(seconds):
        return "–" if seconds is None else f"≤ {seconds * 1e3:g} ms"

    print(f"| {r['n']} | {r['rss'] / 1e6:.1f} MB | {r['rate']:.0f}/s | {r['cpu']:.0f} % | {ms(r['late'])} | "
          f"{r['held'] / 1e6:.1f} ms | {ms(r['worst'])} | {r['degraded']} |", flush=True)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="maglev-bench-"))
    cpus = clients.cpus()
    clients.own_network()
    target = clients.Responder(build / "tests" / "bench", directory, "responder", cpus[1])
    print("| backends | RSS | probes | processor | p99 late | reload held the loop | worst late then | degraded |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    try:
        rows = []
        for n in (10000, N):
            rows.append(measure(build, directory, cpus, n))
            row(rows[-1])
    finally:
        target.stop()
        shutil.rmtree(directory, ignore_errors=True)
    good = rows[-1]["rss"] <= RSS_MAX and all(r["held"] <= HELD_MAX.get(r["n"], 1e12) for r in rows)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
