# SPDX-License-Identifier: Apache-2.0
"""maglevt in a real terminal (tmux), and without one, looking at a real nginx behind each VIP."""
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import threading
import time

import pexpect
import pytest

from cluster import BIN, own_net
from processes import DEADLINE, PATIENCE, Process, repeatedly, wait_for
from tmux import Screen, Tmux, on_terminal, settings

MAGLEVT = BIN / "maglevt"
# Where a time-out is not what the test is about: none that a busy machine reaches.
PATIENT = {"MAGLEVT_TIMEOUT": "60s"}

NGINX = """
daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/error.log notice;
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  log_format probe '$server_port $status "$request" $http_host "$http_user_agent" $connection';
  access_log {log};
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  split_clients "$remote_port$msec" $who {{ 50% srv-a; 50% srv-b; }}
  server {{
    {listen}
    add_header X-IPng-Frontend {who} always;
    add_header X-Other other always;
    location / {{ return {status} "hello\\n"; }}
    location /slow {{ root {dir}/www; }}
  }}
}}
"""


class Vips:
    """n VIPs, a real nginx behind all of them, on addresses of this test process alone."""

    def __init__(self, directory, n, log=False):
        self.dir, self.n = directory, n
        self.net, self.port = own_net(), 8080
        self.log = directory / "access.log"
        self.logging = log
        self.process = None
        self.start()
        self.config = directory / "maglev.yaml"
        self.write({f"web-{i:03d}": self.frontend(self.address(i)) for i in range(n)})

    def address(self, i):
        return f"{self.net}.{i + 1}"

    def start(self, who="$who", status=200):
        (self.dir / "nginx.conf").write_text(NGINX.format(
            dir=self.dir, who=who, status=status, log=f"{self.log} probe" if self.logging else "off",
            listen=" ".join(f"listen {self.address(i)}:{self.port};" for i in range(self.n))))
        self.process = Process("nginx", ["nginx", "-e", self.dir / "error.log", "-p", self.dir, "-c",
                                         self.dir / "nginx.conf"], self.dir)
        wait_for(lambda: self._answers(), lambda: f"nginx: {self.process.stderr_text()}")

    def _answers(self):
        assert self.process.running(), self.process.stderr_text()
        with socket.socket() as s:
            return s.connect_ex((self.address(self.n - 1), self.port)) == 0

    def kill(self):
        self.process.kill()

    def frontend(self, address, protocol="tcp", port=None):
        return {"address": address, "protocol": protocol, "port": port or self.port,
                "pools": [{"name": "all", "backends": {"a": {}}}]}

    def write(self, frontends, path=None):
        text = {"maglev": {
            "vpp": {"lb": {"ipv4-src-address": "192.0.2.1", "ipv6-src-address": "2001:db8::1"}},
            "backends": {"a": {"address": "192.0.2.9"}}, "frontends": frontends}}
        (path or self.config).write_text(json.dumps(text, ensure_ascii=False), encoding="utf-8")

    def requests(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def vips(tmp_path):
    made = []

    def make(n, log=False):
        made.append(Vips(tmp_path, n, log))
        return made[-1]
    yield make
    for v in made:
        v.kill()


def environment(extra=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAGLEVT_")}
    return {**env, **PATIENT, "LC_ALL": "C.UTF-8", **(extra or {})}


def run(*args, env=None, **more):
    """Without a terminal: exit code, output, what it complained of."""
    r = subprocess.run([str(MAGLEVT), *map(str, args)], capture_output=True, env=environment(env),
                       timeout=DEADLINE, stdin=subprocess.DEVNULL, **more)
    assert b"Sanitizer" not in r.stderr, r.stderr.decode(errors="replace")
    return r.returncode, r.stdout.decode(), r.stderr.decode()


# ---- with a screen

def pid_of(screen):
    """maglevt's: it is the one whose terminal this is."""
    own = on_terminal(screen.tmux.ask("pane_tty"), "maglevt")
    pids = {p for p, _ in own}
    return next(p for p, pp in own if pp not in pids)


@pytest.fixture
def screen(tmp_path):
    made = []

    def make(config, *flags, env=(), **more):
        env = [*(f"{k}={v}" for k, v in PATIENT.items()), *env]
        made.append(Screen(tmp_path, [MAGLEVT, "-config", config, *flags], env=env, **more))
        return made[-1]
    yield make
    for s in made:
        s.tmux.close()
        assert "Sanitizer" not in (s.stderr() if (tmp_path / "stderr").exists() else "")


@pytest.mark.parametrize("n", [1, 20, 200])
@pytest.mark.parametrize("cols, rows", [(80, 24), (200, 60)])
def test_every_vip_is_looked_at(vips, screen, n, cols, rows):
    v = vips(n)
    s = screen(v.config, "-interval", f"{max(100, 5 * n)}ms", cols=cols, rows=rows)
    lines = s.tmux.wait("web-000", f"{n} VIP", f"{n} good", "srv-a", "srv-b", gone=["waiting"])
    assert "maglevt" in lines[0] and " up " in lines[0]
    assert all(len(l) <= cols for l in lines) and len(lines) == rows
    assert any("p50" in l and "OK %" in l for l in lines)
    shown = [l for l in lines if re.match(r"● web-\d\d\d ", l)]
    want = {(1, 24): 1, (20, 24): 7, (200, 24): 7, (1, 60): 1, (20, 60): 20, (200, 60): 40}
    assert len(shown) >= want[(n, rows)], "\n".join(lines)
    assert all(" 200 " in l for l in shown)
    # to the last one
    s.tmux.keys("End")
    s.tmux.wait(f"web-{n - 1:03d}")
    s.tmux.keys("q")
    assert s.ended() == 0


def test_keys(vips, screen):
    v = vips(20)
    s = screen(v.config)
    t = s.tmux
    t.wait("20 good", "web-000")
    # scroll
    t.keys("Down")
    t.wait("2-9 of 20", gone=["web-000"])
    t.keys("PageDown")
    t.wait("10-17 of 20")
    t.keys("PageDown")
    t.wait("13-20 of 20", "web-019")
    t.keys("PageUp", "Up")
    t.wait("4-11 of 20")
    t.keys("Home")
    t.wait("1-8 of 20", "web-000")
    # sort
    for name in ("address", "worst", "slowest", "name"):
        t.keys("s")
        t.wait(f"sort: {name}")
    # filter: a wrong one, a good one, none
    t.keys("f")
    t.type("web-01[")
    t.keys("Enter")
    t.wait("filter: web-01[", "missing terminating ]")
    t.keys("BSpace", "Enter")
    t.wait("filter: web-01 ", "web-010", gone=["web-009"])
    t.keys("f", "C-u", "Enter")
    t.wait("web-000")
    # help
    t.keys("?")
    t.wait("keys and columns", "pause")
    t.keys("x")
    t.wait("web-000", gone=["keys and columns"])
    # pause: the picture stands
    t.keys("Space")
    t.wait("PAUSED", "go on")
    probes = re.search(r"(\S+) probes", t.text()).group(1)
    time.sleep(0.5)  # nothing to wait for: nothing must happen
    assert re.search(r"(\S+) probes", t.text()).group(1) == probes
    t.keys("r")
    t.wait(" 0 probes", "20 waiting")
    t.keys("Space")
    t.wait("20 good", gone=["PAUSED"])
    t.keys("C-c")
    assert s.ended() == 0


def test_resized_while_running(vips, screen):
    v = vips(20)
    s = screen(v.config)
    s.tmux.wait("20 good")
    for cols, rows in ((200, 60), (40, 10), (132, 30), (5, 2), (1, 1), (300, 80), (80, 24)):
        s.tmux.resize(cols, rows)
        if cols >= 80:
            lines = s.tmux.wait("20 good", "web-000", "anomalies", "q quit")
            wait_for(lambda: s.tmux.screen()[rows - 1].startswith(" q quit"), s.tmux.text)
            assert len(lines) == rows
    assert ("X-IPng-Frontend" in s.tmux.text()) is False
    s.tmux.resize(200, 60)
    s.tmux.wait("X-IPng-Frontend", "web-019")
    s.tmux.keys("q")
    assert s.ended() == 0


def test_trouble_is_shown(vips, screen):
    v = vips(2)
    s = screen(v.config, "-timeout", "10s", cols=120)
    s.tmux.wait("2 good", "anomalies  timeout 0  http-err 0  net-err 0")
    v.kill()
    s.tmux.wait("2 failing", "refused", "connect: Connection refused")
    assert re.search(r"▸ \d\d:\d\d:\d\d net-err", s.tmux.text())
    v.start(status=503)
    s.tmux.wait("2 failing", "503", "HTTP status 503")
    v.kill()
    v.start()
    s.tmux.wait("2 shaky")
    v.process.signal(signal.SIGSTOP)
    s.tmux.wait("timeout", "no complete response within 10s")
    v.process.signal(signal.SIGCONT)
    s.tmux.keys("q")
    assert s.ended() == 0


GREY = re.compile(r"\x1b\[[0-9;]*38;5;244m[^\x1b]*srv-a|\x1b\[38;5;244msrv-a")


def test_drained_values_turn_grey(vips, screen):
    v = vips(1)
    s = screen(v.config, cols=200)
    s.tmux.wait("1 good", "srv-a", "srv-b")
    lines = "\n".join(s.tmux.screen(colours=True))
    assert not GREY.search(lines), lines
    v.kill()
    v.start(who="srv-b")
    wait_for(lambda: GREY.search("\n".join(s.tmux.screen(colours=True))),
             lambda: "\n".join(s.tmux.screen(colours=True)))
    s.tmux.keys("q")
    assert s.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
                                    signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE,
                                    signal.SIGILL, signal.SIGTRAP, signal.SIGSYS],
                         ids=lambda n: n.name)
