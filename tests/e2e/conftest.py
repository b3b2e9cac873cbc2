# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a cluster per test, ended and looked over whatever happens; logs shown on failure."""
import os
import shutil
import subprocess

import pytest

import cluster as cluster_module
import netlab

TAIL_LINES = 60

# nginx, ip and nsenter are for everybody, but not in everybody's PATH.
os.environ["PATH"] += ":/usr/sbin:/sbin"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, "report_" + report.when, report)


def show_logs(c):
    for process in [*c.processes, *(w.process for w in c.webs.values())]:
        for path in (process.out, process.err):
            lines = path.read_text(errors="replace").splitlines()
            # Probes drown everything else.
            told = [l for l in lines if '"msg":"probe-' not in l and '"msg":"vpp-api-' not in l]
            if told:
                print(f"--- {path} ({len(lines)} lines)", *told[-TAIL_LINES:], sep="\n")


def end(world, node):
    """Closes a test's world; shows its logs and leaves its directory when something went wrong."""
    wrong = world.close()
    report = getattr(node, "report_call", None)
    if wrong or (report is not None and report.failed):
        show_logs(world)
        print(f"--- left in {world.dir}")
    else:
        shutil.rmtree(world.dir)
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def cluster(request):
    c = cluster_module.Cluster()
    yield c
    end(c, request.node)


@pytest.fixture
def trio(cluster):
    """Three nginx backends a, b, c in one pool of weight 100 each, all up and programmed."""
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    cluster.d = cluster.start_maglevd(cluster.config())
    cluster.wait_weights({"a": 100, "b": 100, "c": 100})
    return cluster


@pytest.fixture
def tiers(cluster):
    """Primary pool a, b and fallback pool c, all up and programmed."""
    for name in "abc":
        cluster.web(name)
    cluster.start_sim()
    pools = {"primary": {"a": 100, "b": 100}, "fallback": {"c": 100}}
    cluster.d = cluster.start_maglevd(
        cluster.config(frontends={"www": cluster_module.frontend(pools)}))
    cluster.d.wait_state("c", "up")
    cluster.wait_weights({"a": 100, "b": 100, "c": 0})
    return cluster


# A network namespace of one's own, for what depends on the capability to open raw sockets.

class Namespace:
    """Runs commands in a fresh network namespace with a loopback of its own."""

    def __init__(self):
        unshare = ["unshare", "--net"]
        if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
            # Not root: a user namespace gives the rights over a network namespace.
            unshare = ["unshare", "--user", "--map-root-user", "--net"]
        self.holder = subprocess.Popen(
            [*unshare, "sh", "-c", "ip link set lo up && echo ready && exec sleep 100000"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ok = self.holder.stdout.readline().strip() == "ready"
        self.why = "" if self.ok else self.holder.stderr.read().strip()
        self.user = "--user" in unshare

    def wrapper(self, *more):
        """The words to put before a command."""
        flags = ["--user", "--preserve-credentials"] if self.user else []
        return ["nsenter", "--target", str(self.holder.pid), *flags, "--net", *more]

    def run(self, *argv):
        return subprocess.run(self.wrapper(*argv), capture_output=True, text=True)

    def close(self):
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def namespace():
    n = Namespace()
    if not n.ok:
        pytest.skip(f"no network namespace here: {n.why}")
    yield n
    n.close()


# Hosts of one's own, for real packets.

@pytest.fixture
def lab(request):
    why = netlab.missing()
    if why:
        pytest.skip(why)
    net = netlab.Lab()
    yield net
    end(net, request.node)


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group(name): not beside others of the group")
    missing = [p for p in (cluster_module.MAGLEVD, cluster_module.MAGLEVC, cluster_module.LBSIM)
               if not p.exists()]
    if missing:
        raise pytest.UsageError(f"not built: {', '.join(map(str, missing))} (run make first)")
