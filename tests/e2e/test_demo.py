# SPDX-License-Identifier: Apache-2.0
"""`make demo` as its user meets it: what it prints is true, and it leaves nothing behind."""
import base64
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from cluster import BIN, ROOT
from processes import PATIENCE, wait_for

# Demos side by side would look for free ports at the same moment.
pytestmark = pytest.mark.xdist_group("demo")


class Demo:
    def __init__(self, tmp_path):
        self.lines = []
        self.tmp = tmp_path
        self.process = subprocess.Popen(
            [ROOT / "tools" / "demo"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
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

    def leftovers(self):
        """Processes that still have its directory on their command line."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.tmp).encode() in path.read_bytes():
                    found.append(path)
            except OSError:
                pass
        return found


@pytest.fixture
def demo(tmp_path):
    d = Demo(tmp_path)
    yield d
    d.process.kill()
    d.process.wait()


def test_it_shows_what_happens_and_cleans_up(demo):
    demo.wait_line(r"203\.0\.113\.81:443/tcp  web-d added, weight 50")
    # The commands work as printed.
    command = demo.wait_line(r"^  (\S*maglevc.* show backends) web-a").group(1)

    def states():
        shown = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [l.split()[2] for l in shown.splitlines()[1:]]

    # Where nginx is slower than maglevd, a backend is down at first.
    wait_for(lambda: states() == ["up"] * 5, lambda: f"all five up: {states()}")
    pids = demo.wait_line(r"^  kill (\d+) (\d+)").groups()
    os.kill(int(pids[0]), signal.SIGKILL)
    os.kill(int(pids[1]), signal.SIGKILL)
    demo.wait_line(r"web-a +up → down")
    demo.wait_line(r"vpp +203\.0\.113\.80:80/tcp  spare  weight 0 → 100")
    demo.wait_line(r"demo +web-a's nginx is started again")
    demo.wait_line(r"vpp +203\.0\.113\.80:80/tcp  spare  weight 100 → 0")
    assert not [l for l in demo.lines if l.startswith(("{", "Traceback"))]
    demo.process.send_signal(signal.SIGINT)
    demo.process.wait(30)
    wait_for(lambda: not demo.leftovers(), lambda: f"the end of {demo.leftovers()}")
    assert list(demo.tmp.iterdir()) == []


def dashboard_state(url):
    with urllib.request.urlopen(f"{url}/view/api/state/demo", timeout=30) as answer:
        return json.load(answer)


def test_there_is_something_to_see_and_to_operate(demo):
    """The dashboard it names, with the user and password it prints; a backend that fails and
    returns every minute."""
    url = demo.wait_line(r"^  (http://127\.0\.0\.1:\d+)/view/").group(1)
    admin, user, password = demo.wait_line(r"^  (http://\S+/admin/) .* user (\S+), password (\S+)$").groups()
    wait_for(lambda: dashboard_state(url)["loaded"], "the dashboard's state")
    for secret, code in ((password, 200), ("wrong", 401)):
        login = base64.b64encode(f"{user}:{secret}".encode()).decode()
        request = urllib.request.Request(admin, headers={"Authorization": f"Basic {login}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                assert answer.status == code
        except urllib.error.HTTPError as e:
            assert e.code == code

    def states(wanted):
        return {b["state"] for b in dashboard_state(url)["backends"]} == wanted
    wait_for(lambda: states({"up"}), "all up")
    wait_for(lambda: states({"up", "down"}), "one that fails", timeout=100 * PATIENCE)
    name = demo.wait_line(r"demo +(\S+) answers 500 for").group(1)
    assert [b["name"] for b in dashboard_state(url)["backends"] if b["state"] == "down"] == [name]
    demo.wait_line(rf"demo +{name} is mended")
    wait_for(lambda: states({"up"}), "its return")


def take(address, port):
    """The port, which another test may have for a moment; None when somebody has it for good, which
    serves as well."""
    def once():
        try:
            return socket.create_server((address, port))
        except OSError:
            return None
    try:
        return wait_for(once, "a free port")
    except AssertionError:
        return None


def test_busy_ports_are_passed_over(tmp_path):
    taken = [take(*where) for where in (("127.0.0.1", 9090), ("127.0.0.1", 8080), ("127.0.0.12", 8080))]
    demo = Demo(tmp_path)
    try:
        demo.wait_line(r"203\.0\.113\.81:443/tcp  web-d added")
        assert "--server localhost:" in demo.wait_line(r"^  (\S*maglevc.* show frontends)").group(1)
        dashboard = demo.wait_line(r"^  (http://127\.0\.0\.1:\d+)/view/").group(1)
        assert not dashboard.endswith(":8080")
        state = wait_for(lambda: next((s for s in [dashboard_state(dashboard)] if s["loaded"]), None),
                         "the dashboard's state")
        assert state["name"] == "demo" and len(state["backends"]) == 5
        demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(30)
        wait_for(lambda: not demo.leftovers(), "its end")
    finally:
        demo.process.kill()
        for s in filter(None, taken):
            s.close()
