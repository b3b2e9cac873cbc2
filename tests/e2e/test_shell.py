# SPDX-License-Identifier: Apache-2.0
"""maglevc's shell, in a pseudo-terminal; and bash, completing maglevc's command lines.

What a line has become is read from the history file: it has what was entered, whatever the terminal
was told to draw."""
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import termios

import pexpect
import pytest

import cluster as cluster_module
from cluster import MAGLEVC
from processes import DEADLINE, repeatedly, wait_for

PROMPT = "maglev> "
TAB, ENTER, UP, LEFT = "\t", "\r", "\x1b[A", "\x1b[D"
CTRL_A, CTRL_C, CTRL_D, CTRL_E, CTRL_Z = "\x01", "\x03", "\x04", "\x05", "\x1a"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|[\x07\x0e\x0f]")

ODD = "it's $x; `two` words"
WIDE = "台北"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def kill(child):
    """However long that takes: pexpect's own close() gives a child a tenth of a second."""
    child.kill(signal.SIGKILL)
    child.wait()
    child.close()


class Shell:
    def __init__(self, cluster, *flags, width=100, env=None):
        self.state = cluster.dir / "state"
        self.child = pexpect.spawn(
            str(MAGLEVC), ["--server", cluster.d.grpc, *flags], encoding="utf-8", timeout=DEADLINE,
            dimensions=(24, width), echo=False,
            env={**os.environ, "TERM": "xterm", "HOME": str(cluster.dir), "NO_COLOR": "1",
                 "XDG_STATE_HOME": str(self.state), **(env or {})})
        self.banner = self.upto(PROMPT)

    @property
    def history_file(self):
        return self.state / "maglevc" / "history"

    def history(self):
        return self.history_file.read_text("utf-8").splitlines() if self.history_file.exists() else []

    def type(self, *keys):
        self.child.send("".join(keys))

    def upto(self, text):
        """What the terminal was shown up to this text, without colours and cursor movements."""
        self.child.expect_exact(text)
        return CONTROL.sub("", self.child.before).replace("\r", "")

    def shown(self, pattern):
        self.child.expect(pattern)

    def becomes(self, keys, line):
        """These keys and Enter are that line."""
        def attempt():
            n = len(self.history())
            self.type(keys, ENTER)
            wait_for(lambda: len(self.history()) > n, lambda: f"{keys!r} in the history: {self.screen()}")
            if self.history()[-1] == line:
                return True
            # Names for which the daemon takes more than a second are not offered.
            return self.run(f"once-more-{n}") is None
        repeatedly(attempt, lambda: f"{line!r} in {self.history()}", tries=3)

    def screen(self):
        return CONTROL.sub("", str(self.child.before)) + CONTROL.sub("", str(self.child.buffer))

    def run(self, line):
        """What a command prints."""
        self.type(line, ENTER)
        self.upto("\n")
        return self.upto(PROMPT)

    def end(self):
        self.child.expect(pexpect.EOF)
        self.child.wait()
        return self.child.exitstatus


def config(cluster):
    backends = {name: {"address": f"192.0.2.{i + 10}"}
                for i, name in enumerate(["web-a", "web-b", "alone", ODD, WIDE])}
    frontends = {
        "www": {"address": "203.0.113.80", "protocol": "tcp", "port": 80,
                "pools": [{"name": "primary", "backends": {"web-a": {}, "web-b": {}, ODD: {}}},
                          {"name": "fallback", "backends": {"alone": {}, WIDE: {}}}]},
        "dns": {"address": "203.0.113.53", "protocol": "udp", "port": 53,
                "pools": [{"name": "only", "backends": {"web-a": {}}}]},
    }
    return cluster.config(backends=backends, frontends=frontends,
                          checks={"http": cluster.check(), "icmp": {"type": "icmp", "interval": "1s",
                                                                   "timeout": "1s"}})


@pytest.fixture
def daemon(cluster):
    cluster.d = cluster.start_maglevd(config(cluster), api=cluster.dir / "nobody.sock")
    cluster.d.wait_log("backend-transition", count=5, to="up")
    return cluster


@pytest.fixture
def shell(daemon):
    s = Shell(daemon)
    yield s
    kill(s.child)


