# SPDX-License-Identifier: Apache-2.0
"""The packages in a fresh Debian: installed, upgraded, removed, purged; the units do what they say.

Booted roots have a systemd of their own; the tests that need none run for every architecture, by
emulation if need be. maglev-lbsim is VPP, behind sockets that only the group vpp may use, as VPP's are."""
import json
import subprocess

import pytest

import oldgo

CONFIG = "/etc/vpp-maglev/maglev.yaml"
UNIT, FRONTEND = "vpp-maglev.service", "vpp-maglev-frontend.service"

# maglevd's own metrics port and the dashboard's /healthz are the servers that are checked.
WORLD = """\
maglev:
  healthchecker: {{ {netns} }}
  vpp: {{ lb: {{ ipv4-src-address: 192.0.2.1, ipv6-src-address: "2001:db8::1", sync-interval: 1s,
                 startup-min-delay: 100ms, startup-max-delay: 3s }} }}
  healthchecks:
    ping: {{ type: icmp, interval: 200ms, timeout: 1s, rise: 1, fall: 2 }}
    web: {{ type: http, port: 9091, interval: 200ms, timeout: 1s, rise: 1, fall: 2, params: {{ path: /metrics }} }}
  backends:
    pinged: {{ address: {address}, healthcheck: ping }}
    asked: {{ address: 127.0.0.1, healthcheck: web }}
  frontends:
    www: {{ address: 203.0.113.80, protocol: tcp, port: 80,
            pools: [ {{ name: primary, backends: {{ pinged: {{}}, asked: {{}} }} }} ] }}
"""


def world(address="127.0.0.2", netns=""):
    return WORLD.format(address=address, netns=f"netns: {netns}" if netns else "")


def start_vpp(system):
    system.run("systemd-run", "-q", "--unit=vpp", "-p", "Group=vpp", "-p", "UMask=0007", "-p", "RuntimeDirectory=vpp",
               "-p", "RuntimeDirectoryMode=0750", "/usr/sbin/maglev-lbsim", "--api-socket", "/run/vpp/api.sock",
               "--stats-socket", "/run/vpp/stats.sock", "--journal", "/run/vpp/journal")
    system.wait(lambda: system.try_("test", "-S", "/run/vpp/api.sock").returncode == 0, "the VPP of this test")


def journal(system):
    return system.run("cat", "/run/vpp/journal").splitlines()


def states(system):
    p = system.try_("maglevc", "--json", "show", "backends")
    return {b["name"]: b["state"] for b in json.loads(p.stdout)} if p.returncode == 0 else {}


def wait_states(system, **wanted):
    last = {}

    def seen():
        last.update(states(system))
        return wanted.items() <= last.items()
    try:
        system.wait(seen, f"{wanted}")
    except AssertionError as e:
        log = system.try_("journalctl", "-u", UNIT, "-n", "60", "--no-pager").stdout
        raise AssertionError(f"{e}; last {last}\n{log}") from None


def running_system(system, names):
    """Installed, configured and started, with a VPP."""
    system.run("groupadd", "-r", "vpp")
    system.apt("install", *names)
    system.write(CONFIG, world())
    start_vpp(system)
    system.run("systemctl", "start", UNIT)
    wait_states(system, pinged="up", asked="up")
    return system


# ---- without systemd, on every architecture

def test_install_remove_purge(root, names):
    out = root.apt("install", *names)
    assert "systemctl start vpp-maglev" in out
    assert root.sh("maglevd --version; maglevd-frontend --version; maglevc --version; maglev-lbsim --version").count("2.0.0") >= 4
    assert root.run("maglevd", "--check").strip() == "config ok"
    assert root.run("id", "-nG", "maglevd").split() == ["maglevd"]
    assert root.enabled(UNIT) and not root.enabled(FRONTEND)
    root.write(CONFIG, world())
    root.apt("remove", "vpp-maglevd", "vpp-maglev")
    assert root.file(CONFIG).read_text() == world()
    assert not root.file("/usr/sbin/maglevd").exists()
    root.apt("purge", "vpp-maglevd", "vpp-maglev")
    assert root.try_("id", "maglevd").returncode != 0 and root.try_("getent", "group", "maglevd").returncode != 0
    left = root.sh("find / -xdev \\( -path /proc -o -path /sys -o -path /debs -o -path /var/log -o -path /var/lib/dpkg "
                   "-o -path /var/cache -o -path /var/lib/apt \\) -prune -o -iname '*maglev*' -print")
    assert left == "", left


