# SPDX-License-Identifier: Apache-2.0
"""`make demo-packets` as its user meets it: the commands it prints work, and it leaves nothing behind."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

import netlab
from cluster import ROOT
from demo import Demo
from processes import DEADLINE

pytestmark = pytest.mark.xdist_group("net")


@pytest.fixture
def demo(tmp_path):
    why = netlab.missing()
    if why:
        pytest.skip(why)
    d = Demo("demo-packets", tmp_path)
    yield d
    d.kill()


def run(command):
    return subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE)


def test_the_commands_it_prints_work(demo):
    demo.wait_line(r"vpp +192\.0\.2\.80:80/tcp  s3 added, weight 50")
    demo.wait_line(r"vpp +2001:db8:80::81:80/tcp  s4-v6 added")
    command = demo.wait_line(r"^  (nsenter .*maglevt -config \S+)").group(1)
    seen = run(f"{command} -count 200 -interval 5ms -timeout 60s -json")
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
    demo.no_rubbish()
    left = f"{netlab.PREFIX}{demo.process.pid}-"
    assert demo.end(signal.SIGINT) == 0
    assert not [p for p in pathlib.Path("/run/netns").iterdir() if p.name.startswith(left)]