# Words.

@pytest.mark.parametrize("keys, line", [
    ("sh\tver\t", "show version "),
    ("sh\tfr\tw\t", "show frontends www "),
    ("sh\tba\tweb\tb\t", "show backends web-b "),
    ("sh\thea\ti\t", "show healthchecks icmp "),
    ("sh\tvp\ti\t", "show vpp info "),
    ("sh\tvp\tl\ts\t", "show vpp lb state "),
    ("sh\tvp\tl\tc\t", "show vpp lb counters "),
    ("sy\tv\tl\ts\td\t", "sync vpp lb state dns "),
    ("se\tb\tal\tp\t", "set backend alone pause "),
    ("se\tf\tw\tp\tf\tb\ta\tw\t5 f\t", "set frontend www pool fallback backend alone weight 5 flush "),
    ("c\tc\t", "config check "),
    ("w\te\tn\t1 b\tfr\t", "watch events num 1 backend frontend "),
    ("h\t", "help "),
    # The middle of a line: what is behind the cursor stays.
    (f"sh web-a{LEFT * 5}b\t", "sh backends web-a"),
])
def test_tab_completes(shell, keys, line):
    shell.becomes(keys, line)


@pytest.mark.parametrize("keys, line", [
    ("sh ba it\t", r"sh ba it\'s\ $x;\ `two`\ words "),
    ('sh ba "it\t', f'sh ba "{ODD}" '),
    ("sh ba 'it\t", "sh ba 'it'\\''s $x; `two` words' "),
    (f"sh ba {WIDE[0]}\t", f"sh ba {WIDE} "),
])
def test_tab_quotes_names(shell, keys, line):
    shell.becomes(keys, line)
    shell.shown("\nstate +up for")


def test_tab_lists(shell):
    shell.type("show v", TAB)
    assert shell.upto(PROMPT + "show v").splitlines()[1:] == ["  version  vpp"]

    def columns():
        shell.type(CTRL_C, "sh ba ", TAB, "x")
        rows = shell.upto("sh ba x").splitlines()[2:-1]
        return [re.split("  +", row.strip()) for row in rows]
    wanted = [["alone", "web-a", WIDE], [ODD, "web-b"]]  # downwards
    repeatedly(lambda: columns() == wanted, shell.screen, tries=3)
    # Only what the pool has.
    shell.type(CTRL_C)
    shell.becomes("set fr dns pool only backend \t", "set fr dns pool only backend web-a ")


def test_tab_with_nothing_to_offer_changes_nothing(shell):
    shell.becomes("show nonsense\t", "show nonsense")
    shell.becomes("nonsense foo\t", "nonsense foo")
    shell.becomes("show version \t", "show version ")


# The question mark.

def test_help_in_the_middle_of_a_line(shell):
    shell.type("show backends web-a", LEFT * 14, "?")
    text = shell.upto(PROMPT + "show backends web-a")
    for word in ("version", "frontends", "backends", "healthchecks", "vpp"):
        assert re.search(rf"^  {word} +\w", text, re.M), text
    shell.type(CTRL_E, ENTER)
    wait_for(lambda: shell.history() == ["show backends web-a"], shell.history)


def test_help_after_a_complete_word(shell):
    def shown():
        shell.type("show backends?")
        text = shell.upto(PROMPT + "show backends")
        if "no names:" not in text:
            return text
        shell.type(CTRL_C)
        return shell.upto("^C") is shell.upto(PROMPT)
    text = repeatedly(shown, "names within a second", tries=3)
    assert re.search(r"^  backends +backends and their health$", text, re.M)
    assert re.search(r"^  <name> +one backend", text, re.M)
    for name in ("alone", ODD, "web-a", "web-b", WIDE):
        assert f"\n  {name}\n" in text.replace(name + " ", name)
    assert re.search(r"^  <Enter> +backends and their health$", text, re.M)


def test_help_of_a_wrong_line_points_at_it(shell):
    shell.type("show nonsense?")
    text = shell.upto(PROMPT + "show nonsense")
    assert 'unknown word "nonsense": expected version, frontends' in text
    assert "\n  show nonsense\n       ^^^^^^^^\n" in text