def test_the_units_command_line_without_systemd(root, names, arch):
    """The unit's user, groups, capabilities, environment and command, by setpriv."""
    root.sh("groupadd -r vpp")
    root.apt("install", *names)
    root.write(CONFIG, world())
    unit = root.sh("cat /lib/systemd/system/vpp-maglev.service /usr/lib/systemd/system/vpp-maglev.service 2>/dev/null | "
                   "grep -E '^(User|AmbientCapabilities|CapabilityBoundingSet|ExecStart)=' | sort -u")
    settings = dict(l.split("=", 1) for l in unit.splitlines())
    caps = ",".join("+" + c.lower().removeprefix("cap_") for c in settings["AmbientCapabilities"].split())
    assert settings["AmbientCapabilities"] == settings["CapabilityBoundingSet"]
    root.write("/root/try", f"""\
set -e
ip link set lo up
install -d -g vpp -m 2750 /run/vpp
(umask 0007; exec setpriv --regid vpp --clear-groups maglev-lbsim --api-socket /run/vpp/api.sock --journal /run/vpp/journal) &
set -a; . /etc/default/vpp-maglev; set +a
setpriv --reuid {settings["User"]} --regid {settings["User"]} --init-groups --no-new-privs \\
	--inh-caps=-all,{caps} --ambient-caps=-all,{caps} --bounding-set=-all,{caps} {settings["ExecStart"]} >/root/log 2>&1 &
for i in $(seq 600); do
	maglevc show backends >/root/shown 2>/dev/null || : >/root/shown
	[ "$(grep -cw up /root/shown)" -lt 2 ] || [ "$(grep -c add /run/vpp/journal)" -lt 3 ] || {{ cat /root/shown; kill %1 %2; exit 0; }}
	sleep 0.1
done
cat /root/shown /root/log
exit 1
""")
    shown = root.run("bash", "-m", "/root/try")
    print(shown)
    assert "pinged" in shown and "asked" in shown


def test_maglevd_joins_the_group_vpp_whichever_comes_first(root, names, tmp_path, debs):
    vpp = oldgo.vpp_package(tmp_path, debs)
    root.apt("install", *names)
    assert "vpp" not in root.run("id", "-nG", "maglevd").split()
    root.apt("install", f"/debs/{vpp}")
    assert "vpp" in root.run("id", "-nG", "maglevd").split()
    root.apt("purge", "vpp-maglevd")
    root.apt("install", *names)
    assert "vpp" in root.run("id", "-nG", "maglevd").split()


@pytest.fixture(params=oldgo.KINDS)
def kind(request):
    """How the Go program was packaged."""
    return request.param


def test_upgrade_from_go_without_systemd(root, names, tmp_path, debs, arch, kind):
    old = oldgo.go_packages(tmp_path, debs, arch, kind)
    root.apt("install", *(f"/debs/{n}" for n in old))
    assert root.enabled(oldgo.KINDS[kind])
    root.write(CONFIG, world())
    root.apt("install", *names)
    assert root.file(CONFIG).read_text() == world()
    assert root.enabled(UNIT) and not root.enabled("vpp-maglevd.service")
    assert root.run("maglevd", "--version").startswith("maglevd 2.0.0")
    assert root.sh("find /etc/systemd /var/lib/systemd -name 'vpp-maglevd.service*'") == ""
    # What the daemon's package took over is its own.
    root.apt("purge", "vpp-maglev")
    assert root.file(CONFIG).read_text() == world() and root.file("/etc/default/vpp-maglev").exists()
    root.apt("purge", "vpp-maglevd")
    assert root.sh("find /etc -name '*maglev*'") == ""


# ---- booted

def test_first_install_enables_and_does_not_start(system, names):
    system.apt("install", *names)
    assert system.enabled(UNIT) and system.unit(UNIT) == "inactive"
    assert not system.enabled(FRONTEND) and system.unit(FRONTEND) == "inactive"


