# SPDX-License-Identifier: Apache-2.0
"""The stage on which the documents' examples are played: the servers of the config guide's file at
the addresses it says, in a network namespace, with maglevd, maglev-lbsim and the dashboard at their
default ports. First everything is well and the console examples are run; then there is trouble, of
every kind that the log examples show.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import documents
from cluster import BIN, Lbsim, Maglevd
from processes import DEADLINE, Process, repeatedly, stop_all, wait_for
from servers import CONFIG as NGINX_CONFIG

# What the pages call them.
CONFIG_PATH, VPP_API, VPP_STATS = "/etc/vpp-maglev/maglev.yaml", "/run/vpp/api.sock", "/run/vpp/stats.sock"
WEBS = {"web-a": "198.51.100.10", "web-b": "198.51.100.11"}
OTHERS = ("198.51.100.98", "198.51.100.99")
MOVED = "198.51.100.12"
PORT = 80
ADMIN = {"MAGLEV_FRONTEND_USER": "admin", "MAGLEV_FRONTEND_PASSWORD": "secret"}


class Web:
    """An nginx at its address within the stage's namespace."""

    def __init__(self, stage, name, address):
        self.stage, self.name, self.address = stage, name, address
        self.dir = stage.dir / f"nginx-{name}"
        (self.dir / "www").mkdir(parents=True)
        (self.dir / "www" / "healthz").write_text("ok\n")
        (self.dir / "nginx.conf").write_text(
            NGINX_CONFIG.format(dir=self.dir, address=address, port=PORT))
        self.start()

    def start(self):
        self.process = Process("nginx", self.stage.within("nginx", "-e", self.dir / "error.log", "-p",
                                                          self.dir, "-c", self.dir / "nginx.conf"),
                               self.dir, daemon=False)
        self.stage.processes.append(self.process)
        wait_for(lambda: self.stage.run(f"exec 3<>/dev/tcp/{self.address}/{PORT}").returncode == 0,
                 lambda: f"{self.name} to listen: {self.process.stderr_text()}")

    def broken(self, yes):
        if yes:
            (self.dir / "broken").touch()
        else:
            (self.dir / "broken").unlink()


class StagedMaglevd(Maglevd):
    def __init__(self, stage, name):
        super().__init__(stage.dir, stage.config, stage.vpp / "api.sock", "--grpc-addr", ":9090",
                         "--metrics-addr", ":9091", name=name, wrapper=stage.within())
        self.wait_log("grpc-listening")


class Stage:
    def __init__(self, namespace):
        self.namespace = namespace
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="maglev-docs-"))
        self.vpp = self.dir / "vpp"
        self.vpp.mkdir()
        self.config = self.dir / "maglev.yaml"
        self.config.write_text(example())
        self.processes, self.daemons = [], []
        self._addresses()
        self.webs = {n: Web(self, n, a) for n, a in WEBS.items()}
        self.start_vpp()
        self.start_maglevd()
        self.dashboard = Process("dashboard", self.within(BIN / "maglevd-frontend"), self.dir, env=ADMIN)
        self.processes.append(self.dashboard)
        wait_for(lambda: "maglevd-connect" in self.dashboard.stdout_text(), "the dashboard's connection")

    def _addresses(self):
        for a in (*WEBS.values(), *OTHERS, MOVED):
            done = self.namespace.run("ip", "address", "add", f"{a}/32", "dev", "lo")
            assert done.returncode == 0, done.stderr

    def within(self, *argv):
        return self.namespace.wrapper(*argv)

    def run(self, command):
        """A line of shell on the stage, in its directory, with our programs at hand."""
        env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1", "LC_ALL": "C.UTF-8",
               "MAGLEV_CONFIG": str(self.config)}
        for name in [n for n in env if n.startswith("MAGLEV_") and n != "MAGLEV_CONFIG"]:
            del env[name]
        return subprocess.run([str(a) for a in self.within("bash", "-c", command)], cwd=self.dir, env=env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=DEADLINE)

    def start_vpp(self):
        for path in self.vpp.iterdir():
            path.unlink()
        self.sim = Lbsim(self.vpp)
        self.processes.append(self.sim)

    def start_maglevd(self):
        self.d = StagedMaglevd(self, f"maglevd{len(self.daemons) + 1}")
        self.daemons.append(self.d)
        self.processes.append(self.d)

    def settle(self):
        """All up at once: the pages show backends that were never anything else, and a second is all
        that their check gives a busy machine."""
        def never_down():
            self.d.wait_log("vpp-lb-warmup", phase="done")
            self.all_up()
            if not self.d.records("backend-transition", to="down"):
                return True
            self.d.stop()
            return self.start_maglevd()
        repeatedly(never_down, "all to be up at once")

    def all_up(self):
        for name in WEBS:
            wait_for(lambda n=name: self.state(n) == "up", f"{name} to be up")

    def state(self, name):
        done = self.run(f"maglevc --json show backends {name}")
        return json.loads(done.stdout)["state"] if done.returncode == 0 else done.stdout

    def count_packets(self):
        """Traffic, as the pages show it."""
        for kind, n in (("first", 118), ("next", 5310), ("untracked", 2), ("no-server", 0)):
            self.sim.control(f"count 1 {kind} {n} {n * 900}")
        wait_for(lambda: "5310" in self.run("maglevc show vpp lb counters").stdout, "the counters")

    def records(self):
        """Every record that was logged so far, with the pages' paths."""
        for process in (*self.daemons, self.dashboard):
            text = process.stdout_text()
            text = text[:text.rfind("\n") + 1]  # the last line may still be on its way
            for ours, theirs in ((self.config, CONFIG_PATH), (self.vpp / "api.sock", VPP_API),
                                 (self.vpp / "stats.sock", VPP_STATS)):
                text = text.replace(str(ours), theirs)
            yield from (json.loads(line) for line in text.splitlines())

    def close(self):
        wrong = stop_all(self.processes)
        shutil.rmtree(self.dir)
        assert not wrong, wrong


