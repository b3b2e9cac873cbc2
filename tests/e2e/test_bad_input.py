# SPDX-License-Identifier: Apache-2.0
"""Rubbish from every side: a clear error, no crash, no hang, and the rest goes on."""
import random
import socket
import struct

import pytest

import fakevpp
import vppapi
from cluster import VIP, frontend, log_time
from processes import DEADLINE, wait_for


# The gRPC port.

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def h2_frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def rubbish():
    rng = random.Random(20261120)
    yield "noise", rng.randbytes(4096)
    yield "http1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "half a preface", PREFACE[:11]
    yield "preface and noise", PREFACE + rng.randbytes(4096)
    yield "giant frame", PREFACE + h2_frame(4, 0, 0, b"") + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"
    yield "headers of noise", PREFACE + h2_frame(4, 0, 0, b"") + h2_frame(1, 4, 1, rng.randbytes(500))
    yield "resets", PREFACE + h2_frame(4, 0, 0, b"") + b"".join(
        h2_frame(3, 0, n, b"\0\0\0\x08") for n in range(1, 200, 2))
    yield "nothing", b""


def test_rubbish_on_the_grpc_port(cluster):
    cluster.web("a")
    cluster.start_sim()
    address = cluster.address(250)
    d = cluster.start_maglevd(cluster.config(), "--grpc-addr", f"{address}:0", ready=False).on_tcp(address)
    open_ends = []
    for _, data in rubbish():
        s = socket.create_connection((address, d.port), DEADLINE)
        try:
            s.sendall(data)
        except OSError:
            pass  # it may hang up on us at any byte
        open_ends.append(s)
    # All of them still open: real clients are served beside them.
    assert d.backend("a")["name"] == "a"
    for s in open_ends:
        s.close()
    assert d.backend("a")["name"] == "a"
    cluster.wait_weights({"a": 100})


# VPP's socket.

@pytest.fixture
def fake(cluster):
    """start(behaviour, …): maglevd against a FakeVpp."""
    started = []

    def start(behaviour, **lb):
        path = cluster.dir / "fake.sock"
        vpp = fakevpp.FakeVpp(path, behaviour)
        started.append(vpp)
        if not cluster.webs:
            cluster.web("a")
        d = cluster.start_maglevd(cluster.config(**lb), api=path)
        return vpp, d
    yield start
    for vpp in started:
        vpp.close()
        assert not vpp.mistakes, vpp.mistakes


RNG = random.Random(26)


def noise(peer):
    vppapi.receive_frame(peer.sock)
    peer.misbehave(RNG.randbytes(2000))
    peer.linger()


def noise_after_handshake(peer):
    peer.handshake()
    peer.read_request()
    peer.misbehave(b"\xff" * 500)
    peer.linger()


def framed_noise(peer):
    """Messages that exist, with contents that do not."""
    peer.handshake()
    peer.serve_until("lb_vip_dump")
    for _ in range(100):
        peer.misbehave(vppapi.frame(
            struct.pack(">HI", RNG.choice(list(peer.ids.values())), RNG.getrandbits(32))
            + RNG.randbytes(RNG.randint(0, 80))))
    peer.linger()


def truncated_frame(peer):
    peer.handshake()
    _, context, _ = peer.read_request()
    peer.misbehave(vppapi.frame(struct.pack(">HI", peer.ids["show_version_reply"], context)
                                + bytes(300))[:40])


def truncated_table(peer):
    vppapi.receive_frame(peer.sock)
    # 500 rows are announced, two are there.
    peer.misbehave(vppapi.frame(struct.pack(">HIIiIH", 16, 0, 0, 0, peer.INDEX, 500) + bytes(2 * 66)))
    peer.linger()


def short_payload(peer):
    peer.handshake()
    _, context, _ = peer.read_request()
    peer.misbehave(vppapi.frame(struct.pack(">HI", peer.ids["show_version_reply"], context)[:5]))
    peer.linger()


def short_reply(peer):
    peer.handshake()
    _, context, _ = peer.read_request()
    peer.misbehave(vppapi.frame(struct.pack(">HIi", peer.ids["show_version_reply"], context, 0) + b"vpe"))
    peer.linger()


def short_details(peer):
    peer.handshake()
    context = peer.serve_until("lb_vip_dump")
    peer.misbehave(vppapi.frame(struct.pack(">HI", peer.ids["lb_vip_details"], context)
                                + b"\x00\xcb\x00\x71"))
    peer.linger()


