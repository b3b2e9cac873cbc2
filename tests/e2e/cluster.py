# SPDX-License-Identifier: Apache-2.0
"""One test's world: nginx backends, maglev-lbsim in VPP's place, maglevd, and maglevc to ask it."""
import copy
import datetime
import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

import calls
import vppapi
from processes import DEADLINE, Process, records_of, stop_all, wait_for
from servers import Nginx

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MAGLEV_BIN_DIR", ROOT / "build" / "bin")).resolve()

HAND = "e2e"  # the name under which tests change VPP by hand

MAGLEVD, MAGLEVC, LBSIM = BIN / "maglevd", BIN / "maglevc", BIN / "maglev-lbsim"


class Lbsim(Process):
    """maglev-lbsim, an empty VPP at its start."""

    def __init__(self, directory, *flags, wrapper=()):
        self.api = directory / "api.sock"
        self.stats = directory / "stats.sock"
        self.journal_file = directory / "journal"
        self.control_socket = directory / "lbsim.ctl"
        super().__init__("lbsim", [*wrapper, LBSIM, "--api-socket", self.api, "--stats-socket", self.stats,
                                   "--journal", self.journal_file, "--control", self.control_socket,
                                   *flags],
                         directory)
        wait_for(lambda: self._listening(), lambda: f"lbsim to listen: {self.stderr_text()}")

    def _listening(self):
        assert self.running(), f"lbsim ended: {self.stderr_text()}"
        return can_connect(self.api)

    def client(self):
        """A client of the tests' own, whose calls the journal tells from maglevd's."""
        return vppapi.Client(self.api, HAND)

    def control(self, command):
        """One command of the control socket; its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE)
            s.connect(str(self.control_socket))
            s.sendall(command.encode() + b"\n")
            answer = json.loads(s.makefile().readline())
        assert "error" not in answer, answer
        return answer

    def mark(self):
        """A position in the journal: what is there so far."""
        return len(self._journal())

    def calls(self, since=0):
        """What maglevd asked VPP to change, from a position on, in order."""
        return [call for call in map(calls.of_journal, self._journal()[since:])
                if call is not None]

    def _journal(self):
        return [e for e in records_of(self.journal_file) if e["client"] != HAND]


class RealVpp:
    """A VPP that runs already, in the simulator's place. It is not ours to stop and takes no control
    commands: a test that comes to such a thing ends there, skipped. Left as it was found. What it was
    asked to change, and how it answered, is in the logs of the maglevds that asked."""

    def __init__(self, maglevds):
        self.api = pathlib.Path(os.environ["MAGLEV_TEST_VPP_API"])
        self.maglevds = maglevds  # a function: those started so far, in that order
        with self.client() as c:
            assert not c.vips(), "this VPP has VIPs already"
            self.conf = c.conf()

    def client(self):
        return vppapi.Client(self.api, HAND)

    def clean(self):
        with self.client() as c:
            for vip in c.vips():
                c.del_vip(vip)
            c.set_conf(**self.conf)

    def mark(self):
        return len(self._entries())

    def calls(self, since=0):
        """As Lbsim's."""
        return [call for call in map(calls.of_journal, self._entries()[since:]) if call is not None]

    def _entries(self):
        """What the simulator's journal would have of the calls that were answered."""
        entries = []
        for d in self.maglevds():
            asked = {}
            for r in d.records():
                if r["msg"] == "vpp-api-send" and r["message"] in calls.CHANGING:
                    asked[r["context"]] = r
                elif r["msg"] == "vpp-api-recv" and r["context"] in asked:
                    request = asked.pop(r["context"])
                    entries.append({"call": request["message"], "fields": request,
                                    "retval": r["retval"]})
        return entries

    def __getattr__(self, name):
        import pytest
        pytest.skip(f"a real VPP has no {name}")