def test_a_question_mark_in_quotes_is_one(shell):
    shell.becomes("show backends 'a?'", "show backends 'a?'")
    assert 'backend "a?" not found' in shell.upto(PROMPT) + shell.screen()


def test_mistakes_are_pointed_at(shell):
    assert shell.run("s b") == 'ambiguous word "s": show, set or sync\n  s b\n  ^\n'
    assert shell.run("show vpp x") == 'unknown word "x": expected info or lb\n  show vpp x\n           ^\n'
    assert shell.run("set backend alone") == (
        "incomplete command: expected pause, resume, disable or enable\n"
        "  set backend alone\n                    ^\n")
    assert shell.run("show backends nobody") == 'backend "nobody" not found\n'


# Keys.

def test_versions_come_first(shell):
    assert re.match(r"maglevc +\d.*\nmaglevd +\d.*\nstarted +\d", shell.banner)


def test_ctrl_c_clears_the_line(shell):
    shell.type("set backend alone disable", CTRL_A, CTRL_C)
    shell.upto("^C")
    shell.upto(PROMPT)
    shell.becomes("show version", "show version")


def test_ctrl_z_where_nobody_could_continue_it(shell):
    """The kernel stops no process that is nobody's job: the line is there again."""
    shell.type("show ver", CTRL_Z)
    shell.upto("\n")
    assert shell.upto("show ver").endswith(PROMPT)
    shell.becomes("sion", "show version")


def test_bytes_that_are_no_characters(shell):
    """An é of Latin-1, say, begins a character of UTF-8 that does not go on: the next key counts."""
    os.write(shell.child.child_fd, b"\xe9show \xf0\x9fv\xffersion\xc3\r")
    wait_for(lambda: shell.history() == ["show version"], lambda: shell.history())


def test_ctrl_d_leaves(shell):
    shell.type("x", CTRL_D, CTRL_A, CTRL_D, CTRL_D)
    assert shell.end() == 0


@pytest.mark.parametrize("word", ["quit", "exit", "q"])
def test_quit(shell, word):
    shell.type(word, ENTER)
    assert shell.end() == 0


def test_the_terminal_is_left_as_it_was(daemon):
    """Also when the shell is told to end."""
    parent, child = os.openpty()
    before = termios.tcgetattr(child)
    p = subprocess.Popen([str(MAGLEVC), "--server", daemon.d.grpc], stdin=child, stdout=child,
                         stderr=child, env={**os.environ, "TERM": "xterm", "HOME": str(daemon.dir)},
                         start_new_session=True)
    shown = b""
    while PROMPT.encode() not in shown:
        shown += os.read(parent, 4096)
    wait_for(lambda: termios.tcgetattr(child) != before, "the terminal to be changed")
    p.terminate()
    assert p.wait(DEADLINE) == -signal.SIGTERM
    assert termios.tcgetattr(child) == before
    os.close(parent)
    os.close(child)


def test_resize(shell):
    shell.type("set frontend www po")
    shell.upto("www po")
    for width in (30, 120, 60):
        shell.child.setwinsize(24, width)
        shell.upto(PROMPT)
    shell.becomes(f"\tf\tb\tal\t{CTRL_A}{CTRL_E}w\t7", "set frontend www pool fallback backend alone weight 7")
    text = shell.upto(PROMPT)
    assert re.search(r"alone +up +7 ", text), text


def test_history_lasts(daemon):
    one = Shell(daemon)
    one.run("show version")
    one.run("show version")
    one.run("show backends nobody")
    one.type(CTRL_D)
    assert one.end() == 0
    assert one.history() == ["show version", "show backends nobody"]
    assert stat.S_IMODE(one.history_file.stat().st_mode) == 0o600
    two = Shell(daemon)
    two.type(UP, UP, ENTER)
    two.shown("maglevd  ")
    two.upto(PROMPT)
    two.type("\x12nobody", ENTER)  # Ctrl-R
    two.shown('backend "nobody" not found')
    two.upto(PROMPT)
    two.type("quit", ENTER)
    assert two.end() == 0
    assert two.history()[2:] == ["show version", "show backends nobody", "quit"]


