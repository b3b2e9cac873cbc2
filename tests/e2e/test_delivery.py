# SPDX-License-Identifier: Apache-2.0
"""What is delivered beside the programs: units, the example configuration, images, alerts and the
dashboard for Grafana. (The packages as such are tried by `make test-deb`.)"""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from cluster import BIN, MAGLEVD, ROOT

CONTRIB = ROOT / "contrib"
UNITS = {"vpp-maglev": 2.0, "vpp-maglev-frontend": 1.5}  # the exposure that each may have, at most
PROGRAMS = {"vpp-maglev": "maglevd", "vpp-maglev-frontend": "maglevd-frontend"}
WITH_FLAGS = ("maglevd", "maglevd-frontend", "maglev-lbsim", "maglevt")


def need(program):
    if not shutil.which(program):
        pytest.skip(f"no {program} here")


def run(*argv, **kwargs):
    return subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **kwargs)


def environment_of(program):
    """The variables that its --help names."""
    return set(re.findall(r"\bMAGLEV_[A-Z_]+", run(BIN / program, "--help").stdout))


# ---- units

@pytest.fixture(params=UNITS)
def unit(request, tmp_path):
    """The unit as it is installed, with the programs of this build."""
    text = (CONTRIB / "systemd" / f"{request.param}.service.in").read_text()
    path = tmp_path / f"{request.param}.service"
    path.write_text(text.replace("@sbindir@", str(BIN)))
    return path


def settings(unit):
    return re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE)


def test_a_unit_verifies(unit):
    need("systemd-analyze")
    p = run("systemd-analyze", "verify", "--man=no", unit)
    assert p.returncode == 0 and unit.name not in p.stdout, p.stdout


def test_a_unit_is_hardened(unit):
    need("systemd-analyze")
    p = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    if "unrecognized option" in p.stdout:
        pytest.skip("this systemd-analyze judges running units alone")
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", p.stdout).group(1))
    assert exposure <= UNITS[unit.stem], p.stdout


def test_capabilities_are_the_daemons_alone(unit):
    caps = {k: set(v.split()) for k, v in settings(unit) if k in ("AmbientCapabilities", "CapabilityBoundingSet")}
    wanted = {"CAP_NET_RAW", "CAP_SYS_ADMIN"} if unit.stem == "vpp-maglev" else set()
    assert caps == {"AmbientCapabilities": wanted, "CapabilityBoundingSet": wanted}


def test_a_unit_reads_the_environment_file(unit):
    assert ("EnvironmentFile", "-/etc/default/vpp-maglev") in settings(unit)
    assert dict(settings(unit))["User"] == "maglevd"


def under(unit, *argv):
    """Under the unit's filters; skipped where they cannot be made."""
    need("systemd-analyze")
    if BIN.parent.name == "confined":
        pytest.skip("all programs are under their filters in this run (make e2e-confined)")
    if run("/usr/bin/python3", "-c", "import seccomp").returncode != 0:
        pytest.skip("no python3-seccomp here")
    return run(ROOT / "tools" / "under-unit", unit, *argv)


def test_programs_run_under_the_units_filters(unit):
    p = under(unit, BIN / PROGRAMS[unit.stem], "--version")
    assert p.returncode == 0 and "2.0.0" in p.stdout


def test_the_filters_stop_what_they_are_to_stop(unit):
    probe = "import ctypes, os, sys; libc = ctypes.CDLL(None, use_errno=True); r = {}; print(ctypes.get_errno() if r < 0 else 'ok')"
    for call, wanted in {"libc.socket(16, 3, 0)": "97", "libc.socket(2, 1, 0)": "ok", "libc.unshare(0x20000)": "1",
                         "libc.setns(0, 0x20000)": "1"}.items():
        p = under(unit, "/usr/bin/python3", "-c", probe.format(call))
        assert p.stdout.strip() == wanted, call
    # Into a network namespace the daemon may go, and gets as far as "that is no namespace".
    p = under(unit, "/usr/bin/python3", "-c", probe.format("libc.setns(0, 0x40000000)"))
    assert p.stdout.strip() == ("22" if unit.stem == "vpp-maglev" else "1")
    p = under(unit, "/usr/bin/python3", "-c", probe.format("libc.mount(0, 0, 0, 0, 0)"))
    assert p.returncode == -signal.SIGSYS


# ---- the example configuration