def test_the_terminal_is_sane_after_a_signal(vips, screen, number):
    v = vips(1)
    s = screen(v.config)
    s.tmux.wait("1 good")
    assert s.tmux.ask("alternate_on") == "1" and s.tmux.ask("cursor_flag") == "0"
    os.kill(pid_of(s), number)
    assert s.ended() == 128 + number
    # a shell that one can go on with
    s.tmux.type("echo still $((6 * 7))")
    s.tmux.keys("Enter")
    s.tmux.wait("still 42")


def test_the_terminal_is_sane_after_a_crash_of_a_probe_thread(vips, screen):
    v = vips(1)
    s = screen(v.config)
    s.tmux.wait("1 good")
    pid = pid_of(s)
    thread = next(int(t) for t in os.listdir(f"/proc/{pid}/task")
                  if open(f"/proc/{pid}/task/{t}/comm").read() == "probe\n")
    import ctypes
    assert ctypes.CDLL(None).syscall(234, pid, thread, signal.SIGSEGV) == 0  # tgkill
    assert s.ended() == 128 + signal.SIGSEGV


def test_what_was_said_on_the_screens_stderr_is_shown_afterwards(vips, tmp_path):
    v = vips(1)
    t = Tmux(tmp_path, env=PATIENT)
    try:
        t.wait("$")
        t.type(f"{MAGLEVT} -config {v.config}")
        t.keys("Enter")
        t.wait("1 good")
        pid = min(pid for pid, _ in on_terminal(t.ask("pane_tty"), "maglevt"))
        with open(f"/proc/{pid}/fd/2", "w") as f:
            f.write("assertion failed: somewhere\n")
        t.wait("1 good", gone=["assertion"])
        os.kill(pid, signal.SIGTERM)
        t.wait("assertion failed: somewhere", gone=["1 good"])
    finally:
        t.close()


