# SPDX-License-Identifier: Apache-2.0
"""The dashboard's page: its pure modules, its bundle, and all of it in Chromium on real maglevds.

web/test/page.mjs plays the user; here are the daemons, and what it asks to happen to them. Pictures
of the page, and the figures that were measured, are kept in MAGLEV_SHOTS_DIR, when that is set.
"""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import node
from cluster import ROOT, frontend, own_port
from dashboard import FRONTEND, PASSWORD, USER, Dashboard
from line import Line
from processes import DEADLINE, Process
from servers import Nginx

WEB = ROOT / "web"
SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
MS = 1000

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
# A browser takes a processor: one at a time.
pytestmark = pytest.mark.xdist_group("page")


@pytest.fixture(scope="module")
def web():
    """The page's sources with their tools beside them; nobody else's meanwhile."""
    if not node.is_here():
        pytest.skip(node.MISSING)
    with node.fetched("maglev-web", WEB) as cache:
        for name in ("src", "test", "public"):
            shutil.rmtree(cache / name, ignore_errors=True)
            shutil.copytree(WEB / name, cache / name)
        for name in SOURCES:
            shutil.copy(WEB / name, cache / name)
        yield cache


def run(web, *argv, **env):
    p = subprocess.run(argv, cwd=web, capture_output=True, text=True, timeout=10 * DEADLINE,
                       env={**os.environ, **env})
    assert p.returncode == 0, p.stdout + p.stderr


def test_pure_modules(web):
    run(web, "npm", "test")


