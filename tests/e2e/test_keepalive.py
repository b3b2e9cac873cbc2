# SPDX-License-Identifier: Apache-2.0
"""A firewall that lets nothing through any more and tells nobody: both sides of an idle stream notice,
in the time that the daemon and maglevc have by default (half a minute, then ten seconds)."""
import os
import shutil
import subprocess

import pytest

from cluster import MAGLEVC, frontend
from processes import DEADLINE, Process, wait_for

SERVER, CLIENT, PORT = "10.201.7.1", "10.201.7.2", 9090
RULES = f"""table inet wall {{
  chain in {{ type filter hook input priority 0; tcp dport {PORT} counter drop; }}
  chain out {{ type filter hook output priority 0; tcp sport {PORT} counter drop; }}
}}
"""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft", "unshare", "nsenter", "ss"))),
    reason="needs root, iproute2 and nftables")


class Namespace(Process):
    """A network without a name: it is there as long as this process."""

    def __init__(self, name, directory):
        super().__init__(name, ["unshare", "-n", "sleep", "600"], directory, daemon=False)
        wait_for(lambda: os.readlink(f"/proc/{self.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
                 "the namespace")

    @property
    def wrapper(self):
        return ("nsenter", "-t", self.pid, "-n")

    def run(self, *argv, **kwargs):
        return subprocess.run([str(a) for a in (*self.wrapper, *argv)], check=True, capture_output=True,
                              text=True, **kwargs).stdout


@pytest.fixture
def sides(cluster):
    server, client = (Namespace(n, cluster.dir) for n in ("server", "client"))
    cluster.processes += [server, client]
    server.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v0", "netns", client.pid)
    for side, address in ((server, SERVER), (client, CLIENT)):
        side.run("ip", "link", "set", "lo", "up")
        side.run("ip", "addr", "add", f"{address}/24", "dev", "v0")
        side.run("ip", "link", "set", "v0", "up")
    return server, client


def connections(server):
    return server.run("ss", "-Htn", "state", "established", f"sport = :{PORT}").count("\n")


def test_a_firewall_that_drops(cluster, sides):
    server, client = sides
    config = cluster.config(backends={"a": {"address": "127.0.0.1"}}, frontends={"www": frontend({"p": {"a": 1}})})
    d = cluster.start_maglevd(config, "--grpc-addr", f"{SERVER}:{PORT}", api="", ready=False,
                              wrapper=server.wrapper)
    d.wait_log("grpc-listening")
    watcher = Process("watcher", [*client.wrapper, MAGLEVC, "--server", f"{SERVER}:{PORT}", "watch", "events",
                                  "backend"], cluster.dir, daemon=False)
    cluster.processes.append(watcher)
    wait_for(lambda: '"a"' in watcher.stdout_text(), "the replay")
    assert connections(server) == 1
    server.run("nft", "-f", "-", input=RULES)
    wait_for(lambda: not watcher.running(), "maglevc to notice", 3 * DEADLINE)
    assert "was lost" in watcher.stderr_text()
    wait_for(lambda: connections(server) == 0, "maglevd to notice", 3 * DEADLINE)
    assert d.running()