def example():
    """The whole file of the config guide."""
    return documents.page("docs/config-guide.md").blocks_of("yaml")[0].text


# ---- trouble: what the log examples of the pages show

def play(stage):
    """Everything that the pages tell of, one after the other."""
    for scene in (die, answer_500, hang, answer_wrongly, all_dead, operate, reconfigure, break_config,
                  lose_namespace, another_hand, vpp_restarts, restart, refuse, without_capabilities):
        scene(stage)
        stage.all_up()


def die(stage):
    web, since = stage.webs["web-a"], stage.d.mark()
    web.process.kill()
    stage.d.wait_state("web-a", "down", since)
    web.start()
    stage.d.wait_state("web-a", "up", since)


def answer_500(stage):
    web, since = stage.webs["web-b"], stage.d.mark()
    web.broken(True)
    stage.d.wait_state("web-b", "down", since)
    web.broken(False)
    stage.d.wait_state("web-b", "up", since)


def hang(stage):
    web, since = stage.webs["web-b"], stage.d.mark()
    web.process.signal(signal.SIGSTOP)
    stage.d.wait_state("web-b", "down", since)
    web.process.signal(signal.SIGCONT)
    stage.d.wait_state("web-b", "up", since)


def checked_so(check, address=MOVED):
    """The example with another check for web-b."""
    line = f"web-b: {{ address: {WEBS['web-b']}, healthcheck: web }}"
    assert line in example()
    return (example().replace(line, f"web-b: {{ address: {address}, healthcheck: other }}")
            .replace("  healthchecks:\n", f"  healthchecks:\n    other: {{ {check} }}\n"))


def tls_server(stage):
    """One whose certificate nobody has signed."""
    made = stage.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
                     "-subj /CN=www.example.net -keyout tls.key -out tls.pem")
    assert made.returncode == 0, made.stdout
    server = Process("tls", stage.within("openssl", "s_server", "-accept", f"{MOVED}:443", "-www", "-cert",
                                         stage.dir / "tls.pem", "-key", stage.dir / "tls.key"),
                     stage.dir, daemon=False)
    stage.processes.append(server)
    wait_for(lambda: "ACCEPT" in server.stdout_text(), lambda: f"TLS: {server.stderr_text()}")
    return server


def answer_wrongly(stage):
    """A certificate that is not trusted, a handshake that never ends, a body that is another."""
    server, since = tls_server(stage), stage.d.mark()
    quick = "port: 443, interval: 500ms, timeout: 400ms"
    reload(stage, checked_so(f"type: https, {quick}"))
    stage.d.wait_log("backend-transition", since, backend="web-b", code="L6RSP")
    reload(stage, checked_so(f"type: tcp, {quick}, params: {{ ssl: true, insecure-skip-verify: true }}"))
    stage.d.wait_log("backend-transition", since, backend="web-b", code="L6OK")
    server.signal(signal.SIGSTOP)
    stage.d.wait_log("backend-transition", since, backend="web-b", code="L6TOUT")
    server.kill()
    reload(stage, checked_so("type: http, port: 80, params: { path: /healthz, response-regexp: fine }",
                             WEBS["web-b"]))
    stage.d.wait_log("backend-transition", since, backend="web-b", code="L7RSP")
    reload(stage, example())


def answer_pings(stage, yes):
    done = stage.run(f"echo {int(not yes)} >/proc/sys/net/ipv4/icmp_echo_ignore_all")
    assert done.returncode == 0, done.stdout


def all_dead(stage):
    """Pool after pool fails, and comes back."""
    since = stage.d.mark()
    for web in stage.webs.values():
        web.process.kill()
    stage.d.wait_log("vpp-lb-sync-as-weight-updated", since, address=OTHERS[0], to=100)
    answer_pings(stage, False)
    stage.d.wait_log("vpp-lb-sync-as-weight-updated", since, address=OTHERS[1], to=100)
    for verb in ("disable", "enable"):
        assert stage.run(f"maglevc set backend sorry {verb}").returncode == 0
    stage.d.wait_log("frontend-transition", since, **{"from": "down", "to": "up"})
    answer_pings(stage, True)
    stage.d.wait_state("spare", "up", since)
    for web in stage.webs.values():
        web.start()
    stage.d.wait_log("vpp-lb-sync-as-weight-updated", since, count=2, address=OTHERS[0], to=0)


