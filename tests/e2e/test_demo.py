# SPDX-License-Identifier: Apache-2.0
"""`make demo` as its user meets it: what it prints is true, and it leaves nothing behind."""
import base64
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from cluster import ROOT
from demo import Demo
from processes import DEADLINE, wait_for

# Demos side by side would look for free ports at the same moment.
pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture
def demo(tmp_path):
    d = Demo("demo", tmp_path)
    yield d
    d.kill()


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
    demo.no_rubbish()
    demo.end(signal.SIGINT)


def dashboard_state(url):
    with urllib.request.urlopen(f"{url}/view/api/state/demo", timeout=DEADLINE) as answer:
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
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                assert answer.status == code
        except urllib.error.HTTPError as e:
            assert e.code == code

    def states(wanted):
        return {b["state"] for b in dashboard_state(url)["backends"]} == wanted
    wait_for(lambda: states({"up"}), "all up")
    name = demo.wait_line(r"demo +(\S+) answers 500 for").group(1)
    # For 20 s of each minute: some time or other that is seen, and nobody else is down.
    wait_for(lambda: {b["name"] for b in dashboard_state(url)["backends"] if b["state"] == "down"} == {name},
             f"{name} to be down", timeout=4 * DEADLINE)
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
        return wait_for(once, "a free port", timeout=30)
    except AssertionError:
        return None


def test_busy_ports_are_passed_over(tmp_path):
    taken = [take(*where) for where in (("127.0.0.1", 9090), ("127.0.0.1", 8080), ("127.0.0.12", 8080))]
    demo = Demo("demo", tmp_path)
    try:
        demo.wait_line(r"203\.0\.113\.81:443/tcp  web-d added")
        assert "--server localhost:" in demo.wait_line(r"^  (\S*maglevc.* show frontends)").group(1)
        dashboard = demo.wait_line(r"^  (http://127\.0\.0\.1:\d+)/view/").group(1)
        assert not dashboard.endswith(":8080")
        state = wait_for(lambda: next((s for s in [dashboard_state(dashboard)] if s["loaded"]), None),
                         "the dashboard's state")
        assert state["name"] == "demo" and len(state["backends"]) == 5
        demo.end(signal.SIGTERM)
    finally:
        demo.kill()
        for s in filter(None, taken):
            s.close()