def test_started_it_checks_programs_and_tells(system, names):
    running_system(system, names)
    assert system.unit(UNIT, "SubState") == "running"
    pid = system.unit(UNIT, "MainPID")
    status = dict(l.split(":\t", 1) for l in system.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in l)
    assert status["Uid"].split()[0] == system.run("id", "-u", "maglevd").strip()
    # CAP_NET_RAW is 13, CAP_SYS_ADMIN 21: these and no other.
    assert {int(status[s], 16) for s in ("CapBnd", "CapPrm", "CapEff")} == {1 << 13 | 1 << 21}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    system.wait(lambda: any("lb_add_del_as_v2" in l for l in journal(system)), "VPP to be programmed")
    # Told anew with each beat of the watchdog.
    system.wait(lambda: system.unit(UNIT, "StatusText") == "2 backends, 1 frontends, VPP connected", "the status")
    assert "missing" not in system.run("journalctl", "-u", UNIT, "--no-pager").lower()


def test_reload_into_a_network_namespace(system, names):
    """Made after the daemon's start: it has to come into the unit's mounts by itself."""
    running_system(system, names)
    pid = system.unit(UNIT, "MainPID")
    system.sh("ip netns add dataplane; ip -n dataplane link set lo up; ip -n dataplane address add 10.99.0.1/32 dev lo")
    # Elsewhere nothing leads to that address.
    system.write(CONFIG, world(address="10.99.0.1"))
    system.run("systemctl", "reload", UNIT)
    wait_states(system, pinged="unknown", asked="up")
    system.write(CONFIG, world(address="10.99.0.1", netns="dataplane"))
    system.run("systemctl", "reload", UNIT)
    wait_states(system, pinged="up", asked="down")  # nobody serves metrics in there
    assert system.unit(UNIT, "MainPID") == pid and system.unit(UNIT) == "active"


def test_a_reload_of_a_broken_file_keeps_it_running(system, names):
    running_system(system, names)
    system.write(CONFIG, "maglev: [")
    system.try_("systemctl", "reload", UNIT)
    wait_states(system, pinged="up", asked="up")
    assert system.unit(UNIT) == "active"


def test_the_watchdog_ends_a_daemon_that_hangs(system, names):
    running_system(system, names)
    system.write(f"/etc/systemd/system/{UNIT}.d/x.conf", "[Service]\nWatchdogSec=2s\n")
    system.sh(f"systemctl daemon-reload; systemctl restart {UNIT}")
    pid = system.unit(UNIT, "MainPID")
    wait_states(system, pinged="up")
    system.run("sleep", "5")  # fed meanwhile
    assert system.unit(UNIT, "MainPID") == pid
    system.sh(f"kill -STOP {pid}")
    system.wait(lambda: system.unit(UNIT, "MainPID") not in (pid, "0"), "another process")
    wait_states(system, pinged="up")