def test_the_example_configuration_is_one():
    p = run(MAGLEVD, "--check", "--config", CONTRIB / "etc" / "maglev.yaml")
    assert p.stdout == "config ok\n" and p.returncode == 0


def test_the_environment_file_knows_each_variable_and_no_other():
    text = (CONTRIB / "etc" / "vpp-maglev.default").read_text()
    seen = set(re.findall(r"^#?(MAGLEV_\w+)=", text, re.MULTILINE))
    daemon = environment_of("maglevd")
    assert daemon <= seen, daemon - seen
    # The dashboard's flags are easier to write as such; its login is not for a command line.
    assert seen - daemon == {"MAGLEV_ARGS", "MAGLEV_FRONTEND_ARGS", "MAGLEV_FRONTEND_USER", "MAGLEV_FRONTEND_PASSWORD"}


def test_the_environment_file_says_the_defaults():
    text = (CONTRIB / "etc" / "vpp-maglev.default").read_text()
    shown = run(MAGLEVD, "--help").stdout
    for name, value in re.findall(r"^#?(MAGLEV_\w+)=(.+)$", text, re.MULTILINE):
        described = re.search(rf"\(default (\S+); environment\s+{name}\)", re.sub(r"\s+", " ", shown))
        assert (described.group(1) if described else "false") == value, name


# ---- installing

def test_install_puts_everything_in_its_place(tmp_path):
    build = BIN.parent
    if not (build / "build.ninja").exists():
        pytest.skip("the programs are not in a build directory")
    need("meson")

    def install():
        p = run("meson", "install", "-C", build, "--no-rebuild", "--destdir", tmp_path)
        assert p.returncode == 0, p.stdout
    install()
    at = lambda name: tmp_path / "usr/local" / name
    for name in ("sbin/maglevd", "sbin/maglevd-frontend", "sbin/maglev-lbsim", "bin/maglevc", "bin/maglevt",
                 "lib/systemd/system/vpp-maglev.service", "lib/systemd/system/vpp-maglev-frontend.service",
                 *(f"share/bash-completion/completions/{p}" for p in ("maglevc", *WITH_FLAGS)), "share/man/man1/maglevc.1", "share/man/man1/maglevt.1",
                 "share/man/man8/maglevd.8", "share/man/man8/maglevd-frontend.8", "share/man/man8/maglev-lbsim.8"):
        assert at(name).is_file(), name
    assert "ExecStart=/usr/local/sbin/maglevd " in at("lib/systemd/system/vpp-maglev.service").read_text()
    assert (tmp_path / "etc/default/vpp-maglev").stat().st_mode & 0o777 == 0o640
    mine = tmp_path / "etc/vpp-maglev/maglev.yaml"
    mine.write_text("mine\n")
    install()
    assert mine.read_text() == "mine\n"


def test_the_packages_have_the_projects_version():
    meson = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text()).group(1)
    assert (ROOT / "debian" / "changelog").read_text().startswith(f"vpp-maglev ({meson}) ")


# ---- completion by bash

def completed(*words):
    """What bash offers for the last word. As bash-completion does it, the file is read within a function."""
    script = r'''read_it() { . "$0"; }; read_it
compopt() { COMPREPLY=(files); }
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_vpp_maglev "$1"; (IFS=$'\n'; echo "${COMPREPLY[*]}")'''
    p = run("bash", "-c", script, CONTRIB / "completion" / "flags.bash", *words)
    assert p.returncode == 0, p.stdout
    return p.stdout.split()


def flags_of(program):
    """{flag: (what its value is called, its help)}, from --help."""
    told = re.split(r"^  (?=--)", run(BIN / program, "--help").stdout.split("\nenvironment:")[0], flags=re.MULTILINE)[1:]
    ret = {}
    for text in told:
        first, rest = text.split("\n", 1)
        names, arg = re.fullmatch(r"(--[\w-]+(?:, --[\w-]+)*) ?(.*)", first).groups()
        ret.update({n: (arg, " ".join(rest.split())) for n in names.split(", ")})
    assert {"--version", "--help"} < set(ret)
    return ret


@pytest.mark.parametrize("program", WITH_FLAGS)
def test_bash_knows_each_flag_and_no_other(program):
    assert sorted(completed(program, "")) == sorted(flags_of(program))
    assert completed(f"/usr/sbin/{program}", "--hel") == completed(program, "-hel") == ["--help"]