def test_stopped_and_continued(vips, screen):
    v = vips(1)
    s = screen(v.config)
    s.tmux.wait("1 good")
    s.tmux.keys("C-z")
    wait_for(lambda: s.tmux.ask("alternate_on") == "0", s.tmux.text)
    assert s.tmux.ask("cursor_flag") == "1"
    s.tmux.type("fg")
    s.tmux.keys("Enter")
    s.tmux.wait("1 good", "maglevt")
    s.tmux.keys("q")
    wait_for(lambda: s.tmux.ask("alternate_on") == "0", s.tmux.text)


def test_ctrl_z_where_nobody_could_continue_it(vips):
    """Without a shell above it (ssh -t host maglevt) it would stand still for ever."""
    child = pexpect.spawn(str(MAGLEVT), ["-config", str(vips(1).config)], timeout=DEADLINE,
                          env={**os.environ, **PATIENT, "TERM": "xterm"})
    try:
        child.expect("1 good")
        child.send("\x1a")
        child.expect("1 good")
        child.send("q")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.kill(signal.SIGKILL)


@pytest.mark.parametrize("term", ["vt100", "linux", "xterm", "xterm-256color", "screen"])
def test_terminals(vips, screen, term):
    v = vips(2)
    s = screen(v.config, env=[f"TERM={term}"])
    s.tmux.wait("2 good", "srv-a", "web-001")
    s.tmux.keys("Down", "q")
    # what there is no alternate screen for stays; below it the shell goes on
    wait_for(lambda: s.tmux.text().rstrip().endswith("$"), s.tmux.text)
    s.tmux.type(f"echo $? >{s.dir}/status; stty -a >{s.dir}/after")
    s.tmux.keys("Enter")
    after = s.dir / "after"
    wait_for(lambda: after.exists() and after.stat().st_size > 0, s.tmux.text)
    assert settings(after) == settings(s.dir / "before")
    assert (s.dir / "status").read_text() == "0\n"
    assert s.tmux.ask("cursor_flag") == "1"