def string_beyond_its_message(peer):
    """cli_inband_reply announces more text than it has."""
    peer.handshake()
    context = peer.serve_until("cli_inband")
    peer.misbehave(vppapi.frame(struct.pack(">HIiI", peer.ids["cli_inband_reply"], context, 0, 0xFFFFFFFF)
                                + b"x" * 10))
    peer.linger()


def dies_within_a_dump(peer):
    peer.handshake()
    context = peer.serve_until("lb_vip_dump")
    peer.reply("lb_vip_details", context, prefix="203.0.113.80/32", protocol=6, port=80, encap=0,
               dscp=0, srv_type=0, target_port=0, flow_table_length=1024)
    peer.misbehave()


def giant_frame(peer):
    peer.handshake()
    peer.read_request()
    peer.misbehave(vppapi.HEADER.pack(0, (16 << 20) + 1, 0))
    peer.linger()


def closes_at_once(peer):
    peer.misbehave()


def refused_handshake(peer):
    vppapi.receive_frame(peer.sock)
    peer.misbehave(vppapi.frame(struct.pack(">HIIiIH", 16, 0, 0, -13, 0, 0)))
    peer.linger()


BAD_VPPS = [noise, noise_after_handshake, framed_noise, truncated_frame, truncated_table, short_payload,
            short_reply, short_details, string_beyond_its_message, dies_within_a_dump, giant_frame,
            closes_at_once, refused_handshake]


@pytest.mark.parametrize("behaviour", BAD_VPPS, ids=lambda b: b.__name__)
def test_a_vpp_that_talks_rubbish(cluster, fake, behaviour):
    vpp, d = fake(behaviour)
    # It hangs up and tries again.
    vpp.wait_connections(2, DEADLINE)
    wait_for(lambda: vpp.misdeeds >= 2, "the second misdeed")
    d.wait_state("a", "up")
    assert d.backend("a")["state"] == "up"
    p = d.ctl("show", "vpp", "lb", "state", check=False)
    assert p.returncode == 1 and p.stderr
    told = [r for r in d.records() if r["level"] in ("WARN", "ERROR") and r["msg"].startswith("vpp-")]
    assert told, "nobody said why"
    # The real thing in its place: the next attempt finds it.
    vpp.close()
    (cluster.dir / "fake.sock").unlink()
    cluster.start_sim()
    cluster.sim.api.rename(cluster.dir / "fake.sock")
    cluster.sim.api = cluster.dir / "fake.sock"
    cluster.wait_weights({"a": 100})


def test_a_vpp_that_never_answers(fake):
    def mute(peer):
        peer.handshake()
        peer.misbehave()
        peer.linger()
    vpp, d = fake(mute)
    d.wait_state("a", "up")
    vpp.wait_connections(2, DEADLINE)
    assert vpp.misdeeds >= 1
    assert d.backend("a")["state"] == "up"


@pytest.mark.parametrize("wrong, wanted", [
    ({"leave_out": ["lb_as_set_weight"]}, ["lb_as_set_weight", "2d89bdbd", "26.10"]),
    ({"crc": {"lb_as_set_weight": "deadbeef"}}, ["lb_as_set_weight", "2d89bdbd", "26.10"]),
    ({"leave_out": ["lb_conf_get", "lb_conf_get_reply"]}, ["lb_conf_get", "51077d14", "26.10"]),
], ids=["without-set-weight", "another-crc", "without-conf-get"])
def test_a_vpp_too_old(fake, wrong, wanted):
    asked = []

    def old(peer):
        peer.handshake(**wrong)
        while True:
            name, context, _ = peer.read_request()
            asked.append(name)
            peer.answer(name, context)
    _, d = fake(old)

    def told():
        return [r for r in d.records() if r["level"] in ("WARN", "ERROR")
                and all(w in str(r) for w in wanted)]
    wait_for(told, lambda: f"a record that names {wanted}")
    p = d.ctl("show", "vpp", "lb", "state", check=False)
    assert p.returncode == 1 and p.stderr
    assert not [n for n in asked if n.startswith("lb_add") or n in ("lb_conf", "lb_as_set_weight")]


def test_a_vpp_that_refuses(fake):
    """Refusals are told with their meaning, and tried again later, not for ever at once."""
    refused = []

    def refuses(peer):
        peer.handshake()
        while True:
            name, context, fields = peer.read_request()
            if name == "lb_add_del_vip_v2":
                refused.append(fields)
                peer.reply(name + "_reply", context, retval=vppapi.OTHER_ENCAP)
            else:
                peer.answer(name, context)
    _, d = fake(refuses, sync_interval="30s")
    record = d.wait_log("vpp-lb-sync-error")
    assert "203.0.113.80" in str(record) and "-73" in str(record) and "encap" in str(record)
    wait_for(lambda: len(refused) >= 3, "two retries")
    times = [log_time(r) for r in d.records("vpp-lb-sync-error")]
    assert len(times) <= 5 + times[-1] - times[0], times
    assert all(f["new_flows_table_length"] == 1024 for f in refused)


