# SPDX-License-Identifier: Apache-2.0
"""A demo as its user meets it: its lines, and what it leaves behind."""
import os
import pathlib
import re
import subprocess
import threading

from cluster import BIN, ROOT
from processes import DEADLINE, wait_for


class Demo:
    """tools/<tool>, with its directory below `tmp`."""

    def __init__(self, tool, tmp):
        self.lines, self.tmp = [], tmp
        self.process = subprocess.Popen(
            [ROOT / "tools" / tool], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd=ROOT,
            env={**os.environ, "MAGLEV_BIN_DIR": str(BIN), "TMPDIR": str(tmp), "TERM": "dumb"})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_line(self, pattern):
        def seen():
            return next((m for m in map(re.compile(pattern).search, list(self.lines)) if m), None)
        return wait_for(seen, lambda: f"{pattern} in\n" + "\n".join(self.lines))

    def no_rubbish(self):
        """It speaks people's language to the end."""
        assert not [l for l in self.lines if l.startswith(("{", "Traceback"))]

    def end(self, number):
        """By that signal; nothing is left of it. The exit code."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE)
        wait_for(lambda: not self._processes(), lambda: f"the end of {self._processes()}")
        assert list(self.tmp.iterdir()) == []
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()

    def _processes(self):
        """Those that still have its directory on their command line."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.tmp).encode() in path.read_bytes():
                    found.append(path)
            except OSError:
                pass
        return found