def test_no_color_and_no_utf8(vips, screen):
    v = vips(1)
    s = screen(v.config, env=["NO_COLOR=1", "LC_ALL=C"])
    lines = s.tmux.wait("+ web-000", "1 good")
    assert all(l.isascii() for l in lines)
    coloured = "\n".join(s.tmux.screen(colours=True))
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|4[0-7]|38|48)[;m]", coloured)
    s.tmux.keys("q")
    assert s.ended() == 0


def test_odd_names_and_not_probed(vips, screen):
    v = vips(1)
    v.write({"台北 caf\u00e9": v.frontend(v.address(0)), "dns": v.frontend(v.address(0), "udp", 53)})
    s = screen(v.config)
    s.tmux.wait("● 台北 café", "not probed: udp", "1 not probed", "1 good")
    s.tmux.keys("q")
    assert s.ended() == 0


def test_redraws_are_few_and_small(vips, screen):
    """200 VIPs at 10/s each: at most ten pictures a second, and of each only what changed."""
    v, cols, rows = vips(200), 200, 60
    s = screen(v.config, cols=cols, rows=rows)
    s.tmux.wait("200 VIPs", "srv-a")

    def drawn_in(ticks):
        """Bytes drawn while the clock on the screen goes on so often; the seconds that took."""
        before, began = s.drawn.stat().st_size, time.monotonic()
        for _ in range(ticks):
            title = s.tmux.screen()[0]
            wait_for(lambda t=title: s.tmux.screen()[0] != t, "the clock")
        return s.drawn.stat().st_size - before, time.monotonic() - began
    running, seconds = drawn_in(3)
    # Numbers and sparks change in every row: a whole picture each time would be more than this.
    assert 0 < running < (seconds + 1) * 10 * 2 * cols * rows, (running, seconds)
    s.tmux.keys("Space")
    s.tmux.wait("PAUSED")
    # Then the clock alone, once what was on its way is drawn.
    repeatedly(lambda: drawn_in(2)[0] < 2000, "nothing but the clock")
    s.tmux.keys("q")
    assert s.ended() == 0


# What a server may say of itself to a terminal that believes it: a title, a request that the
# terminal answers as if typed, a string without end, and bytes of no character. With an escape in
# it a header is not HTTP's, so there is no value; all else are values, and kept to a length.
HOSTILE = [b"evil-0\x1b]0;owned\x07\x1b[5n\x1b[31;5m",
           b"evil-1\xc2\x9d0;owned\xc2\x9c\xc2\x9b5n\xc2\x90q",  # C1 controls in UTF-8
           b"evil-2\x9d0;owned\x9c\x9b5n\xff\xc3\x28\xe2\x82",  # and as single bytes
           b"evil-3" + b"\xc2\x9bc\x9bc\xc2\x90q\x90q\xf5" * 340]
VALUES = [b"evil-1", b"evil-2", b"evil-3"]


