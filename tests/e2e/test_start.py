# SPDX-License-Identifier: Apache-2.0
"""maglevd's outside: --check, --version, flags, environment, signals, what stops it from starting."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from cluster import LBSIM, MAGLEVC, MAGLEVD, ROOT, frontend
from processes import DEADLINE, wait_for


def run(*argv, env=None):
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=DEADLINE, env={**os.environ, **(env or {})})


@pytest.mark.parametrize("program", [MAGLEVD, MAGLEVC, LBSIM], ids=lambda p: p.name)
def test_version(program):
    p = run(program, "--version")
    assert p.returncode == 0
    words = p.stdout.split()
    assert words[:2] == [program.name, "2.0.0"] and "(commit" in words and "built" in words
    assert p.stdout.strip().endswith("Z)")


@pytest.mark.parametrize("program", [MAGLEVD, MAGLEVC, LBSIM], ids=lambda p: p.name)
def test_help_and_unknown_flags(program):
    p = run(program, "--help")
    assert p.returncode == 0 and "--" in p.stdout
    p = run(program, "--nonsense")
    assert p.returncode == 2 and "nonsense" in p.stderr


# --check

@pytest.fixture
def static(cluster):
    """A configuration that needs no server."""
    return cluster.config(backends={"s": {"address": "198.51.100.1"}}, checks={})


def check(cluster, config):
    return run(MAGLEVD, "--check", "--config", cluster.write_config(config))


def test_check_ok(cluster, static):
    p = check(cluster, static)
    assert (p.returncode, p.stdout.strip(), p.stderr) == (0, "config ok", "")


def test_the_readmes_example_is_ok(cluster):
    text = (ROOT / "README.md").read_text().split("```yaml\n")[1].split("```")[0]
    p = check(cluster, text)
    assert (p.returncode, p.stdout.strip(), p.stderr) == (0, "config ok", "")


def test_check_warns_and_is_ok(cluster, static):
    static["maglev"]["backends"]["idle"] = {"address": "198.51.100.2"}
    p = check(cluster, static)
    assert (p.returncode, p.stdout.strip()) == (0, "config ok")
    assert "idle" in p.stderr


@pytest.mark.parametrize("text, wanted", [
    ("maglev: [\n", "maglev.yaml:"),
    ("maglev:\n  nonsense: 1\n", "maglev.yaml:2:3"),
    ("maglev:\n  vpp: {}\n  vpp: {}\n", "maglev.yaml:3:3"),
    ("maglev:\n  healthchecks:\n    x: { type: tcp, port: 1, interval: 5 }\n", "maglev.yaml:3:"),
    ("\xff\xfe", "maglev.yaml"),
], ids=["not-yaml", "unknown-key", "duplicate-key", "bare-number", "not-utf8"])
def test_check_parse_errors(cluster, text, wanted):
    path = cluster.dir / "maglev.yaml"
    path.write_bytes(text.encode("latin-1"))
    p = run(MAGLEVD, "--check", "--config", path)
    assert p.returncode == 1 and wanted in p.stderr and "config ok" not in p.stdout


def test_check_semantic_errors_all_at_once(cluster, static):
    www = static["maglev"]["frontends"]["www"]
    www["pools"][0]["backends"]["ghost"] = {}
    www["pools"][0]["backends"]["s"]["weight"] = 101
    static["maglev"]["frontends"]["twin"] = frontend({"p": {"s": 1}})
    p = check(cluster, static)
    assert p.returncode == 2
    for wanted in ("ghost", "weight", "twin"):
        assert wanted in p.stderr
    assert all("maglev.yaml:" in line for line in p.stderr.splitlines())


@pytest.mark.parametrize("what", ["missing", "directory"])
def test_check_no_file(cluster, what):
    path = cluster.dir / "conf"
    if what == "directory":
        path.mkdir()
    p = run(MAGLEVD, "--check", "--config", path)
    assert p.returncode == 1 and str(path) in p.stderr


# What stops it from starting.

def start_and_fail(cluster, config, *flags):
    """The exit code and the log of a maglevd that must not start."""
    d = cluster.start_maglevd(config, *flags, api="", ready=False)
    code = d.wait()
    return code, d


def test_a_directory_as_config(cluster):
    path = cluster.dir / "conf"
    path.mkdir()
    code, d = start_and_fail(cluster, path)
    assert code == 1 and str(path) in d.stderr_text()
    assert any(r["level"] == "ERROR" and str(path) in str(r) for r in d.records())


def test_a_broken_config_is_said_on_stderr_and_in_the_log(cluster, static):
    static["maglev"]["frontends"]["www"]["pools"][0]["backends"]["ghost"] = {}
    code, d = start_and_fail(cluster, static)
    assert code == 2 and "ghost" in d.stderr_text()
    assert any(r["level"] == "ERROR" and "ghost" in str(r) for r in d.records())


def test_a_port_in_use(cluster, static):
    address = cluster.address(250)
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        code, d = start_and_fail(cluster, static, "--grpc-addr", f"{address}:{port}")
        assert code == 1 and f"{address}:{port}" in d.stderr_text()
        assert any(r["level"] == "ERROR" and f"{address}:{port}" in str(r) for r in d.records())


def test_two_daemons_do_not_share_a_port(cluster, static):
    address = cluster.address(250)
    with socket.create_server((address, 0)) as s:
        port = s.getsockname()[1]
    first = cluster.start_maglevd(static, "--grpc-addr", f"{address}:{port}", api="", ready=False)
    first.wait_log("grpc-listening")
    code, d = start_and_fail(cluster, static, "--grpc-addr", f"{address}:{port}")
    assert code == 1 and str(port) in d.stderr_text()
    assert first.running()


# Flags and environment.

def test_flags_win_over_the_environment(cluster, static):
    d = cluster.start_maglevd(static, api="", env={"MAGLEV_GRPC_ADDR": "unix:/nonexistent/x",
                                                   "MAGLEV_LOG_LEVEL": "error"})
    assert d.records("starting")


def test_the_environment_alone(cluster, static):
    path = cluster.write_config(static)
    grpc = cluster.dir / "env.grpc"
    env = {"MAGLEV_CONFIG": str(path), "MAGLEV_GRPC_ADDR": f"unix:{grpc}", "MAGLEV_VPP_API_ADDR": "",
           "MAGLEV_METRICS_ADDR": ""}
    p = subprocess.Popen([MAGLEVD], stdout=subprocess.DEVNULL, env={**os.environ, **env})
    try:
        wait_for(grpc.exists, "the socket of the environment")
        shown = wait_for(lambda: run(MAGLEVC, "show", "backends", env={"MAGLEV_SERVER": f"unix:{grpc}"}
                                     ).stdout, "an answer")
        assert "198.51.100.1" in shown
        assert grpc.stat().st_mode & 0o777 == 0o660
        p.send_signal(signal.SIGTERM)
        assert p.wait(DEADLINE) == 0
    finally:
        p.kill()


@pytest.mark.parametrize("flags", [("-log-level", "warn"), ("--log-level=warn",), ("-log-level=warn",)])
def test_forms_of_flags(cluster, static, flags):
    d = cluster.start_maglevd(static, *flags, api="")
    assert all(r["level"] in ("WARN", "ERROR") for r in d.records())


# The log and the signals.

def test_the_log(cluster, static):
    d = cluster.start_maglevd(static, api="")
    first = d.records()[0]
    assert (first["msg"], first["level"], first["version"]) == ("starting", "INFO", "2.0.0")
    assert {"commit", "date"} <= set(first)
    for r in d.records():
        assert list(r)[:3] == ["time", "level", "msg"]
        assert len(r["time"]) == len("2026-11-20T09:55:00.123456789Z") and r["time"].endswith("Z")
    assert [r["msg"] for r in d.records() if r["msg"].startswith("config-check")] == [
        "config-check-start", "config-check-done"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_graceful_stop(cluster, static, number):
    d = cluster.start_maglevd(static, api="")
    d.signal(number)
    assert d.wait() == 0


def test_sigpipe_is_ignored(cluster, static):
    d = cluster.start_maglevd(static, api="")
    d.wait_state("s", "up")
    d.signal(signal.SIGPIPE)
    assert d.backend("s")["state"] == "up"


def test_readiness_is_told_to_the_service_manager(cluster, static):
    path = cluster.dir / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(path))
        s.settimeout(DEADLINE)
        told = []

        def until(word):
            end = time.monotonic() + DEADLINE
            while not any(word in t for t in told):
                assert time.monotonic() < end, f"{word} not among {told}"
                told.append(s.recv(4096).decode())
        d = cluster.start_maglevd(static, api="", env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "2000000"})
        until("READY=1")
        until("STATUS=")
        until("WATCHDOG=1")
        told.clear()
        d.reload()
        until("RELOADING=1")
        until("READY=1")
        assert d.stop() == 0
        until("STOPPING=1")


def test_every_line_of_the_log_is_json(cluster, static):
    d = cluster.start_maglevd(static, api="")
    d.ctl("show", "backends")
    assert d.stop() == 0
    for line in d.stdout_text().splitlines():
        assert isinstance(json.loads(line), dict)
