# SPDX-License-Identifier: Apache-2.0
"""What VPP counts: shown for each frontend, and its absence harms nothing else."""
import time

from cluster import VIP, frontend
from processes import wait_for
import vppapi


def counters(d):
    return {(v["prefix"], v["protocol"], v["port"]): v for v in d.show("vpp", "lb", "counters")["vips"]}


def has_counters(d):
    return d.ctl("show", "vpp", "lb", "counters", check=False).returncode == 0


def wait_counters(d, n):
    wait_for(lambda: has_counters(d) and len(counters(d)) == n, lambda: f"counters of {n} VIPs")


def index_of(sim, prefix, port):
    return next(v["index"] for v in sim.control("state")["vips"]
                if v["prefix"] == prefix and v["port"] == port and v["used"])


def test_counters_of_each_frontend(cluster):
    cluster.web("a")
    sim = cluster.start_sim()
    frontends = {"www": frontend({"p": {"a": 100}}), "tls": frontend({"p": {"a": 100}}, port=443),
                 "v6": frontend({"p": {"a": 100}}, address="2001:db8:1::80")}
    d = cluster.start_maglevd(cluster.config(frontends=frontends))
    cluster.wait_weights({"a": 100})
    wait_counters(d, 3)
    www = f"{VIP}/32"
    sim.control(f"count {index_of(sim, www, 80)} first 3 300")
    sim.control(f"count {index_of(sim, www, 80)} next 20 2000")
    sim.control(f"count {index_of(sim, www, 443)} untracked 1 100")
    sim.control(f"count {index_of(sim, '2001:db8:1::80/128', 80)} no-server 2 200")

    def told():
        c = counters(d)
        return (c[www, "tcp", 80] == {
            "prefix": www, "protocol": "tcp", "port": 80, "frontendName": "www", "firstPackets": "3",
            "nextPackets": "20", "untrackedPackets": "0", "noServerPackets": "0",
            "routePackets": "24", "routeBytes": "2400"}
            and c[www, "tcp", 443]["untrackedPackets"] == "1"
            and c[www, "tcp", 443]["routePackets"] == "24"
            and c["2001:db8:1::80/128", "tcp", 80]["noServerPackets"] == "2"
            and c["2001:db8:1::80/128", "tcp", 80]["routeBytes"] == "200")
    wait_for(told, lambda: f"these counts, last {counters(d)}")
    table = d.ctl("show", "vpp", "lb", "counters").stdout.splitlines()
    assert table[0].split() == ["prefix", "protocol", "port", "frontend", "first", "next", "untracked",
                                "no-server", "packets", "bytes"]
    assert any(line.split() == [www, "tcp", "80", "www", "3", "20", "0", "0", "24", "2400"]
               for line in table)


def test_the_info_tells_boot_and_connection(trio):
    info = trio.d.show("vpp", "info")
    record = trio.d.wait_log("vpp-connect")
    now = time.time()
    assert int(info["boottimeNs"]) == record["boottime"] * 10**9
    assert record["boottime"] <= now
    if not trio.real:  # which may be old
        assert now - 600 < record["boottime"]
    assert record["boottime"] * 10**9 <= int(info["connecttimeNs"]) <= now * 10**9
    assert info["pid"] == trio.sim.popen.pid
    assert info["version"] == "26.10-maglev-lbsim"
    text = trio.d.ctl("show", "vpp", "info").stdout
    assert "boot time" in text and "uptime" in text and "connected since" in text


def test_without_the_stats_socket_the_rest_works(trio):
    """It goes, then VPP restarts without it, then it is there again."""
    trio.sim.control("stats off")
    since = trio.d.mark()
    trio.sim.control("drop")
    trio.d.wait_log("vpp-connect", since)
    error = trio.d.wait_log("vpp-lb-stats-error", since)
    assert "stats.sock" in error["path"]
    with trio.sim.client() as c:
        c.set_weight(vppapi.key(VIP), trio.address_of("a"), 7)
    trio.wait_weights({"a": 100, "b": 100, "c": 100})
    refused = trio.d.ctl("show", "vpp", "lb", "counters", check=False)
    assert refused.returncode == 1 and "stats.sock" in refused.stderr
    assert trio.d.show("vpp", "info")["boottimeNs"] == "0"
    trio.sim.control("stats on")
    wait_counters(trio.d, 1)
    assert len(trio.d.records("vpp-lb-stats-error", since)) == 1
    assert int(trio.d.show("vpp", "info")["boottimeNs"]) > 0


def test_counters_are_gone_with_vpp(trio):
    wait_counters(trio.d, 1)
    trio.sim.kill()
    trio.d.wait_log("vpp-disconnect")
    refused = trio.d.ctl("show", "vpp", "lb", "counters", check=False)
    assert refused.returncode == 1 and "not connected" in refused.stderr
    trio.start_sim()
    trio.wait_weights({"a": 100, "b": 100, "c": 100})
    wait_counters(trio.d, 1)


def test_switched_off(cluster):
    cluster.web("a")
    cluster.start_sim()
    d = cluster.start_maglevd(cluster.config(), "--vpp-stats-addr", "")
    cluster.wait_weights({"a": 100})
    refused = d.ctl("show", "vpp", "lb", "counters", check=False)
    assert refused.returncode == 1 and "--vpp-stats-addr" in refused.stderr
    assert not d.records("vpp-lb-stats-error")