@pytest.mark.parametrize("program", WITH_FLAGS)
def test_bash_knows_what_a_flags_value_is(program):
    for flag, (arg, told) in flags_of(program).items():
        values = completed(program, flag, "=", "")
        if not arg:
            assert values == ["true", "false"], flag
            assert completed(program, flag, "") == completed(program, ""), flag  # the next flag
            continue
        assert values == completed(program, flag, "=") == completed(program, flag[1:], "")
        if values not in ([], ["files"]):
            assert f': {", ".join(values)} (default' in told, flag
            assert completed(program, flag, values[0][:2])[0] == values[0]
        else:
            assert (values == ["files"]) == (arg in ("FILE", "PATH") and flag not in ("--uri", "--path")), flag
            assert not re.search(r": \w+, \w+[\w, ]* \(default", told), flag


# ---- images

def compose():
    yaml = pytest.importorskip("yaml", reason="python3-yaml is not installed")
    return yaml.safe_load((ROOT / "docker" / "docker-compose.yaml").read_text())


def test_compose_and_its_environment_agree():
    text = (ROOT / "docker" / "docker-compose.yaml").read_text()
    used = set(re.findall(r"\$\{(\w+)", text))
    told = set(re.findall(r"^#?(\w+)=", (ROOT / "docker" / ".env.example").read_text(), re.MULTILINE))
    assert used == told
    for name, default in re.findall(r"^#(\w+)=(.*)$", (ROOT / "docker" / ".env.example").read_text(), re.MULTILINE):
        if name not in ("MAGLEV_IMAGE_PREFIX", "VPP_GID"):  # those say nothing, or give an example
            assert re.search(rf"\$\{{{name}:?-{re.escape(default)}\}}", text), name


def test_compose_services_are_what_the_programs_know():
    services = compose()["services"]
    assert {n: s["profiles"] for n, s in services.items()} == {"maglevd": ["maglevd"], "frontend": ["frontend"]}
    known = {"maglevd": environment_of("maglevd") | environment_of("maglevc"), "frontend": environment_of("maglevd-frontend")
             | {"MAGLEV_FRONTEND_USER", "MAGLEV_FRONTEND_PASSWORD"}}
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    for name, service in services.items():
        assert set(service["environment"]) <= known[name]
        assert f" AS {service['build']['target']}\n" in dockerfile
    # One socket that both see: it is what lets the dashboard change things.
    socket = services["maglevd"]["environment"]["MAGLEV_GRPC_ADDR"]
    assert socket in services["frontend"]["environment"]["MAGLEV_FRONTEND_SERVERS"]
    assert all(any(v == "sockets:/run/maglev" for v in s["volumes"]) for s in services.values())


# ---- observability

def families():
    """{name: (type, labels)} of docs/metrics.md, which is made of the table in the source."""
    ret = {}
    for line in (ROOT / "docs" / "metrics.md").read_text().splitlines():
        m = re.match(r"\| `(\w+)` \| (\w+) \| [^|]* \| ([^|]*) \|", line)
        if m:
            ret[m[1]] = (m[2], set(re.findall(r"`(\w+)`", m[3])))
    assert len(ret) > 30
    return ret


def check_expression(expr):
    """Each metric exists, and each label that selects or groups is one of its labels."""
    known, used = families(), set()
    for name, selector in re.findall(r"\b((?:maglev|grpc|process)_\w+)\b(?!\s*=)(?:\{([^}]*)\})?", re.sub(r"by \([^)]*\)", "", expr)):
        if name in ("grpc_service", "grpc_method", "grpc_code", "grpc_type"):
            continue
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        family = name if name in known else base
        assert family in known, f"no metric {name} ({expr})"
        kind, labels = known[family]
        assert (family == name) != (kind == "histogram"), f"{name} of a {kind}"
        labels = labels | {"job", "instance"} | ({"le"} if kind == "histogram" else set())
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        assert asked <= labels, f"{name} has no {asked - labels} ({expr})"
        used |= labels
    for group in re.findall(r"by \(([^)]*)\)", expr):
        assert set(re.findall(r"\w+", group)) <= used, expr


def dashboard():
    return json.loads((CONTRIB / "grafana" / "vpp-maglev.json").read_text())


def expressions(board):
    for panel in board["panels"]:
        for t in panel.get("targets", []):
            yield t["expr"]
    yield from (a["expr"] for a in board["annotations"]["list"] if "expr" in a)
    for v in board["templating"]["list"]:
        if v["type"] == "query":
            yield re.match(r"label_values\((.*), \w+\)", v["definition"]).group(1)