def operate(stage):
    since = stage.d.mark()
    for verb in ("pause", "resume"):
        assert stage.run(f"maglevc set backend web-a {verb}").returncode == 0
    stage.d.wait_state("web-a", "up", since)
    for verb in ("disable", "enable"):
        assert stage.run(f"maglevc set backend web-a {verb}").returncode == 0
    stage.all_up()
    post = ("curl -fsS -u admin:secret -H 'Content-Type: application/json' "
            "-H 'Sec-Fetch-Site: same-origin' -X POST http://localhost:8080/admin/api/localhost:9090")
    assert stage.run(f"{post}/backend/web-a/pause").returncode == 0
    assert stage.run(f"{post}/backend/web-a/resume").returncode == 0
    assert stage.run(f"{post}/sync").returncode == 0
    assert stage.run("curl -s -o /dev/null -u admin:guess http://localhost:8080/admin/").returncode == 0


def reload(stage, text):
    stage.config.write_text(text)
    return stage.d.reload()


def reconfigure(stage):
    """web-b moves, the last resort goes, and all comes back."""
    since, good = stage.d.mark(), example()
    moved = good.replace(WEBS["web-b"], MOVED)
    less = re.sub(r"\n +- name: last-resort\n.*", "", re.sub(r"\n +sorry: \{ address.*", "", moved))
    assert reload(stage, less)["result"] == "ok"
    stage.d.wait_state("sorry", "removed", since)
    stage.d.wait_state("web-b", "down", since)
    stage.d.wait_log("vpp-lb-sync-as-added", since, address=MOVED)
    again = stage.d.mark()
    assert reload(stage, good)["result"] == "ok"
    stage.d.wait_log("vpp-lb-sync-as-added", again, address=WEBS["web-b"])
    other_table = good.replace("    www:\n", "    www:\n      flow-table-length: 2048\n")
    assert reload(stage, other_table)["result"] == "ok"
    stage.d.wait_log("vpp-lb-sync-vip-recreate", again)
    assert reload(stage, good)["result"] == "ok"
    stage.d.wait_log("vpp-lb-sync-vip-recreate", again, count=2)


def break_config(stage):
    good = example()
    assert reload(stage, good.replace("{ sorry: {} }", "{ sory: {} }"))["result"] == "semantic error"
    stage.config.write_text(good)


def lose_namespace(stage):
    """Probes are to run where there is no namespace: nothing is known, and nothing is changed."""
    since, good = stage.d.mark(), example()
    elsewhere = good.replace("maglev:\n", "maglev:\n  healthchecker: { netns: dataplane }\n")
    assert reload(stage, elsewhere)["result"] == "ok"
    stage.d.wait_log("checker-degraded", since)
    assert reload(stage, good)["result"] == "ok"
    stage.d.wait_log("checker-recovered", since)
    assert not stage.d.records("backend-transition", since)


def another_hand(stage):
    """Somebody changes VPP behind maglevd's back, and VPP refuses a call."""
    since = stage.d.mark()
    with stage.sim.client() as c:
        vip = next(v for v in c.vips() if str(v.prefix).startswith("203.0.113.80"))
        c.set_weight(vip, WEBS["web-b"], 7)
    stage.run("maglevc sync vpp lb state")
    stage.d.wait_log("vpp-lb-drift", since)
    stage.sim.control("fail lb_as_set_weight -6 1")
    assert stage.run("maglevc set frontend www pool primary backend web-b weight 40").returncode == 0
    stage.d.wait_log("vpp-lb-sync-error", since)
    stage.d.wait_log("vpp-lb-sync-as-weight-updated", since, to=40)
    assert stage.run("maglevc set frontend www pool primary backend web-b weight 50").returncode == 0
    stage.d.wait_log("vpp-lb-sync-as-weight-updated", since, **{"from": 40, "to": 50})


def vpp_restarts(stage):
    since = stage.d.mark()
    stage.sim.kill()
    stage.d.wait_log("vpp-disconnect", since)
    stage.start_vpp()
    stage.d.wait_log("vpp-lb-sync-as-added", since, count=4)


def restart(stage):
    assert stage.d.stop() == 0
    stage.start_maglevd()
    stage.d.wait_log("vpp-lb-warmup", phase="done")


def refuse(stage):
    """A change from an address that is not this host's own loopback."""
    assert stage.run(f"maglevc --server {OTHERS[0]}:9090 set backend web-a pause").returncode == 1


def without_capabilities(stage):
    """A maglevd that may neither open raw sockets nor enter namespaces."""
    config = stage.dir / "netns.yaml"
    config.write_text(example().replace("maglev:\n", "maglev:\n  healthchecker: { netns: dataplane }\n"))
    d = Maglevd(stage.dir, config, "", name="unprivileged",
                wrapper=stage.within("setpriv", "--bounding-set", "-net_raw,-sys_admin",
                                     "--inh-caps", "-net_raw,-sys_admin"))
    stage.daemons.append(d)
    stage.processes.append(d)
    d.wait_log("missing-capability", count=2)
