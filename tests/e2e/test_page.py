# SPDX-License-Identifier: Apache-2.0
"""The dashboard's page: its pure modules, its bundle, and all of it in Chromium on real maglevds.

web/test/page.mjs plays the user; here are the daemons, and what it asks to happen to them. Pictures
of the page are kept in MAGLEV_SHOTS_DIR, when that is set.
"""
import fcntl
import filecmp
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from cluster import ROOT, frontend
from dashboard import FRONTEND, PASSWORD, USER, Dashboard
from processes import DEADLINE, Process

WEB = ROOT / "web"
NODE_MIN = 18
SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
MS = 1000


def node_version():
    node = shutil.which("node")
    if not node:
        return 0
    text = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    return int(re.match(r"v(\d+)", text).group(1))


if node_version() < NODE_MIN or not shutil.which("npm"):
    pytest.skip(f"node {NODE_MIN} or newer, and npm, are not installed", allow_module_level=True)

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
# A browser takes a processor: one at a time.
pytestmark = pytest.mark.xdist_group("page")


@pytest.fixture(scope="session")
def web():
    """The page's sources with their tools beside them, fetched once for each lock file."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "maglev-web"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        have = cache / "node_modules" / "package-lock.json"
        if not have.exists() or not filecmp.cmp(have, WEB / "package-lock.json", shallow=False):
            for name in ("package.json", "package-lock.json"):
                shutil.copy(WEB / name, cache / name)
            p = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=cache,
                               capture_output=True, text=True, timeout=10 * DEADLINE)
            if p.returncode != 0:
                pytest.skip(f"npm cannot fetch the page's tools: {p.stderr.strip().splitlines()[-1:]}")
            shutil.copy(WEB / "package-lock.json", have)
        for name in ("src", "test", "public"):
            shutil.rmtree(cache / name, ignore_errors=True)
            shutil.copytree(WEB / name, cache / name)
        for name in SOURCES:
            shutil.copy(WEB / name, cache / name)
    return cache


def run(web, *argv, **env):
    p = subprocess.run(argv, cwd=web, capture_output=True, text=True, timeout=10 * DEADLINE,
                       env={**os.environ, **env})
    assert p.returncode == 0, p.stdout + p.stderr


def test_pure_modules(web):
    run(web, "npm", "test")


def test_the_bundle_is_of_these_sources(web, tmp_path):
    """What is in the tree is what `make web` makes: commit both together."""
    run(web, "npm", "run", "build", MAGLEV_WEB_DIST=str(tmp_path / "dist"))

    def files(top):
        return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}
    made, kept = files(tmp_path / "dist"), files(WEB / "dist")
    assert sorted(made) == sorted(kept), "web/dist is of other sources: run `make web`"
    assert made == kept, "web/dist is of other sources: run `make web`"


class World:
    """The daemons that a scenario plays with."""

    def __init__(self, cluster):
        self.cluster = cluster
        for name in "abc":
            cluster.web(name)
        cluster.start_sim()
        www = frontend({"primary": dict.fromkeys("abc", 100)}, description="<b>three</b> & more")
        self.config = cluster.write_config(cluster.config(frontends={"www": www}))
        self.good = self.config.read_text()
        self.maglevd = cluster.start_maglevd(self.config)
        cluster.wait_weights(dict.fromkeys("abc", 100))
        self.argv = self.maglevd.argv
        self.started = 0
        self.start_dashboard()

    def start_dashboard(self):
        self.started += 1
        servers = {"local": self.maglevd.grpc, "ghost": f"unix:{self.cluster.dir / 'nobody.sock'}"}
        self.board = Dashboard(self.cluster, servers, admin=True, name=f"dashboard{self.started}")
        self.board.wait_loaded("local")

    def start_maglevd(self):
        self.started += 1
        p = Process(f"again{self.started}", self.argv, self.cluster.dir)
        self.cluster.processes.append(p)
        self.running = p

    def do(self, verb, what):
        if what in self.cluster.webs:
            {"kill": self.cluster.webs[what].kill, "start": self.cluster.webs[what].start}[verb]()
            return
        {("stop", "dashboard"): lambda: self.board.stop(),
         ("start", "dashboard"): self.start_dashboard,
         ("stop", "maglevd"): lambda: self.maglevd.stop(),
         ("start", "maglevd"): self.start_maglevd,
         ("stop", "vpp"): lambda: self.cluster.sim.stop(),
         ("start", "vpp"): self.cluster.start_sim,
         ("break", "config"): lambda: self.config.write_text("maglev: [\n"),
         ("mend", "config"): lambda: self.config.write_text(self.good)}[verb, what]()


def play(web, world, scenario, tmp_path):
    shots = pathlib.Path(os.environ.get("MAGLEV_SHOTS_DIR", tmp_path / "shots")).resolve()
    shots.mkdir(parents=True, exist_ok=True)
    options = {"base": f"http://{world.board.address}:{world.board.port}", "user": USER,
               "password": PASSWORD, "shots": str(shots), "modules": str(web), "chromium": CHROMIUM,
               "patience_ms": DEADLINE * MS}
    with open(tmp_path / "browser.err", "w+b") as err:
        with subprocess.Popen(["node", web / "test" / "page.mjs", scenario, json.dumps(options)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True) as p:
            try:
                for line in p.stdout:
                    _, verb, what = line.split()
                    world.do(verb, what)
                    p.stdin.write("ok\n")
                    p.stdin.flush()
                p.wait(DEADLINE)
            finally:
                p.kill()
        err.seek(0)
        assert p.returncode == 0, err.read().decode()


@needs_chromium
@pytest.mark.skipif(not FRONTEND.exists(), reason="maglevd-frontend is not built")
@pytest.mark.parametrize("scenario", ["view", "tabs", "lost", "admin", "looks"])
def test_in_chromium(web, cluster, tmp_path, scenario):
    play(web, World(cluster), scenario, tmp_path)