def test_the_bundle_is_of_these_sources(tmp_path):
    """By digest, which needs no Node.js and no registry; and every source counts."""
    tools = tmp_path / "tools"
    shutil.copytree(ROOT / "tools", tools)
    shutil.copytree(WEB, tmp_path / "web", ignore=shutil.ignore_patterns("node_modules"))

    def check():
        return subprocess.run([tools / "build-web", "--check"], capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin"})
    p = check()
    assert p.returncode == 0, p.stderr
    for name in (*SOURCES, "src/main.tsx", "public/favicon.svg"):
        path = tmp_path / "web" / name
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        p = check()
        assert p.returncode == 1 and "make web" in p.stderr, name
        path.write_bytes(before)
    assert check().returncode == 0


def test_the_bundle_comes_out_the_same(web, tmp_path):
    """What is in the tree is what `make web` makes, byte for byte."""
    run(web, "npm", "run", "build", MAGLEV_WEB_DIST=str(tmp_path / "dist"))

    def files(top):
        return {str(p.relative_to(top)): p.read_bytes() for p in top.rglob("*") if p.is_file()}
    made, kept = files(tmp_path / "dist"), files(WEB / "dist")
    assert sorted(made) == sorted(kept), "web/dist is of other sources: run `make web`"
    assert made == kept, "web/dist is of other sources: run `make web`"


class World:
    """The daemons that a scenario plays with: one maglevd, its backends, a VPP, and a dashboard that
    also knows of a maglevd that is not there."""

    def __init__(self, cluster):
        self.cluster = cluster
        for name in "abc":
            cluster.web(name)
        cluster.start_sim()
        self.config = self.write_config(100)
        self.good = self.config.read_text()
        self.maglevd = cluster.start_maglevd(self.config)
        cluster.wait_weights(dict.fromkeys("abc", 100))
        self.argv = self.maglevd.argv
        self.started = 0
        self.start_dashboard()
        self.line = Line(f"{cluster.net}.201", cluster.port, (self.board.address, self.board.port))
        self.base = f"http://{self.line.address}:{self.line.port}"

    def write_config(self, weight_of_c):
        www = frontend({"primary": {"a": 100, "b": 100, "c": weight_of_c}},
                       description="<b>three</b> & more")
        return self.cluster.write_config(self.cluster.config(frontends={"www": www}))

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

    def reload(self):
        self.write_config(7)
        assert self.maglevd.reload()["result"] == "ok"

    def do(self, verb, what):
        if what in self.cluster.webs:
            {"kill": self.cluster.webs[what].kill, "start": self.cluster.webs[what].start,
             "pause": lambda: self.maglevd.set_backend(what, "pause"),
             "resume": lambda: self.maglevd.set_backend(what, "resume")}[verb]()
            return
        {("stop", "dashboard"): lambda: self.board.stop(),
         ("start", "dashboard"): self.start_dashboard,
         ("stop", "maglevd"): lambda: self.maglevd.stop(),
         ("kill", "maglevd"): lambda: self.maglevd.kill(),
         ("start", "maglevd"): self.start_maglevd,
         ("stop", "vpp"): lambda: self.cluster.sim.stop(),
         ("start", "vpp"): self.cluster.start_sim,
         ("cut", "line"): lambda: self.line.cut(),
         ("freeze", "line"): lambda: self.line.freeze(),
         ("mend", "line"): lambda: self.line.mend(),
         ("break", "config"): lambda: self.config.write_text("maglev: [\n"),
         ("mend", "config"): lambda: self.config.write_text(self.good),
         ("reload", "config"): self.reload}[verb, what]()

    def close(self):
        self.line.close()


class LargeWorld:
    """Three maglevds; "big" has 1,000 frontends and 5,000 backends, all on one server."""
    FRONTENDS, EACH = 1000, 5

    def __init__(self, cluster):
        self.cluster = cluster
        for name in "ab":
            cluster.web(name)
        port = own_port()
        self.wild = Nginx(cluster.dir, "wild", "0.0.0.0", port)
        cluster.start_sim()
        check = cluster.check(port=port, interval="4s", rise=1)
        big = cluster.config(*self.parts(), checks={"web": check}, sync_interval="30s")
        daemons = {"big": cluster.start_maglevd(big, "--log-level", "info")}
        for name in ("two", "three"):
            daemons[name] = cluster.start_maglevd(cluster.write_config(cluster.config(), f"{name}.yaml"),
                                                  "--vpp-api-addr", "")
        self.board = Dashboard(cluster, {n: d.grpc for n, d in daemons.items()}, "-log-level", "info",
                               admin=True)
        self.board.wait_loaded("big")
        self.base = f"http://{self.board.address}:{self.board.port}"

    def parts(self):
        backends, frontends = {}, {}
        for f in range(self.FRONTENDS):
            names = [f"backend-{f:04}-{b}" for b in range(self.EACH)]
            for b, name in enumerate(names):
                backends[name] = {"address": f"127.{200 + f // 250}.{f % 250 + 1}.{b + 1}",
                                  "healthcheck": "web"}
            pools = {"primary": dict.fromkeys(names[:3], 100), "fallback": dict.fromkeys(names[3:], 100)}
            frontends[f"frontend-{f:04}"] = frontend(
                pools, address=f"203.0.{f // 250}.{f % 250 + 1}", description=f"service number {f}")
        return backends, frontends

    def do(self, verb, what):
        {("kill", "wild"): self.wild.kill, ("start", "wild"): self.wild.start}[verb, what]()

    def close(self):
        self.wild.process.kill()


def play(web, world, scenario, tmp_path):
    shots = pathlib.Path(os.environ.get("MAGLEV_SHOTS_DIR", tmp_path / "shots")).resolve()
    shots.mkdir(parents=True, exist_ok=True)
    figures = {}
    options = {"base": world.base, "user": USER, "password": PASSWORD, "shots": str(shots),
               "modules": str(web), "chromium": CHROMIUM, "patience_ms": DEADLINE * MS}
    with open(tmp_path / "browser.err", "w+b") as err:
        with subprocess.Popen(["node", web / "test" / "page.mjs", scenario, json.dumps(options)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True) as p:
            try:
                for line in p.stdout:
                    kind, name, value = line.split()
                    if kind == "figure":
                        figures[name] = int(value)
                        continue
                    world.do(name, value)
                    p.stdin.write("ok\n")
                    p.stdin.flush()
                p.wait(DEADLINE)
            finally:
                p.kill()
                world.close()
        if figures:
            (shots / f"{scenario}.json").write_text(json.dumps(figures, indent=1) + "\n")
            print(scenario, figures)
        err.seek(0)
        assert p.returncode == 0, err.read().decode()


@needs_chromium
@pytest.mark.skipif(not FRONTEND.exists(), reason="maglevd-frontend is not built")
@pytest.mark.parametrize("scenario", ["view", "tabs", "lost", "admin", "looks", "timed", "offline",
                                      "large", "policy"])
def test_in_chromium(web, cluster, tmp_path, scenario):
    play(web, LargeWorld(cluster) if scenario == "large" else World(cluster), scenario, tmp_path)
