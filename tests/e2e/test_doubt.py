# SPDX-License-Identifier: Apache-2.0
"""The checker doubts itself: what is its own trouble is nobody's death."""
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from cluster import ROOT, frontend, log_time
from processes import DEADLINE, Process, wait_for

HOUR = 3600 * 10**9
N = 60  # of each kind
STOPPED = 30  # seconds
HERE = ROOT / "tests" / "e2e"


class Clock:
    """The wall clock of a process: see wallclock.c."""

    def __init__(self, directory):
        compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
        if not compiler:
            pytest.skip("no C compiler for the preloaded clock")
        library, self.file = directory / "wallclock.so", directory / "clock"
        self.file.write_bytes(bytes(8))
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, HERE / "wallclock.c"],
                       check=True)
        self.env = {"LD_PRELOAD": str(library), "MAGLEV_TEST_CLOCK": str(self.file),
                    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def set(self, offset):
        with open(self.file, "r+b") as f:
            f.write(struct.pack("q", offset))


def certificate(directory):
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class Fleet:
    """Hundreds of backends of all kinds, all up. One failure that counts is enough to go down."""

    def __init__(self, cluster, env=None):
        self.cluster = cluster
        self.addresses = [cluster.address(n) for n in range(1, N + 1)]
        self.tls_port = cluster.port + 1
        cert, key = certificate(cluster.dir)
        self.responder = Process("responder", [sys.executable, HERE / "responder.py", cluster.port,
                                               self.tls_port, cert, key, *self.addresses], cluster.dir,
                                 daemon=False)
        cluster.processes.append(self.responder)
        wait_for(lambda: "ready" in self.responder.stdout_text(), self.responder.stderr_text)
        cluster.start_sim()
        config = self.config()
        self.d = cluster.start_maglevd(config, env=env)
        self.names = sorted(config["maglev"]["backends"])
        wait_for(self.all_up, lambda: "all to be up", 4 * DEADLINE)
        self.d.wait_drift_syncs()  # and VPP has them all

    def config(self):
        # A time-out that no stall of the machine reaches, but that of STOPPED does.
        quick = {"interval": "1s", "timeout": "15s", "rise": 1, "fall": 1}
        tls = {"port": self.tls_port, "params": {"insecure-skip-verify": True}}
        checks = {"http": {"type": "http", "port": self.cluster.port, "params": {"response-regexp": "^ok"}},
                  "https": {"type": "https", **tls},
                  "tcp": {"type": "tcp", "port": self.cluster.port},
                  "ssl": {"type": "tcp", **tls, "params": {"ssl": True, **tls["params"]}}}
        if os.geteuid() == 0:
            checks["icmp"] = {"type": "icmp"}
        checks = {n: {**c, **quick} for n, c in checks.items()}
        backends, frontends = {"static": {"address": self.cluster.address(250)}}, {}
        for i, kind in enumerate(checks):
            mine = {f"{kind}-{n}": {"address": a, "healthcheck": kind}
                    for n, a in enumerate(self.addresses)}
            backends |= mine
            frontends[kind] = frontend({"p": dict.fromkeys([*mine, "static"], 10)},
                                       address=f"203.0.113.{i + 1}")
        return self.cluster.config(backends=backends, checks=checks, frontends=frontends)

    def all_up(self):
        last = {}
        for r in self.d.records("backend-transition"):
            last[r["backend"]] = r["to"]
        return sorted(n for n, s in last.items() if s == "up") == self.names

    def calm(self):
        """Waits until the checker has no doubt: a busy machine may have made it late."""
        doubts = ("checker-degraded", "checker-recovered")

        def trusted():
            told = [r["msg"] for r in self.d.records() if r["msg"] in doubts]
            return not told or told[-1] == doubts[1]
        wait_for(trusted, "the checker's trust in itself")

    def rounds(self, n=3):
        """Waits until every kind has been probed n times from now on."""
        since = self.d.mark()
        for name in self.names:
            if name != "static":
                self.d.wait_log("probe-done", since, count=n, backend=name)


def unharmed(fleet, log, journal):
    assert fleet.d.records("backend-transition", log) == []
    assert fleet.d.records("frontend-transition", log) == []
    assert fleet.cluster.sim.calls(journal) == []


def sleep_and_wake(fleet, meanwhile=lambda: None):
    """SIGSTOP for half a minute; returns when it has caught up."""
    d = fleet.d
    fleet.calm()
    log, journal = d.mark(), fleet.cluster.sim.mark()
    d.signal(signal.SIGSTOP)
    time.sleep(STOPPED)
    meanwhile()
    d.signal(signal.SIGCONT)
    d.wait_log("checker-degraded", log)
    recovered = d.wait_log("checker-recovered", log, timeout=4 * DEADLINE)
    assert recovered["late"] + recovered["local"] <= recovered["good"]
    fleet.rounds()
    return log, journal


def detects_again(fleet):
    """Nothing of the doubt is left: what dies now is seen."""
    since = fleet.d.mark()
    fleet.responder.kill()
    for kind in ("http", "https", "tcp", "ssl"):
        fleet.d.wait_state(f"{kind}-0", "down", since)


def test_stopped_for_half_a_minute(cluster):
    fleet = Fleet(cluster)
    log, journal = sleep_and_wake(fleet)
    unharmed(fleet, log, journal)
    detects_again(fleet)


# ---- a thread that stands still

class Held:
    """One thread of a process held still, as no signal can do: by ptrace(2)."""
    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, tid):
        self.tid = tid
        if self.ptrace(self.SEIZE) != 0:
            pytest.skip(f"ptrace is not for us: {os.strerror(ctypes.get_errno())}")
        assert self.ptrace(self.INTERRUPT) == 0
        os.waitpid(tid, self.WALL)

    def ptrace(self, request):
        libc = ctypes.CDLL(None, use_errno=True)
        return libc.ptrace(ctypes.c_long(request), ctypes.c_long(self.tid), None, None)

    def go(self):
        assert self.ptrace(self.DETACH) == 0