class Maglevd(Process):
    """maglevd. Its log is read as records; positions in it are numbers of records."""

    def __init__(self, directory, config, api, *flags, name="maglevd", wrapper=(), env=None):
        self.config = config
        self.grpc = f"unix:{directory / (name + '.grpc')}"
        self.parsed, self.parsed_bytes = [], 0
        # The stats socket stands beside the API's.
        stats = pathlib.Path(api).with_name("stats.sock") if str(api) else ""
        if os.environ.get("MAGLEV_E2E_VPP"):
            stats = os.environ.get("MAGLEV_TEST_VPP_STATS", stats)
        argv = [*wrapper, MAGLEVD, "--config", config, "--grpc-addr", self.grpc, "--vpp-api-addr", api,
                "--vpp-stats-addr", stats, "--metrics-addr", "", "--log-level", "debug", *flags]
        super().__init__(name, argv, directory, env)

    def wait_ready(self):
        wait_for(self._ready, lambda: f"maglevd to listen: {self.stderr_text()}")
        return self

    def on_tcp(self, host):
        """One that was told to listen on any port of this host: it is asked there."""
        self.port = self.wait_log("grpc-listening")["port"]
        self.grpc = f"{host}:{self.port}"
        return self

    def _ready(self):
        assert self.running(), f"maglevd ended with {self.popen.returncode}: {self.stderr_text()}"
        return can_connect(self.grpc.removeprefix("unix:"))

    # The log.

    def records(self, msg=None, since=0, **attributes):
        """Records so far, from number `since` on, with this msg and these attributes."""
        with open(self.out, "rb") as f:
            f.seek(self.parsed_bytes)
            data = f.read()
        whole = data[:data.rfind(b"\n") + 1]
        self.parsed_bytes += len(whole)
        self.parsed += [json.loads(line) for line in whole.splitlines()]
        return [r for r in self.parsed[since:]
                if (msg is None or r["msg"] == msg) and all(r.get(k) == v for k, v in attributes.items())]

    def mark(self):
        self.records()
        return len(self.parsed)

    def wait_log(self, msg, since=0, count=1, timeout=None, **attributes):
        """Waits for `count` such records and returns the last of them."""
        def seen():
            found = self.records(msg, since, **attributes)
            if len(found) >= count:
                return found[count - 1]
            assert self.running(), f"maglevd ended with {self.popen.returncode}: {self.stderr_text()}"
            return None
        return wait_for(seen, lambda: f"{count} × {msg} {attributes}", timeout)

    def wait_drift_syncs(self, n=2, timeout=None):
        """Waits until n full syncs were begun and ended from now on: what is decided is done."""
        since = self.mark()
        # The first "done" may belong to a sync that began before.
        self.wait_log("vpp-lb-sync-done", since, count=n + 1, timeout=timeout, scope="all")

    def wait_state(self, backend, state, since=0):
        return self.wait_log("backend-transition", since, backend=backend, to=state)

    # Signals.

    def reload(self):
        """SIGHUP; returns the record that says how it went."""
        since = self.mark()
        self.signal(signal.SIGHUP)
        return self.wait_log("config-reload-done", since)

    # Its client.

    def ctl(self, *words, json_output=False, check=True):
        """Runs one maglevc command; the finished process."""
        argv = [MAGLEVC, "--server", self.grpc, *(["--json"] if json_output else []), *words]
        p = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=DEADLINE)
        if check:
            assert p.returncode == 0, f"maglevc {words}: {p.returncode}: {p.stderr}"
        return p

    def show(self, *words):
        """The parsed JSON of a show command."""
        return json.loads(self.ctl("show", *words, json_output=True).stdout)

    def backend(self, name):
        return one(self.show("backends", name))

    def frontend(self, name):
        return one(self.show("frontends", name))

    def set_backend(self, name, verb):
        return self.ctl("set", "backend", name, verb)

    def set_weight(self, frontend, pool, backend, weight, *flush):
        return self.ctl("set", "frontend", frontend, "pool", pool, "backend", backend, "weight",
                        str(weight), *flush)


def log_time(record):
    """Seconds since the epoch; nanoseconds are cut to what datetime takes."""
    return datetime.datetime.fromisoformat(record["time"][:26] + "+00:00").timestamp()


def one(value):
    """`show x <name>` gives one object; a list of one is taken as well."""
    if isinstance(value, list):
        assert len(value) == 1
        return value[0]
    return value