def test_the_dashboard_shows_and_changes(system, names):
    running_system(system, names)
    system.file("/etc/default/vpp-maglev").write_text(
        system.file("/etc/default/vpp-maglev").read_text() +
        "MAGLEV_FRONTEND_ARGS=-listen 127.0.0.1:8081\nMAGLEV_FRONTEND_USER=joe\nMAGLEV_FRONTEND_PASSWORD=secret\n")
    system.run("systemctl", "start", FRONTEND)

    def http(method, path, *headers):
        lines = "\\r\\n".join([f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", ""])
        return system.try_("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/8081; printf '{lines}' >&3; cat <&3").stdout
    system.wait(lambda: " 200 " in http("GET", "/healthz"), "the dashboard")
    name = "localhost:9090"
    system.wait(lambda: '"asked"' in http("GET", f"/view/api/state/{name}"), "the state of maglevd")
    login = "Authorization: Basic am9lOnNlY3JldA=="
    answer = http("POST", f"/admin/api/{name}/backend/asked/pause", login, "Origin: http://x",
                  "Content-Type: application/json", "Content-Length: 0")
    assert " 200 " in answer.splitlines()[0], answer
    wait_states(system, asked="paused")
    pid = system.unit(FRONTEND, "MainPID")
    assert "CapBnd:\t0000000000000000" in system.run("cat", f"/proc/{pid}/status")
    # The daemon has no business with its password.
    system.run("systemctl", "restart", UNIT)
    daemon = system.unit(UNIT, "MainPID")
    assert "MAGLEV_FRONTEND_PASSWORD" not in system.sh(f"tr '\\0' '\\n' </proc/{daemon}/environ")
    assert "MAGLEV_CONFIG" in system.sh(f"tr '\\0' '\\n' </proc/{daemon}/environ")


def test_an_upgrade_restarts_and_vpp_notices_nothing(system, names, tmp_path, debs, built):
    running_system(system, names)
    system.wait(lambda: any("lb_add_del_as_v2" in l for l in journal(system)), "VPP to be programmed")
    pid, calls = system.unit(UNIT, "MainPID"), journal(system)
    later = oldgo.later(tmp_path, debs, built["vpp-maglevd"], "2.0.1")
    system.apt("install", f"/debs/{later}")
    assert system.unit(UNIT) == "active" and system.unit(UNIT, "MainPID") != pid
    wait_states(system, pinged="up", asked="up")
    system.run("sleep", "5")  # beyond startup-max-delay
    assert journal(system) == calls
    assert system.file(CONFIG).read_text() == world()


def test_an_upgrade_starts_and_enables_nothing(system, names, tmp_path, debs, built):
    system.apt("install", *names)
    system.run("systemctl", "disable", UNIT)
    later = oldgo.later(tmp_path, debs, built["vpp-maglevd"], "2.0.1")
    system.apt("install", f"/debs/{later}")
    assert system.unit(UNIT) == "inactive" and not system.enabled(UNIT)


def test_remove_stops_it_and_leaves_vpp_as_it_is(system, names):
    running_system(system, names)
    system.wait(lambda: any("lb_add_del_as_v2" in l for l in journal(system)), "VPP to be programmed")
    calls = journal(system)
    system.run("cp", "/usr/sbin/maglev-lbsim", "/root/")  # the VPP of this test goes on
    system.apt("remove", "vpp-maglevd")
    assert system.unit(UNIT) == "inactive" and "/usr/sbin/maglevd" not in system.sh("cat /proc/[0-9]*/cmdline || true")
    assert journal(system) == calls
    system.apt("purge", "vpp-maglevd")
    assert system.sh("find /etc -name '*maglev*'") == ""
    assert system.try_("id", "maglevd").returncode != 0


def go_system(system, tmp_path, debs, arch, kind="two packages"):
    system.run("groupadd", "-r", "vpp")
    old = oldgo.go_packages(tmp_path, debs, arch, kind)
    system.apt("install", *(f"/debs/{n}" for n in old))
    assert system.unit(oldgo.KINDS[kind]) == "active" and system.enabled(oldgo.KINDS[kind])


def test_upgrade_from_go_takes_over(system, names, tmp_path, debs, arch, kind):
    go_system(system, tmp_path, debs, arch, kind)
    dashboard = kind == "one package"  # which has one
    if dashboard:
        system.run("systemctl", "start", FRONTEND)
    system.write(CONFIG, world())
    system.apt("install", *names)
    assert system.unit("vpp-maglevd.service") == "inactive" and not system.enabled("vpp-maglevd.service")
    assert system.file(CONFIG).read_text() == world()
    assert system.unit(UNIT) == "active" and system.enabled(UNIT)
    wait_states(system, pinged="up", asked="up")
    assert system.unit(FRONTEND) == ("active" if dashboard else "inactive") and not system.enabled(FRONTEND)
    assert "sleep" not in system.sh("cat /proc/[0-9]*/comm || true")  # the Go program of this test


def test_upgrade_from_go_never_starts_with_the_example(system, names, tmp_path, debs, arch, kind):
    go_system(system, tmp_path, debs, arch, kind)
    out = system.apt("install", *names)
    assert system.unit("vpp-maglevd.service") == "inactive"
    assert system.unit(UNIT) == "inactive" and system.enabled(UNIT)
    assert "is not started" in out


def test_upgrade_of_the_tools_alone_leaves_go_running(system, names, tmp_path, debs, arch):
    go_system(system, tmp_path, debs, arch)
    system.apt("install", *(n for n in names if "vpp-maglevd" not in n))
    assert system.unit("vpp-maglevd.service") == "active" and system.enabled("vpp-maglevd.service")


def test_upgrade_from_go_with_a_file_that_has_to_be_mended(system, names, tmp_path, debs, arch):
    go_system(system, tmp_path, debs, arch)
    system.write(CONFIG, "maglev: { backends: { a: { address: nowhere } } }\n")
    out = system.apt("install", *names)
    assert system.unit(UNIT) == "inactive" and "has to be mended" in out