class HostileServers:
    """One on each address; all answer well but for the value of the header."""

    def __init__(self, addresses, port):
        self.servers = []
        for address, value in zip(addresses, HOSTILE, strict=True):
            answer = (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n"
                      b"X-IPng-Frontend: " + value + b"\r\n\r\n")

            class Handler(socketserver.StreamRequestHandler):
                said = answer

                def handle(self):
                    while self.rfile.readline().strip():
                        pass
                    self.wfile.write(self.said)

            class Server(socketserver.TCPServer):
                allow_reuse_address = True
            server = Server((address, port), Handler)
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            self.servers.append(server)

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def hostile(vips):
    v = vips(1)
    addresses = [f"{v.net}.{100 + i}" for i in range(len(HOSTILE))]
    v.write({f"web-{i}": v.frontend(a) for i, a in enumerate(addresses)})
    servers = HostileServers(addresses, v.port)
    yield v
    servers.close()


def assert_harmless(data, escapes):
    """Text, and no control character but line ends and, where wanted, a screen's own sequences."""
    text = data.decode("utf-8")
    assert not re.search("[\x80-\x9f]", text), text
    assert not re.search(r"\x1b[]P^_X]|\x1b\[[0-9;?]*[nc]|\x1b\[31;5m|\x07", text), text
    assert escapes or "\x1b" not in text, text


@pytest.mark.parametrize("cols, locale", [(80, "C.UTF-8"), (200, "C.UTF-8"), (200, "C")])
def test_a_hostile_header_value_does_not_reach_the_terminal(hostile, screen, cols, locale):
    s = screen(hostile.config, cols=cols, env=["TERM=xterm-256color", f"LC_ALL={locale}"])
    s.tmux.wait("3 good", "1 failing", "bad http", *(v.decode() for v in VALUES))
    s.tmux.keys("q")
    assert s.ended() == 0
    assert_harmless(s.drawn.read_bytes(), escapes=True)


@pytest.mark.parametrize("flags", [[], ["-json"]], ids=["text", "json"])
def test_nor_does_it_reach_a_summary(hostile, flags):
    r = subprocess.run([MAGLEVT, "-config", hostile.config, "-count", "2", *flags],
                       capture_output=True, env=environment(), timeout=DEADLINE,
                       stdin=subprocess.DEVNULL)
    assert r.returncode == 1 and b"bad http" in r.stdout, r
    assert all(value in r.stdout for value in VALUES), r
    assert_harmless(r.stdout + r.stderr, escapes=False)
    assert len(r.stdout) < 8192  # a value is kept to a length


# ---- without a screen

def test_count(vips):
    v = vips(3, log=True)
    code, out, err = run("-config", v.config, "-count", 10)
    assert (code, err) == (0, "")
    assert "3 VIPs probed, 0 failed; 30 probes, 0 failed" in out
    assert "X-IPng-Frontend: " in out and "srv-a" in out
    wait_for(lambda: len(v.requests()) >= 30, v.requests)
    first = v.requests()[0]
    assert '"GET /.well-known/ipng/healthz HTTP/1.1"' in first
    assert f" {v.net}." in first and f":{v.port} " in first and '"maglevt/' in first
    # a new connection, so a new flow, each time
    connections = [l.split()[-1] for l in v.requests()]
    assert len(set(connections)) == len(connections)


def test_cadence(vips):
    """10/s from start to start, ±10 %."""
    v = vips(1, log=True)

    def in_time():
        began = time.monotonic()
        code, _, _ = run("-config", v.config, "-count", 31)
        took = time.monotonic() - began
        assert code == 0
        assert took > 30 * 0.09  # however busy the machine is, never faster
        return took < 30 * 0.112 + PATIENCE
    repeatedly(in_time, "31 probes in three seconds and a bit")


def test_keepalive(vips):
    v = vips(1, log=True)
    assert run("-config", v.config, "-count", 10, "-keepalive")[0] == 0
    wait_for(lambda: len(v.requests()) >= 10, v.requests)
    assert len({l.split()[-1] for l in v.requests()}) == 1


