# SPDX-License-Identifier: Apache-2.0
"""Child processes that are always gone at the end, and waiting for conditions instead of sleeping.

Deadlines are generous (they only end hangs) and multiplied by MAGLEV_TEST_PATIENCE, which the
runner raises under sanitizers. What is about time by its nature is judged by repeatedly(): a busy
machine can only make things later, and not each time.
"""
import ctypes
import json
import os
import re
import signal
import subprocess
import time

PATIENCE = float(os.environ.get("MAGLEV_TEST_PATIENCE", "1"))
DEADLINE = 120 * PATIENCE

# What a sanitizer says when it found something.
SANITIZER = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def wait_for(condition, what, timeout=None):
    """The first true value of condition(); fails with `what` after the deadline."""
    end = time.monotonic() + (timeout or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not seen in time: {what() if callable(what) else what}")
        time.sleep(0.02)


def repeatedly(attempt, what, tries=5):
    """The first true value of attempt(), which measures something that a stall of the machine can
    spoil, and that no number of tries makes right when it is wrong."""
    for _ in range(tries):
        value = attempt()
        if value:
            return value
    raise AssertionError(f"not once in {tries} tries: {what() if callable(what) else what}")


def records_of(path):
    """The records of a log, one in a line. The last one may still be on its way."""
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in data[:data.rfind(b"\n") + 1].splitlines()]


def stop_all(processes):
    """Ends them, the last one first; what was wrong about the ends of our daemons."""
    wrong = []
    for p in reversed(processes):
        was_running = p.running()
        try:
            code = p.stop()
            if was_running and code != 0:
                wrong.append(f"{p.name} ended with {code} when asked to stop")
        except AssertionError as e:
            wrong.append(str(e))
            p.kill()
        report = p.sanitizer_report()
        if report:
            wrong.append(f"{p.name}: {report}")
    return wrong


class Process:
    """A child with its output in files. Killed at the latest when the test process dies.

    `daemon`: one of ours, which ends well when asked to; a helper is just killed."""

    def __init__(self, name, argv, directory, env=None, daemon=True):
        self.name, self.daemon = name, daemon
        self.argv = [str(a) for a in argv]
        self.out = directory / f"{name}.out"
        self.err = directory / f"{name}.err"
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env={**os.environ, **(env or {})},
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=None):
        """The exit code."""
        try:
            return self.popen.wait(timeout or DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end") from None

    def stop(self):
        """Asks it to end, as an init system does; the exit code."""
        if not self.daemon:
            self.kill()
            return 0
        if self.running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.running():
            self.popen.kill()
        return self.wait()

    def stderr_text(self):
        return self.err.read_text(errors="replace")

    def stdout_text(self):
        return self.out.read_text(errors="replace")

    def sanitizer_report(self):
        for text in (self.stderr_text(), self.stdout_text()):
            if SANITIZER.search(text):
                return text
        return None
