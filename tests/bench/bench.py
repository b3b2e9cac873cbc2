#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What health checking costs: maglevd beside a bare loop of system calls and beside HAProxy.

    bench.py BUILD_DIR        QUICK=1: fewer rounds and sizes, in under three minutes

Client and target have a processor core each. CPU is the scheduler's account of all threads of the
client; probes are counted by the kernel. Each round measures the three clients one after another,
and the ratios are the medians of the rounds' ratios, so that whatever else the machine does weighs
on all alike. The tables are printed as Markdown.
"""
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import clients
from clients import Load
import detection

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 1 if QUICK else 3
TCP_ROUNDS = 2 if QUICK else 5  # so few microseconds that a round tells little
WINDOW = 3.0
# What is to be reached: of the bare loop, of HAProxy.
TARGETS = {"tcp": (1.10, 1.05), "http": (1.10, 1.05), "https": (1.05, 1.03),
           "http, connection reused": (None, 0.35), "https, connection reused": (None, 0.05)}


class Bench:
    def __init__(self, build):
        self.tools = build / "tests" / "bench"
        self.programs = build / "bin"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="maglev-bench-"))
        self.cpus = clients.cpus()
        os.sched_setaffinity(0, {self.cpus[1]})
        self.ca, cert, key = clients.make_certificates(self.directory)
        self.target = clients.Responder(self.tools, self.directory, "responder", self.cpus[1],
                                        tls=(clients.HTTPS_PORT, cert, key))

    def start(self, who, load):
        if who == "bare":
            return clients.bare(self.tools, self.directory, load, self.cpus[0], self.ca)
        if who == "haproxy":
            return clients.haproxy(self.directory, load, self.cpus[0], self.ca)
        addresses = [clients.address(i) for i in range(load.n)]
        config = clients.maglevd_config(addresses, clients.maglevd_check(load), 10)
        return clients.Maglevd(self.programs, self.directory, config, self.cpus, self.ca)

    def measure(self, who, load):
        """CPU per probe in microseconds, probes a second, lateness' 99th percentile, RSS."""
        client = self.start(who, load)
        try:
            # every target has been probed once or twice: what changes state has done so
            settle = 1.0 if who == "bare" else 2.2 * load.interval + 1.0
            time.sleep(settle)
            client.check()
            late = client.lateness() if who == "maglevd" else {}
            count = self.target.requests if load.reuse else clients.connections
            done, cpu, at = count(), client.cpu_ns(), time.monotonic()
            time.sleep(WINDOW)
            done, cpu, seconds = count() - done, client.cpu_ns() - cpu, time.monotonic() - at
            if who == "maglevd":
                late = percentile(late, client.lateness(), 0.99)
            client.check()
            if done < 0.8 * load.rate * seconds:
                print(f"bench: {who}, {load.kind}: only {done / seconds:.0f} probes a second",
                      file=sys.stderr)
            return {"us": cpu / 1000 / max(done, 1), "rate": done / seconds, "late": late,
                    "rss": client.rss()}
        finally:
            client.stop()

    def row(self, load, rounds, who=("bare", "maglevd", "haproxy")):
        """One dict of figures per round."""
        return [{w: self.measure(w, load) for w in who} for _ in range(rounds)]

    def close(self):
        self.target.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def percentile(before, after, q):
    """An upper bound of the q-quantile of what a histogram took up in between, in seconds."""
    rows = sorted((bound, n - before.get(bound, 0)) for bound, n in after.items())
    if not rows or not rows[-1][1]:
        return None
    return next(bound for bound, n in rows if n >= q * rows[-1][1])


def median(rounds, who, key="us"):
    return statistics.median(r[who][key] for r in rounds)


def ratio(rounds, a, b):
    return statistics.median(r[a]["us"] / r[b]["us"] for r in rounds)


def judged(value, wanted):
    return f"{value:.2f} (≤ {wanted:.2f}{'' if value <= wanted else ', MISSED'})"


def cost_table(bench):
    """CPU, memory and lateness, by kind and size; HAProxy's figures for the reuse rows come along."""
    small = 1000 if QUICK else 2000
    sizes = [small] if QUICK else [small, 10000]
    print("| probe | addresses | bare loop | maglevd | HAProxy | to the bare loop | to HAProxy | "
          "late, p99 | RSS maglevd | RSS HAProxy |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    against = {}
    for kind, rate in (("tcp", 5000), ("http", 5000), ("https", 500)):
        for n in sizes:
            slow = kind == "https" and n > 2000  # its 20 s intervals take long to come round
            times = 1 if slow else TCP_ROUNDS if kind == "tcp" else ROUNDS
            rounds = bench.row(Load(kind, n, rate), times)
            print_row(kind, n, rounds, *TARGETS[kind])
            against.setdefault(kind, median(rounds, "haproxy"))
    for kind, rate in (("http", 5000), ("https", 500)):
        rounds = bench.row(Load(kind, small, rate, reuse=True), 1 if QUICK else 2, who=("maglevd",))
        for r in rounds:
            r["haproxy"] = {"us": against[kind], "rss": None}
        print_row(f"{kind}, connection reused", small, rounds,
                  *TARGETS[f"{kind}, connection reused"])


def print_row(what, n, rounds, to_bare, to_haproxy):
    def us(who):
        return f"{median(rounds, who):.1f} µs" if who in rounds[0] else "–"

    def rss(who):
        value = rounds[-1][who]["rss"]
        return f"{value / 1e6:.0f} MB" if value else "–"

    late = [r["maglevd"]["late"] for r in rounds if r["maglevd"]["late"]]
    print("|", " | ".join([
        what, f"{n:,}", us("bare"), us("maglevd"), us("haproxy"),
        judged(ratio(rounds, "maglevd", "bare"), to_bare) if "bare" in rounds[0] else "–",
        judged(ratio(rounds, "maglevd", "haproxy"), to_haproxy),
        f"≤ {statistics.median(late) * 1000:g} ms" if late else "–",
        rss("maglevd"), rss("haproxy")]), "|", flush=True)


def memory_table(bench):
    """What one more backend costs, from 10 to 10,000."""
    print("\n| | RSS, 10 backends | RSS, 10,000 backends | per backend |\n|---|---|---|---|")
    for who in ("maglevd", "haproxy"):
        rss = {}
        for n in (10, 10000):
            client = bench.start(who, Load("http", n, n / 2))
            try:
                time.sleep(6.5)
                if who == "maglevd":
                    client.lateness()  # one scrape
                client.check()
                rss[n] = client.rss()
            finally:
                client.stop()
        each = (rss[10000] - rss[10]) / 9990
        wanted = f" (≤ 2.00{'' if each <= 2048 else ', MISSED'})" if who == "maglevd" else ""
        print(f"| {who} | {rss[10] / 1e6:.1f} MB | {rss[10000] / 1e6:.1f} MB | "
              f"{each / 1024:.2f} KB{wanted} |", flush=True)


def machine():
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo")
                if l.startswith("model name")), platform.machine())
    version = subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout.split()[2]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{cpu}, {os.cpu_count()} processors, {memory:.0f} GB; Linux {platform.release()}; "
            f"HAProxy {version}; load {os.getloadavg()[0]:.2f} at the start")


def main():
    began = time.monotonic()
    print(machine(), "\n", flush=True)
    clients.own_network()
    bench = Bench(pathlib.Path(sys.argv[1]).resolve())
    try:
        cost_table(bench)
        memory_table(bench)
        detection.table(bench, 10 if QUICK else 50)
    finally:
        bench.close()
    print(f"\n{time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