def threads_named(d, name):
    tasks = pathlib.Path(f"/proc/{d.pid}/task")
    return [int(t.name) for t in tasks.iterdir() if (t / "comm").read_text().strip() == name]


class Manager(threading.Thread):
    """A service manager that counts how often its watchdog is fed. Whoever tells it waits until it listens."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.env = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "2000000"}
        self.fed = 0
        self.start()

    def run(self):
        while True:
            self.fed += b"WATCHDOG=1" in self.socket.recv(4096)


def test_a_probe_thread_that_stands_still_is_noticed(cluster):
    """Said, and the watchdog goes hungry; the main loop goes on meanwhile."""
    manager = Manager(cluster.dir / "notify")
    cluster.web("a")
    d = cluster.start_maglevd(cluster.config(), api="", env=manager.env)
    d.wait_state("a", "up")
    wait_for(lambda: manager.fed >= 2, "the watchdog to be fed")
    probe, = threads_named(d, "probe")
    held = Held(probe)
    try:
        assert d.wait_log("probe-threads-silent", timeout=4 * DEADLINE)["threads"] == 1
        wait_for(lambda: d.backend("a")["state"] == "up", "the main loop's answer")
        fed = manager.fed
        time.sleep(5)  # five times as long as between two feedings
        assert manager.fed == fed
    finally:
        held.go()
    d.wait_log("probe-threads-answer")
    wait_for(lambda: manager.fed > fed, "the watchdog to be fed again")
    assert d.records("probe-results-unread") == []


def test_the_wall_clock_jumps(cluster):
    """Back and forth by an hour, awake and asleep. Time that is measured is not the wall's."""
    clock = Clock(cluster.dir)
    fleet = Fleet(cluster, clock.env)
    d = fleet.d
    log, journal = d.mark(), cluster.sim.mark()
    for offset in (HOUR, 0, -HOUR, HOUR, 0):
        clock.set(offset)
        fleet.rounds(2)
        told = log_time(d.records()[-1])
        assert abs(told - time.time() - offset / 1e9) < 600, "the shim works"
    unharmed(fleet, log, journal)
    # A probe lasts what it lasts: none took an hour, or ended before it began.
    assert all(0 <= r["duration_ns"] < 60e9 for r in d.records("probe-done", log))
    log, journal = sleep_and_wake(fleet, lambda: clock.set(-HOUR))
    unharmed(fleet, log, journal)
    detects_again(fleet)
