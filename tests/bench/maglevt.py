#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to look at 200 VIPs ten times a second each: maglevt, on a screen of 200x60 and
without one, beside the bare loop's system calls.

    maglevt.py BUILD_DIR        QUICK=1: one round instead of three

As in bench.py: client and target have a processor core each, CPU is the scheduler's account of all
threads of the client, probes are counted by the kernel, the ratios are medians of the rounds'. The
terminal's other end is this script's, on the target's core.
"""
import json
import os
import pathlib
import pty
import shutil
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
import fcntl

import clients

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 1 if QUICK else 3
WINDOW = 3.0
VIPS, RATE = 200, 2000


def config(directory):
    path = directory / "vips.json"
    frontends = {f"web-{i:03d}": {"address": clients.address(i), "protocol": "tcp",
                                  "port": clients.HTTP_PORT,
                                  "pools": [{"name": "all", "backends": {"a": {}}}]}
                 for i in range(VIPS)}
    path.write_text(json.dumps({"maglev": {
        "vpp": {"lb": {"ipv4-src-address": "192.0.2.1", "ipv6-src-address": "2001:db8::1"}},
        "backends": {"a": {"address": "192.0.2.9"}}, "frontends": frontends}}))
    return path


class OnScreen(clients.Child):
    """maglevt in a pseudo-terminal that somebody reads."""

    def __init__(self, directory, argv, cpu, size=(60, 200)):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.drawn = 0
        # the shell between gives it the terminal for its input and output; then it is maglevt
        words = ["sh", "-c", 'tty=$1; shift; exec "$@" <"$tty" >"$tty"', "sh", os.ttyname(slave),
                 *argv]
        super().__init__(directory, "maglevt", words, cpu,
                         env={"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"})
        self.slave = slave  # open to the end: a terminal that nobody has open reads as ended
        threading.Thread(target=self.read, args=(master,), daemon=True).start()

    def stop(self):
        super().stop()
        os.close(self.slave)

    def read(self, master):
        while True:
            try:
                self.drawn += len(os.read(master, 1 << 16))
            except OSError:
                return


def start(who, directory, tools, programs, cpu, path):
    argv = [programs / "maglevt", "-config", path, "-scheme", "http", "-uri", "/"]
    if who == "bare loop":
        return clients.bare(tools, directory, clients.Load("http", VIPS, RATE), cpu, "")
    if who == "maglevt":
        return OnScreen(directory, argv, cpu)
    return clients.Child(directory, "headless", [*argv, "-duration", "1h"], cpu)


def measure(client):
    """CPU in µs per probe, probes a second, bytes a second on the screen."""
    try:
        time.sleep(2.0)
        client.check()
        screen = getattr(client, "drawn", 0)
        done, cpu, at = clients.connections(), client.cpu_ns(), time.monotonic()
        time.sleep(WINDOW)
        done, cpu = clients.connections() - done, client.cpu_ns() - cpu
        seconds = time.monotonic() - at
        client.check()
        if hasattr(client, "drawn") and client.drawn == screen:
            raise SystemExit("bench: nothing is drawn on maglevt's screen")
        return {"us": cpu / 1000 / max(done, 1), "rate": done / seconds,
                "core": cpu / 1e7 / seconds,
                "bytes": (getattr(client, "drawn", 0) - screen) / seconds, "rss": client.rss()}
    finally:
        client.stop()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    cpus = clients.cpus()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="maglev-bench-"))
    clients.own_network()
    os.sched_setaffinity(0, {cpus[1]})
    target = clients.Responder(build / "tests" / "bench", directory, "responder", cpus[1])
    whos = ["bare loop", "maglevt, no screen", "maglevt"]
    try:
        path = config(directory)
        rounds = [{w: measure(start(w, directory, build / "tests" / "bench", build / "bin", cpus[0],
                                    path)) for w in whos} for _ in range(ROUNDS)]
    finally:
        target.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{VIPS} VIPs, {RATE} probes a second, http, a new connection each\n")
    print("| | CPU per probe | to the bare loop | of a core | probes/s | screen | RSS |")
    print("|---|---|---|---|---|---|---|")
    for w in whos:
        def median(key):
            return statistics.median(r[w][key] for r in rounds)
        ratio = statistics.median(r[w]["us"] / r["bare loop"]["us"] for r in rounds)
        print(f"| {w} | {median('us'):.1f} µs | {ratio:.2f} | {median('core'):.1f} % | "
              f"{median('rate'):.0f} | {median('bytes') / 1000:.0f} kB/s | "
              f"{median('rss') / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