def test_what_is_sent(vips):
    v = vips(1, log=True)
    code, out, _ = run("-config", v.config, "-count", 1, "-host", "www.example.net", "-path",
                       "/x?y=1", "-header", "x-other", "-json")
    assert code == 0
    assert json.loads(out)["vips"][0]["tally"] == [{"value": "other", "count": 1, "share": 1}]
    wait_for(v.requests, "a request")
    assert '"GET /x?y=1 HTTP/1.1" www.example.net' in v.requests()[0]


def test_json_and_failures(vips, tmp_path):
    v = vips(1)
    dead = f"{v.net}.250"
    v.write({"good": v.frontend(v.address(0)), "bad": v.frontend(dead),
             "dns": v.frontend(dead, "udp", 53)})
    code, out, _ = run("-config", v.config, "-count", 5, "-json")
    assert code == 1
    d = json.loads(out)
    rows = {r["name"]: r for r in d["vips"]}
    assert (d["vips_probed"], d["vips_failed"], d["probes"], d["failures"]) == (2, 1, 10, 5)
    assert rows["good"]["failed"] is False and rows["good"]["window"]["ok"] == 5
    assert rows["bad"]["failures"] == 5 and rows["bad"]["last"] == "refused"
    assert rows["bad"]["anomalies"]["net-err"] == 5
    assert rows["dns"]["probed"] is False and rows["dns"]["why"] == "not probed: udp"
    # as text, and with a status that is no answer
    v.kill()
    v.start(status=503)
    code, out, _ = run("-config", v.config, "-count", 2, "-filter", "good")
    assert code == 1 and "http-err 2" in out and " 503\n" in out


def test_duration_and_interval(vips):
    v = vips(2)

    def in_time():
        code, out, _ = run("-config", v.config, "-duration", "1s", "-interval", "20ms", "-json")
        d = json.loads(out)
        assert code == 0 and 0.9 < d["seconds"]
        assert 2 <= d["probes"] <= 2 * (d["seconds"] / 0.018 + 2)
        return d["seconds"] < 1 + PATIENCE
    repeatedly(in_time, "a second, as asked for")


def test_a_signal_ends_a_run_with_its_summary(vips, tmp_path):
    v = vips(1)
    p = Process("maglevt", [MAGLEVT, "-config", v.config, "-duration", "1h", "-json"], tmp_path,
                env=environment())
    wait_for(lambda: os.path.exists(f"/proc/{p.pid}/task") and
             len(os.listdir(f"/proc/{p.pid}/task")) > 1, "the probe thread")
    time.sleep(0.3)
    p.signal(signal.SIGINT)
    assert p.wait() in (0, 1)
    assert json.loads(p.stdout_text())["vips_probed"] == 1


def test_schemes(vips, tmp_path):
    v = vips(1)
    code, out, _ = run("-config", v.config, "-count", 1, "-scheme", "tcp", "-json")
    assert code == 0 and json.loads(out)["vips"][0]["last"] == "ok"
    code, out, _ = run("-config", v.config, "-count", 1, "-scheme", "https", "-json")
    row = json.loads(out)["vips"][0]
    assert code == 1 and row["last"] == "tls" and row["anomalies"]["net-err"] == 1


def test_https(vips, tmp_path):
    """Any certificate, unless told otherwise; the name goes out as SNI."""
    v = vips(1)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key", "-out",
                    tmp_path / "cert", "-subj", "/CN=own"], check=True, capture_output=True)
    conf = (tmp_path / "nginx.conf").read_text().replace(
        f":{v.port};", f":{v.port} ssl; ssl_certificate {tmp_path}/cert; ssl_certificate_key "
        f"{tmp_path}/key;").replace("{ return 200", "{ add_header X-Sni $ssl_server_name; return 200")
    v.kill()
    (tmp_path / "nginx.conf").write_text(conf)
    v.process = Process("nginx", ["nginx", "-e", tmp_path / "error.log", "-p", tmp_path, "-c",
                                  tmp_path / "nginx.conf"], tmp_path)
    wait_for(v._answers, v.process.stderr_text)
    flags = ["-config", v.config, "-count", 2, "-scheme", "https", "-json"]
    code, out, _ = run(*flags, "-host", "www.example.net", "-header", "X-Sni")
    row = json.loads(out)["vips"][0]
    assert code == 0 and row["tally"][0]["value"] == "www.example.net", out
    code, out, _ = run(*flags, "-insecure=false")
    row = json.loads(out)["vips"][0]
    assert code == 1 and row["last"] == "tls"