def test_a_history_that_cannot_be_kept_is_no_failure(daemon):
    s = Shell(daemon, env={"XDG_STATE_HOME": "/proc/nowhere"})
    assert "maglevd" in s.run("show version")
    s.type(UP, ENTER)
    s.shown("maglevd  ")
    s.type(CTRL_D)
    assert s.end() == 0


# The daemon.

def test_the_daemon_goes_and_returns(daemon):
    s = Shell(daemon)
    path = daemon.d.config
    assert daemon.d.stop() == 0
    assert s.run("show version").splitlines()[1].startswith("cannot reach unix:")
    s.type("show backends ?")
    assert "no names:  cannot reach unix:" in s.upto(PROMPT + "show backends ")
    s.type(CTRL_C)
    grpc = daemon.d.grpc.removeprefix("unix:")
    daemon.d = daemon.start_maglevd(path, "--grpc-addr", f"unix:{grpc}", api=daemon.dir / "nobody.sock",
                                    ready=False)
    wait_for(lambda: cluster_module.can_connect(grpc), "maglevd to be back")
    s.upto(PROMPT)
    assert "web-a" in s.run("show backends web-a")
    s.becomes("sh ba al\t", "sh ba alone ")
    kill(s.child)


def test_a_restart_between_two_commands_goes_unnoticed(daemon):
    s = Shell(daemon)
    assert "web-a" in s.run("show backends")
    grpc, path = daemon.d.grpc, daemon.d.config
    assert daemon.d.stop() == 0
    daemon.d = daemon.start_maglevd(path, "--grpc-addr", grpc, api=daemon.dir / "nobody.sock", ready=False)
    wait_for(lambda: cluster_module.can_connect(grpc.removeprefix("unix:")), "maglevd to be back")
    assert "web-a" in s.run("show backends")
    kill(s.child)


def test_ctrl_c_gives_up_a_command_that_waits(daemon):
    s = Shell(daemon, "--timeout", "10m")
    daemon.d.signal(signal.SIGSTOP)
    try:
        s.type("show backends", ENTER)
        s.upto("\n")
        s.type(CTRL_C)
        s.shown("interrupted")
        s.upto(PROMPT)
        # Names are waited for no longer than a second.
        s.type("show backends ?")
        assert "within 1s" in s.upto(PROMPT + "show backends ")
        s.type(CTRL_C)
    finally:
        daemon.d.signal(signal.SIGCONT)
    s.upto(PROMPT)
    assert "web-a" in s.run("show backends")
    kill(s.child)


# Watching.

@pytest.mark.parametrize("key", ["x", CTRL_C, UP])
def test_watch_until_a_key(daemon, key):
    s = Shell(daemon)
    s.type("watch events backend", ENTER)
    s.shown(r"\{\"backend\":\{\"backendName\":\"web-b\"[^\r\n]*\}\r\n")  # a carriage return: as terminals want
    daemon.d.ctl("set", "backend", "alone", "pause")
    s.shown(r"\{\"backend\":\{\"backendName\":\"alone\",[^\r\n]*\"to\":\"paused\"[^\r\n]*\}\r\n")
    s.type(key)
    s.upto(PROMPT)
    s.becomes("sh ver\t", "sh version ")  # the key is not part of the next line
    kill(s.child)


def test_watch_counts(daemon):
    p = daemon.d.ctl("watch", "events", "num", "3", "backend")
    events = [json.loads(line) for line in p.stdout.splitlines()]
    assert [list(e) for e in events] == [["backend"]] * 3
    p = daemon.d.ctl("watch", "events", "frontend", "num", "2")
    assert sorted(json.loads(line)["frontend"]["frontendName"] for line in p.stdout.splitlines()) == [
        "dns", "www"]


def test_watch_ends_with_the_daemon_or_the_reader(daemon):
    argv = [str(MAGLEVC), "--server", daemon.d.grpc, "watch", "events", "backend"]
    watch = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    closed = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    interrupted = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    for p in (watch, closed, interrupted):
        for _ in range(5):
            json.loads(p.stdout.readline())
    closed.stdout.close()
    assert closed.wait(DEADLINE) == 0  # though nothing happens that it could write
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(DEADLINE) == 0
    assert daemon.d.stop() == 0
    out, err = watch.communicate(timeout=DEADLINE)
    assert (watch.returncode, out, err) == (1, "", "shutting down\n")


