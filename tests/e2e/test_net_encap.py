# SPDX-License-Identifier: Apache-2.0
"""VIPs of both families over both underlays; what is counted; one source, one server."""
from collections import Counter

import pytest

import netlab
from netlab import Model, by_server, frontend
from processes import wait_for

pytestmark = pytest.mark.xdist_group("net")

# The frontend's name tells which VIP over which GRE.
VIPS = {"four-over-four": netlab.VIP, "four-over-six": netlab.VIP_GRE6,
        "six-over-four": netlab.VIP6, "six-over-six": netlab.VIP6_GRE6}
REQUESTS = 400


def four_frontends(lab, **changes):
    backends = {f"{n}-4": s.ip4 for n, s in lab.servers.items()}
    backends.update({f"{n}-6": s.ip6 for n, s in lab.servers.items()})

    def pool(family):
        return {"primary": {f"{n}-{family}": 100 for n in lab.servers}}
    return lab.config({name: frontend(pool(6 if name.endswith("six") else 4), vip, **changes)
                       for name, vip in VIPS.items()}, backends=backends)


def test_both_families_over_both_underlays(lab):
    lab.start(four_frontends(lab))
    for name, vip in VIPS.items():
        ended = lab.requests(REQUESTS, vip)
        assert Counter(e.outcome for e in ended) == {"ok": REQUESTS}, name
        assert set(by_server(ended)) == set(lab.servers), name
    # Answers come whole, full-sized packets and all: 1,500 bytes fit beside 24 or 44 more.
    for vip in VIPS.values():
        download = lab.downloads(4, vip)
        wait_for(lambda d=download: sum(map(bool, d.running())) == 4, "four downloads")
        download.process.kill()


def test_packets_are_counted_at_their_vip(lab):
    lab.start(lab.config())
    ended = lab.requests(REQUESTS)
    assert Counter(e.outcome for e in ended) == {"ok": REQUESTS}

    # Each flow begins once; SYN, ACK, request and end follow each other.
    counters = wait_for(lambda: lab.counters(netlab.VIP)["first session packet"] == REQUESTS
                        and lab.counters(netlab.VIP), lambda: f"counters: {lab.counters(netlab.VIP)}")
    assert counters["packet from existing sessions"] >= 3 * REQUESTS
    assert counters["untracked packet"] == counters["no server configured"] == 0
    # What maglevd tells of them is the same.
    def told():
        return lab.d.show("vpp", "lb", "counters")
    wait_for(lambda: str(REQUESTS) in str(told()), lambda: f"{REQUESTS} in {told()}")


def test_without_a_server_packets_are_dropped_and_counted(lab):
    config = lab.config()
    lab.start(config)
    for server in lab.servers:
        lab.d.set_backend(server, "disable")
    lab.wait_weights(dict.fromkeys(lab.servers, 0))
    ended = lab.load(netlab.VIP, "/", "-count", "3", "-timeout", "2s").wait()
    assert [e.outcome for e in ended] == ["timeout"] * 3
    assert lab.counters(netlab.VIP)["no server configured"] >= 3
    for server in lab.servers:
        lab.d.set_backend(server, "enable")
    lab.wait_weights(dict.fromkeys(lab.servers, 100))
    assert Counter(e.outcome for e in lab.requests(50)) == {"ok": 50}


def test_src_ip_sticky_sends_a_source_to_one_server(lab):
    lab.start(lab.config({"www": frontend({"primary": dict.fromkeys(lab.servers, 100)}, src_ip_sticky=True)}))
    model = Model(lab, dict.fromkeys(lab.servers, 100), sticky=True)
    seen = set()
    for n in range(1, 21):
        source = f"10.78.{n}.{7 * n}"
        ended = lab.requests(10, netlab.VIP, "-source", source)
        assert by_server(ended) == {model.server(0, source): 10}
        seen.update(by_server(ended))
    assert len(seen) >= 3