def can_connect(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        try:
            s.connect(str(path))
        except OSError:
            return False
    return True


VIP = "203.0.113.80"

FIRST_NET, NETS = 16, 100 * 250  # 127.16.1.x to 127.115.250.x


@functools.lru_cache(None)
def own_number():
    """A number that no other test process on this machine has while this one lives."""
    for n in range(os.getpid() % NETS, NETS + os.getpid() % NETS):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0maglev-e2e-{n % NETS}")
        except OSError:
            claim.close()
            continue
        claim.detach()  # for as long as this process lives
        return n % NETS
    raise AssertionError("no address is free")


def own_port():
    """A port that is this process's own on every address: below those the kernel picks."""
    return 5000 + own_number()


def own_net():
    """Three quarters of an address within 127/8 that are this process's own. Nobody else listens on
    them, and no connection of anybody's comes from them: their ports are free."""
    return f"127.{FIRST_NET + own_number() // 250}.{own_number() % 250 + 1}"


class Cluster:
    """Makes the parts, knows their addresses, and ends them all."""

    def __init__(self):
        # Short: a Unix socket's path has 107 bytes.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="maglev-"))
        # Addresses of its own, so that runs side by side do not meet; the port is the same on all.
        self.net = own_net()
        self.port = 8080
        self.webs, self.processes = {}, []
        self.sim = self.real = None
        self.number = 0

    # Parts.

    def address(self, n):
        return f"{self.net}.{n}"

    def web(self, name):
        """A new nginx, at the next address."""
        self.webs[name] = Nginx(self.dir, name, self.address(len(self.webs) + 1), self.port)
        return self.webs[name]

    def start_sim(self, *flags):
        """maglev-lbsim; every start is a VPP that restarted, empty and with an empty journal. Under
        `make test-vpp` the real one."""
        if os.environ.get("MAGLEV_E2E_VPP"):
            if flags or self.real:
                import pytest
                pytest.skip("a real VPP is not ours to start")
            self.sim = self.real = RealVpp(
                lambda: [p for p in self.processes if isinstance(p, Maglevd)])
            return self.sim
        self.number += 1
        directory = self.dir / "vpp"
        directory.mkdir(exist_ok=True)
        for name in ("api.sock", "stats.sock", "lbsim.ctl", "journal"):
            (directory / name).unlink(missing_ok=True)
        self.sim = Lbsim(directory, *flags)
        self.processes.append(self.sim)
        return self.sim

    def write_config(self, config, name="maglev.yaml"):
        """A dict (JSON is YAML) or a text; the path."""
        path = self.dir / name
        new = path.with_suffix(".new")
        new.write_text(config if isinstance(config, str) else json.dumps(config, indent=2))
        new.rename(path)
        return path

    def start_maglevd(self, config, *flags, api=None, ready=True, wrapper=(), env=None):
        self.number += 1
        path = config if isinstance(config, pathlib.Path) else self.write_config(config)
        if api is None and os.environ.get("MAGLEV_E2E_VPP") and not self.real:
            import pytest
            pytest.skip("a real VPP is there before anybody else")
        if api is None:
            api = self.real.api if self.real else self.dir / "vpp" / "api.sock"
        d = Maglevd(self.dir, path, api, *flags, name=f"maglevd{self.number}", wrapper=wrapper, env=env)
        self.processes.append(d)
        return d.wait_ready() if ready else d

    # Configuration.

    def config(self, backends=None, frontends=None, checks=None, **lb):
        """A whole configuration. Quick intervals; a time-out that no busy machine reaches."""
        if backends is None:
            backends = {n: {"address": w.address, "healthcheck": "web"} for n, w in self.webs.items()}
        if frontends is None:
            frontends = {"www": frontend({"primary": dict.fromkeys(backends, 100)})}
        if checks is None:
            checks = {"web": self.check()}
        defaults = {"ipv4-src-address": "192.0.2.1", "ipv6-src-address": "2001:db8::1",
                    "sync-interval": "200ms", "startup-min-delay": "0s", "startup-max-delay": "10m"}
        lb = {**defaults, **{k.replace("_", "-"): v for k, v in lb.items()}}
        return copy.deepcopy({"maglev": {"healthchecker": {"transition-history": 20}, "vpp": {"lb": lb},
                                         "healthchecks": checks, "backends": backends,
                                         "frontends": frontends}})

    def check(self, **changes):
        return {"type": "http", "port": self.port, "interval": "200ms", "fast-interval": "100ms",
                "timeout": "20s", "rise": 2, "fall": 2,
                "params": {"path": "/healthz", "response-regexp": "^ok$"},
                **{k.replace("_", "-"): v for k, v in changes.items()}}

    # What VPP has and was told.

    def wait_weights(self, weights, vip=VIP, client=None):
        """Waits until VPP has exactly these weights ({backend name or address: weight})."""
        wanted = {self.address_of(n): w for n, w in weights.items()}
        key = vip if isinstance(vip, vppapi.Key) else vppapi.key(vip)
        with (client or self.sim.client()) as c:
            seen = {}

            def same():
                seen["last"] = c.weights(key)
                return seen["last"] == wanted
            wait_for(same, lambda: f"weights {wanted}, last seen {seen['last']}")

    def address_of(self, name):
        return self.webs[name].address if name in self.webs else name

    # The end.

    def close(self):
        """Ends everything; returns what was wrong about the ends."""
        wrong = stop_all(self.processes)
        for w in self.webs.values():
            w.process.kill()
        if self.real:
            self.real.clean()
        return wrong


def frontend(pools, address=VIP, **changes):
    """A frontend of pools {name: {backend: weight}}, on TCP port 80."""
    return {"address": address, "protocol": "tcp", "port": 80,
            "pools": [{"name": n, "backends": {b: {"weight": w} for b, w in bs.items()}}
                      for n, bs in pools.items()],
            **{k.replace("_", "-"): v for k, v in changes.items()}}