# What `show lb vips verbose` might say some day, or in some trouble.
TEXTS = {
    "another form": (0, "VIP table\n+--------------+------+\n| 203.0.113.80 | gre4 |\n+--------------+------+\n"),
    "json": (0, '{"vips":[{"index":1,"prefix":"203.0.113.80/32","protocol":6,"port":80}]}'),
    "noise": (0, "".join(map(chr, range(1, 128))) * 1000),
    "nothing": (0, ""),
    "all removed": (0, " ip4-gre4 [1] 203.0.113.80/32 removed\n  new_size:1024\n  protocol:6 port:80\n"),
    "refused": (-1, ""),
}


@pytest.mark.parametrize("said", TEXTS, ids=lambda t: t.replace(" ", "-"))
def test_a_text_of_vpps_in_a_form_unknown(cluster, fake, said):
    """VPP's VIP and the file's may differ in stickiness: nobody knows, so nothing is made anew."""
    for name in "ab":
        cluster.web(name)
    weights = {cluster.address_of(n): 100 for n in "ab"}
    vip = {"prefix": f"{VIP}/32", "protocol": 6, "port": 80}
    changes = []

    def vpp(peer):
        peer.handshake()
        while True:
            name, context, fields = peer.read_request()
            if name == "lb_vip_dump":
                peer.reply("lb_vip_details", context, **vip, encap=0, dscp=0, srv_type=0, target_port=0,
                           flow_table_length=1024)
            elif name == "lb_as_v2_dump":
                for address, weight in weights.items():
                    peer.reply("lb_as_v2_details", context, **vip, as_address=address, flags=1,
                               in_use_since=0, weight=weight, num_buckets=512)
            elif name == "cli_inband":
                retval, text = TEXTS[said]
                peer.reply("cli_inband_reply", context, retval=retval, reply=text)
            else:
                if name.startswith("lb_") and name not in ("lb_conf", "lb_conf_get"):
                    changes.append((name, fields))
                    weights[str(fields["as_address"])] = fields["weight"]
                peer.answer(name, context)
    pools = {"primary": {"a": 100, "b": 100}}
    _, d = fake(vpp, frontends={"www": frontend(pools, src_ip_sticky=True)})
    d.wait_drift_syncs(3)
    assert changes == []
    # What is safe goes on.
    b = cluster.address_of("b")
    cluster.webs["b"].kill()
    wait_for(lambda: weights[b] == 0, "the weight of the dead one")
    d.wait_drift_syncs(3)
    assert [(name, str(f["as_address"]), f["weight"]) for name, f in changes] == [("lb_as_set_weight", b, 0)]
    if said == "refused":
        assert d.records("vpp-lb-sync-error", call="cli_inband", retval=-1)
    else:
        [told] = d.records("vpp-lb-text-unknown")
        assert told["level"] == "WARN" and told["vips"] == 1
    assert d.records("vpp-lb-sync-vip-recreate") == [] and d.records("vpp-disconnect") == []


def test_garbage_on_lbsims_socket(cluster):
    """The stand-in is a daemon too."""
    cluster.web("a")
    sim = cluster.start_sim()
    cluster.start_maglevd(cluster.config())
    cluster.wait_weights({"a": 100})
    for _, data in rubbish():
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(sim.api))
            try:
                s.sendall(data)
            except OSError:
                pass
    cluster.webs["a"].kill()
    cluster.wait_weights({"a": 0})


# HTTP servers.

def test_a_server_that_talks_rubbish(cluster):
    """Not HTTP, a header without end, a body cut short: L7RSP each, and no harm."""
    import threading
    answers = {"noise": b"\x00\xff" * 300, "endless": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000,
               "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nok", "empty": b""}
    listeners, backends = [], {}

    def serve(listener, answer):
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            with s:
                try:
                    s.recv(4096)
                    s.sendall(answer)
                except OSError:
                    pass
    for n, (name, answer) in enumerate(answers.items(), 1):
        listener = socket.create_server((cluster.address(n), cluster.port))
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
        backends[name] = {"address": cluster.address(n), "healthcheck": "web"}
    cluster.start_sim()
    d = cluster.start_maglevd(cluster.config(backends=backends))
    for name in answers:
        assert d.wait_state(name, "down")["code"] == "L7RSP"
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