# Without a terminal.

def test_piped(daemon):
    p = subprocess.run([str(MAGLEVC), "--server", daemon.d.grpc],
                       input="show backends alone\nset backend alone pause\n\nshow frontends\n",
                       capture_output=True, text=True, timeout=DEADLINE)
    assert (p.returncode, p.stderr) == (0, "")
    assert p.stdout.startswith("maglevc  ")
    assert "\x1b" not in p.stdout and PROMPT not in p.stdout
    assert "alone: paused\n" in p.stdout and "203.0.113.53" in p.stdout


def test_output_piped_at_a_terminal(daemon):
    """No prompt and no colour in what another program reads."""
    out = daemon.dir / "out"
    child = pexpect.spawn("/bin/sh", ["-c", f'"$0" --server "$1" > {out}', str(MAGLEVC), daemon.d.grpc],
                          encoding="utf-8", timeout=DEADLINE)
    child.send("show backends\r")
    wait_for(lambda: "web-b" in out.read_text(), "the table")
    child.sendeof()
    child.expect(pexpect.EOF)
    assert "\x1b" not in out.read_text() and PROMPT not in out.read_text()


def test_colour_at_a_terminal(daemon):
    s = Shell(daemon, env={"NO_COLOR": ""})
    s.type("show backends", ENTER)
    s.shown(r"\x1b\[34mname\x1b\[0m")
    s.shown(r"\x1b\[32mup\x1b\[0m")
    s.upto(PROMPT)
    s.type("nonsense", ENTER)
    s.shown(r'\x1b\[31munknown word "nonsense"')
    kill(s.child)


# Bash.

@pytest.fixture
def bash(daemon):
    # Completes as maglevc does, and shows what it would be called with.
    bin_dir = daemon.dir / "bin"
    bin_dir.mkdir()
    fake = bin_dir / "maglevc"
    fake.write_text(f'#!/bin/sh\n[ "$1" = __complete ] && exec "{MAGLEVC}" "$@"\n'
                    'printf "<%s>" "$@"; echo "<end>"\n')
    fake.chmod(0o755)
    child = pexpect.spawn("/bin/bash", ["--norc", "--noprofile"], encoding="utf-8", timeout=DEADLINE,
                          dimensions=(24, 200),
                          env={**os.environ, "TERM": "dumb", "PS1": "$ ", "HOME": str(daemon.dir),
                               "INPUTRC": "/dev/null", "MAGLEV_SERVER": daemon.d.grpc,
                               "PATH": f"{bin_dir}:{os.environ['PATH']}"})
    child.send(f"source {ROOT}/contrib/completion/maglevc.bash; echo rea''dy\r")
    child.expect_exact("ready")
    yield child
    kill(child)


@pytest.mark.parametrize("keys, words", [
    ("sh\tba\tweb-a\t", ["show", "backends", "web-a"]),
    ("sh fr\tw\t", ["sh", "frontends", "www"]),
    ("show ba it\t", ["show", "ba", ODD]),
    ('sh ba "it\t', ["sh", "ba", ODD]),
    (f"sh ba {WIDE[0]}\t", ["sh", "ba", WIDE]),
    ("set fr dns po\to\tb\tw\tw\t3", ["set", "fr", "dns", "pool", "only", "backend", "web-a", "weight", "3"]),
    ("--js\tsh ver\t", ["--json", "sh", "version"]),
    ("watch events log lev\tw\tba\t", ["watch", "events", "log", "level", "warn", "backend"]),
])
def test_bash_completes(bash, keys, words):
    def completed():
        bash.send(f"maglevc {keys}\r")
        bash.expect_exact("<end>")
        return bash.before.endswith("".join(f"<{w}>" for w in words))
    repeatedly(completed, lambda: bash.before, tries=3)


def test_bash_asks_the_daemon_that_the_line_names(bash):
    bash.send("unset MAGLEV_SERVER; S=x\r")
    bash.send("maglevc --server unix:/nonexistent sh ba al\t\r")
    bash.expect_exact("<sh><ba><al><end>")