def test_configs_united(vips, tmp_path):
    v = vips(3)
    other = tmp_path / "other.yaml"
    v.write({"same": v.frontend(v.address(0)), "extra": v.frontend(v.address(2), port=v.port)}, other)
    v.write({f"web-{i}": v.frontend(v.address(i)) for i in range(2)})
    for flags in (["-config", f"{v.config},{other}"], ["-config", v.config, "-config", other]):
        code, out, _ = run(*flags, "-count", 1, "-json")
        assert code == 0
        assert sorted(r["name"] for r in json.loads(out)["vips"]) == ["extra", "web-0", "web-1"]
    code, out, _ = run(env={"MAGLEVT_CONFIG": f"{v.config},{other}", "MAGLEVT_COUNT": "1",
                            "MAGLEVT_JSON": "true", "MAGLEVT_FILTER": "^web"})
    assert [r["name"] for r in json.loads(out)["vips"]] == ["web-0", "web-1"]


# ---- wrong use: a clear word, and exit code 1

def complaint(*args, **more):
    code, out, err = run(*args, **more)
    assert (code, out) == (1, "")
    assert err.startswith("maglevt: ")
    return err


def test_wrong_use(tmp_path):
    assert "cannot be opened" in complaint("-config", tmp_path / "none.yaml")
    assert "unknown flag -nonsense" in complaint("-nonsense")
    assert "it needs --count" in complaint("-json")
    bad = tmp_path / "bad.yaml"
    bad.write_text("maglev: {nonsense: 1}\n")
    assert "bad.yaml:1:" in complaint("-config", bad, "-count", 1)
    bad.write_bytes(b"maglev: {frontends: {\"caf\xe9\": {}}}\n")
    err = complaint("-config", bad, "-count", 1)
    assert "UTF-8" in err and err.isascii()
    # every mistake in a file, each on a line with the program's name
    bad.write_text("maglev: {vpp: {lb: {}}, frontends: {a: {address: 192.0.2.1, protocol: tcp}}}\n")
    err = complaint("-config", bad, "-count", 1)
    assert len(err.splitlines()) > 1 and all(l.startswith("maglevt: ") for l in err.splitlines())
    # a path that would colour the terminal
    assert "\x1b" not in complaint("-config", tmp_path / "\x1b[31mred.yaml")


def test_nothing_to_look_at(vips):
    v = vips(1)
    v.write({})
    assert "no VIP" in complaint("-config", v.config, "-count", 1)
    v.write({"dns": v.frontend(v.address(0), "udp", 53)})
    assert "no VIP that can be probed" in complaint("-config", v.config, "-count", 1)
    assert "no frontend's name matches" in complaint("-config", v.config, "-count", 1, "-filter", "x")


def test_unreachable_everything(vips):
    v = vips(1)
    v.write({f"down-{i}": v.frontend(f"{v.net}.{200 + i}") for i in range(5)})
    code, out, _ = run("-config", v.config, "-count", 2)
    assert code == 1 and "5 VIPs probed, 5 failed; 10 probes, 10 failed" in out


def test_no_terminal(vips):
    v = vips(1)
    assert "standard output is not a terminal" in complaint("-config", v.config)


@pytest.mark.parametrize("term, words", [
    ("dumb", 'the terminal "dumb" cannot move its cursor'),
    ("", "TERM is not set"),
    ("nonsense", 'the terminal "nonsense" is not known here')])
def test_terminals_that_will_not_do(vips, screen, term, words):
    v = vips(1)
    s = screen(v.config, env=[f"TERM={term}"])
    assert s.ended() == 1
    assert s.stderr().startswith("maglevt: ") and words in s.stderr()


def test_version_and_help():
    code, out, err = run("-version")
    assert (code, err) == (0, "") and out.startswith("maglevt ") and "commit" in out
    code, out, err = run("--help")
    assert (code, err) == (0, "") and "--uri, --path" in out and "MAGLEVT_INTERVAL" in out
