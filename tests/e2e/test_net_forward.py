# SPDX-License-Identifier: Apache-2.0
"""maglev-lbsim --forward beside its packets: rights, routes, its account."""
import subprocess

import pytest

import netlab
import vppapi
from cluster import LBSIM
from processes import DEADLINE, wait_for

pytestmark = [pytest.mark.xdist_group("net"),
              pytest.mark.skipif(bool(netlab.VPP), reason="about maglev-lbsim")]


def routes(lab):
    """What the load balancer's host routes to its TUN device."""
    return {line.split()[0] for family in ("-4", "-6") for line in lab.lb.run(
        "ip", family, "route", "show", "dev", "lbsim0", "proto", "static", check=False).splitlines()}


def wait_routes(lab, wanted):
    wait_for(lambda: routes(lab) == wanted, lambda: f"routes {wanted}, not {routes(lab)}")


def test_without_rights_it_says_which(lab):
    ended = subprocess.run(
        [*lab.lb.wrapper(), "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", LBSIM,
         "--forward", "--api-socket", lab.dir / "api.sock"], capture_output=True, text=True, timeout=DEADLINE)
    assert ended.returncode == 1
    assert "maglev-lbsim: making a TUN device: CAP_NET_ADMIN is missing" in ended.stderr
    ended = subprocess.run(
        [*lab.lb.wrapper(), "setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", LBSIM, "--forward",
         "--api-socket", lab.dir / "api.sock"], capture_output=True, text=True, timeout=DEADLINE)
    assert ended.returncode == 1
    assert "maglev-lbsim: raw socket: CAP_NET_RAW is missing" in ended.stderr


def test_a_device_that_cannot_be(lab):
    lab.lb.ip("tuntap", "add", "dev", "taken", "mode", "tun")
    for name, why in (("taken", "making a TUN device: Device or resource busy"),
                      ("much-too-long-a-name", '"much-too-long-a-name" is too long for a device')):
        ended = subprocess.run([*lab.lb.wrapper(), LBSIM, "--forward", "--forward-device", name, "--api-socket",
                                lab.dir / "api.sock"], capture_output=True, text=True, timeout=DEADLINE)
        assert (ended.returncode, why in ended.stderr) == (1, True), ended.stderr


def test_routes_come_and_go_with_vips(lab):
    lab.lb.ip("route", "add", "unreachable", "192.0.2.99/32")
    lb = lab.start_lb()
    wait_routes(lab, set())
    with lb.client() as c:
        http, https = vppapi.key(netlab.VIP, port=80), vppapi.key(netlab.VIP, port=443)
        six, whole = vppapi.key(netlab.VIP6), vppapi.key("198.51.100.0/24", vppapi.ANY, 0)
        taken = vppapi.key("192.0.2.99")
        for vip in (http, https, six, whole, taken):
            c.add_vip(vip)
        # One that the host has already stays the host's.
        wait_routes(lab, {netlab.VIP, netlab.VIP6, "198.51.100.0/24"})
        assert "forward-route-error" in lb.stdout_text() and "192.0.2.99/32" in lb.stdout_text()
        for vip in (http, six, whole, taken):
            c.del_vip(vip)
        wait_routes(lab, {netlab.VIP})  # for the other port
        assert "192.0.2.99" in lab.lb.run("ip", "route")
        c.del_vip(https)
        wait_routes(lab, set())


def test_its_account_of_packets(lab):
    lab.start()
    lb = lab.lb_process
    ended = lab.requests(20)
    assert [e.outcome for e in ended] == ["ok"] * 20
    seen = lb.control("forward")
    assert seen["sent"] >= 20 * 4 and seen["no_server"] == seen["malformed"] == seen["send_errors"] == 0
    # The VIP's address has no VIP for this protocol and port.
    script = f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'?', ('{netlab.VIP}', 53))"
    lab.client.run("/usr/bin/python3", "-c", script)
    wait_for(lambda: lb.control("forward")["no_server"] == 1, "a packet without a server")
    state = next(v for v in lb.control("state")["vips"] if v["used"])
    assert sum(a["flows"] for a in state["ases"]) >= 20
    # The state is that of real packets: nobody may say otherwise.
    with pytest.raises(AssertionError, match="real packets"):
        lb.control(f"flows {state['index']} {lab.s1.ip4} 5")