def test_the_dashboard_asks_for_metrics_that_exist():
    found = list(expressions(dashboard()))
    assert len(found) > 30
    for expr in found:
        check_expression(expr)


def test_the_dashboard_leaves_no_metric_out():
    """Those of gRPC and of the process are known well enough to be chosen from."""
    shown = " ".join(expressions(dashboard()))
    missing = [n for n in families() if n.startswith("maglev_") and n not in shown]
    assert missing == ["maglev_backend_enabled"]  # a state says the same


def test_panels_have_names_and_places_of_their_own():
    panels = dashboard()["panels"]
    assert len({p["id"] for p in panels}) == len(panels)
    cells = [(x, y) for p in panels for x in range(p["gridPos"]["x"], p["gridPos"]["x"] + p["gridPos"]["w"])
             for y in range(p["gridPos"]["y"], p["gridPos"]["y"] + p["gridPos"]["h"])]
    assert len(cells) == len(set(cells)) and max(x for x, _ in cells) < 24
    assert all(p["title"] for p in panels)


def test_prometheus_understands_the_dashboards_expressions(tmp_path):
    need("promtool")
    variables = {"$job": ".*", "$instance": ".*", "$frontend": ".*", "$backend": ".*", "$__rate_interval": "1m"}
    rules = []
    for i, expr in enumerate(expressions(dashboard())):
        for name, value in variables.items():
            expr = expr.replace(name, value)
        rules.append({"record": f"x{i}", "expr": expr})
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "x", "rules": rules}]}))
    p = run("promtool", "check", "rules", path)
    assert p.returncode == 0 and f"{len(rules)} rules found" in p.stdout, p.stdout


def alerts():
    yaml = pytest.importorskip("yaml", reason="python3-yaml is not installed")
    return [r for g in yaml.safe_load((CONTRIB / "prometheus" / "vpp-maglev.rules.yaml").read_text())["groups"]
            for r in g["rules"]]


def test_alerts_ask_for_metrics_that_exist():
    for rule in alerts():
        check_expression(rule["expr"])


def test_each_alert_has_a_case_when_it_fires_and_one_when_it_does_not():
    yaml = pytest.importorskip("yaml", reason="python3-yaml is not installed")
    cases = yaml.safe_load((CONTRIB / "prometheus" / "vpp-maglev.test.yaml").read_text())["tests"]
    tried = {(t["alertname"], bool(t["exp_alerts"])) for c in cases for t in c["alert_rule_test"]}
    several = {"MaglevBackendFlapping"}  # one case has both
    assert {r["alert"] for r in alerts()} == {name for name, fires in tried if fires}
    assert {r["alert"] for r in alerts()} - several <= {name for name, fires in tried if not fires}


def test_alert_rules_pass_promtool():
    need("promtool")
    where = CONTRIB / "prometheus"
    p = run("promtool", "check", "rules", where / "vpp-maglev.rules.yaml")
    assert p.returncode == 0, p.stdout
    p = run("promtool", "test", "rules", where / "vpp-maglev.test.yaml", env={**os.environ, "TZ": "UTC"})
    assert p.returncode == 0 and "SUCCESS" in p.stdout, p.stdout


# ---- the Makefile

def test_the_makefile_has_what_is_promised():
    shown = run("make", "-s", "-C", ROOT, "help").stdout
    for target in ("demo test install install-deps lint fixstyle sanitize fuzz bench coverage pkg-deb docker docker-push e2e "
                   "robot-test build-amd64 build-arm64 proto fixstyle-web test-vpp help test-deb").split():
        assert re.search(rf"^  make {target} ", shown, re.MULTILINE), target


# ---- build directories

@pytest.mark.parametrize("name, kept", [("pkg", True), ("holiday-pictures", False)])
def test_a_build_directory_is_not_anybodys(tmp_path, name, kept):
    """Built into beside packages; never where there is something else."""
    (tmp_path / name).mkdir()
    (tmp_path / "one.deb").write_text("whole")
    p = subprocess.run([ROOT / "tools" / "build-variant", "--setup", tmp_path, "gcc"], cwd=ROOT,
                       capture_output=True, text=True)
    assert (p.returncode == 0) == kept, p.stdout + p.stderr
    assert kept or p.stderr == f"{tmp_path} exists and is no build directory\n"
    assert (tmp_path / "one.deb").read_text() == "whole" and (tmp_path / name).is_dir()
    assert (tmp_path / "build.ninja").is_file() == kept
