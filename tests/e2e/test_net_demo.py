# SPDX-License-Identifier: Apache-2.0
"""`make demo-packets` as its user meets it: the commands it prints work, and it leaves nothing behind."""
import json
import os
import pathlib
import re
import signal
import subprocess
import threading

import pytest

import netlab
from cluster import BIN, ROOT
from processes import DEADLINE, wait_for

pytestmark = pytest.mark.xdist_group("net")


class Demo:
    def __init__(self, tmp_path):
        self.lines = []
        self.process = subprocess.Popen(
            [ROOT / "tools" / "demo-packets"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd=ROOT,
            env={**os.environ, "MAGLEV_BIN_DIR": str(BIN), "TMPDIR": str(tmp_path), "TERM": "dumb"})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_line(self, pattern):
        def seen():
            return next((m for m in map(re.compile(pattern).search, list(self.lines)) if m), None)
        return wait_for(seen, lambda: f"{pattern} in\n" + "\n".join(self.lines))


@pytest.fixture
def demo(tmp_path):
    why = netlab.missing()
    if why:
        pytest.skip(why)
    d = Demo(tmp_path)
    yield d
    d.process.kill()
    d.process.wait()


def run(command):
    return subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)


def test_the_commands_it_prints_work(demo, tmp_path):
    demo.wait_line(r"vpp +192\.0\.2\.80:80/tcp  s3 added, weight 50")
    demo.wait_line(r"vpp +2001:db8:80::81:80/tcp  s4-v6 added")
    command = demo.wait_line(r"^  (nsenter .*maglevt -config \S+)").group(1)
    seen = run(f"{command} -count 40 -interval 5ms -json")
    assert seen.returncode == 0, seen.stdout + seen.stderr
    seen = json.loads(seen.stdout)
    servers = {v["name"]: {t["value"] for t in v["tally"]} for v in seen["vips"]}
    assert servers == {"www": {"s1", "s2", "s3"}, "www-v6": {"s1", "s2", "s3", "s4"}}
    counters = demo.wait_line(r"^  (\S*maglevc .* show vpp lb counters)").group(1)
    assert run(counters).returncode == 0
    disable = demo.wait_line(r"^  (\S*maglevc .* set backend s2 disable)").group(1)
    assert run(disable).returncode == 0
    demo.wait_line(r"vpp +192\.0\.2\.80:80/tcp  s2  weight 100 → 0  live flows flushed")
    os.kill(int(demo.wait_line(r"^  kill (\d+)").group(1)), signal.SIGKILL)
    demo.wait_line(r"s1 +up → down")
    demo.wait_line(r"s1-v6 +up → down")
    assert not [l for l in demo.lines if l.startswith(("{", "Traceback"))]
    left = f"{netlab.PREFIX}{demo.process.pid}-"
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(DEADLINE) == 0
    assert list(tmp_path.iterdir()) == []
    assert not [p for p in pathlib.Path("/run/netns").iterdir() if p.name.startswith(left)]
