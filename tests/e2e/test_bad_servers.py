# SPDX-License-Identifier: Apache-2.0
"""Servers that misbehave, and what a probe says of each: code and words, over IPv4 and IPv6.

A server is a function that gets each connection it accepts. ::1 cannot be a backend's address, so
for IPv6 all is in a namespace of its own. What the network does to a connection instead of a server
is in test_adversaries.py.
"""
import ctypes
import os
import pathlib
import re
import resource
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

import scrape
from cluster import frontend
from processes import DEADLINE, wait_for

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# Seconds. What fails by time does so soon, where nothing has to be in time; all else has time enough
# on the slowest machine.
SHORT, LONG = 1, 60
MIDDLE = 8  # where the handshake has to be in time and the answer is not


CLONE_NEWNET = 0x40000000


class Place:
    """Where it happens: an address, and the namespace it is in."""

    def __init__(self, address, namespace=None):
        self.address, self.namespace = address, namespace
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.wrapper = namespace.wrapper() if namespace else ()
        words = ("ip", "address", "add", f"{address}/128", "dev", "lo", "nodad")
        if ":" in address and namespace.run(*words).returncode != 0:
            pytest.skip("no IPv6 here")

    def enter(self):
        """This thread, for good."""
        if self.namespace:
            with open(f"/proc/{self.namespace.holder.pid}/ns/net") as f:
                assert ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) == 0, "setns"


class Server:
    """Each connection on a thread of its own; every byte that was taken from us is counted."""

    def __init__(self, place, behaviour):
        self.place, self.behaviour, self.sent, self.connections = place, behaviour, 0, 0
        self.listener, listening = None, threading.Event()
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()
        assert listening.wait(DEADLINE)
        self.port = self.listener.getsockname()[1]

    def _accept(self, listening):
        self.place.enter()
        self.listener = socket.create_server((self.place.address, 0), family=self.place.family)
        listening.set()
        while True:
            try:
                conn = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        try:
            with conn:
                conn.settimeout(DEADLINE)
                self.behaviour(self, conn)
        except OSError:
            pass  # the prober has had enough

    def send(self, conn, data):
        conn.sendall(data)
        self.sent += len(data)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_request(conn):
    got = b""
    while b"\r\n\r\n" not in got:
        data = conn.recv(4096)
        if not data:
            raise ConnectionError
        got += data
    return got


def hold(conn):
    """Until the prober goes."""
    while conn.recv(4096):
        pass


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


# The servers.

def answering(answer, then=hold):
    def serve(server, conn):
        read_request(conn)
        server.send(conn, answer)
        then(conn)
    return serve


def forever(head, again):
    def serve(server, conn):
        read_request(conn)
        server.send(conn, head)
        while True:
            server.send(conn, again)
    return serve


def silent(_, conn):
    hold(conn)


def greeting(words):
    def serve(server, conn):
        server.send(conn, words)
        hold(conn)
    return serve


def a_byte_a_second(server, conn):
    read_request(conn)
    for byte in OK:
        server.send(conn, bytes([byte]))
        time.sleep(1)


def handshake_a_byte_a_second(server, conn):
    conn.recv(1)
    for byte in b"\x16\x03\x03\x3f\xff\x02" + bytes(100):  # a record that announces 16 KB
        server.send(conn, bytes([byte]))
        time.sleep(1)


def reset_before_the_answer(_, conn):
    read_request(conn)
    reset(conn)


def reset_in_the_middle(server, conn):
    read_request(conn)
    server.send(conn, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
    wait_for(lambda: not unread(conn), "the prober to read before the reset throws it away")
    reset(conn)


def unread(conn):
    """Bytes on their way to the other side's program: proc(5), net/tcp."""
    ports = [f":{a[1]:04X}" for a in (conn.getsockname(), conn.getpeername())]
    table = pathlib.Path("/proc/thread-self/net", "tcp6" if conn.family == socket.AF_INET6 else "tcp")
    rows = [line.split() for line in table.read_text().splitlines()[1:]]

    def queued(here, there, which):
        return [int(r[4].split(":")[which], 16) for r in rows if r[1].endswith(here) and r[2].endswith(there)]
    return sum(queued(*ports, 0) + queued(*reversed(ports), 1))


def reset_in_the_handshake(_, conn):
    conn.recv(1)
    reset(conn)


def half_closed(server, conn):
    read_request(conn)
    server.send(conn, b"HTTP/1.1 200 OK\r\nContent-Le")
    conn.shutdown(socket.SHUT_WR)
    hold(conn)


def in_tls(context, serve=answering(OK)):
    def wrapped(server, conn):
        with context.wrap_socket(conn, server_side=True) as inside:
            serve(server, inside)
    return wrapped


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
JUNK = bytes((i * 37 + 129) % 256 for i in range(2000))

# Name: the server, changes to the check's params, code, words.
HTTP = {
    "accepts-and-is-silent": (silent, {}, "L7TOUT", "no complete response within 1s"),
    "one-byte-per-second": (a_byte_a_second, {}, "L7TOUT", "no complete response within 1s"),
    "half-closed": (half_closed, {}, "L7RSP", "truncated response after 27 bytes"),
    "reset-before-the-answer": (reset_before_the_answer, {}, "L4CON", "no response: Connection reset"),
    "reset-in-the-middle": (reset_in_the_middle, {"response-regexp": "whole"}, "L7RSP",
                            "truncated response after 47 bytes: Connection reset"),
    "endless-headers": (forever(b"HTTP/1.1 200 OK\r\n", b"X-More: and more of it\r\n" * 100), {},
                        "L7RSP", "header section over 64 KiB"),
    "endless-header-line": (forever(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 4096), {}, "L7RSP",
                            "header section over 64 KiB"),
    "endless-100-continue": (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), {}, "L7RSP",
                             "header section over 64 KiB"),
    "endless-body": (forever(b"HTTP/1.1 200 OK\r\n\r\n", b"never mind " * 1000), {}, "L7OK", "200"),
    "endless-body-without-a-match": (forever(b"HTTP/1.1 200 OK\r\n\r\n", b"never mind " * 1000),
                                     {"response-regexp": "^ready"}, "L7RSP", "does not match"),
    "endless-trailer": (forever(CHUNKED + b"0\r\n", b"X-Trailer: and another\r\n" * 100),
                        {"response-regexp": "^ready"}, "L7RSP", "too much framing"),
    "bad-chunk-size": (answering(CHUNKED + b"2k\r\nok\r\n0\r\n\r\n"), {"response-regexp": "ok"},
                       "L7RSP", "bad chunk size"),
    "negative-chunk-size": (answering(CHUNKED + b"-2\r\nok\r\n0\r\n\r\n"), {"response-regexp": "ok"},
                            "L7RSP", "bad chunk size"),
    "overflowing-chunk-size": (answering(CHUNKED + b"1" + b"0" * 16 + b"\r\nok"),
                               {"response-regexp": "ok"}, "L7RSP", "bad chunk size"),
    "chunk-without-its-end": (answering(CHUNKED + b"2\r\nokay\r\n0\r\n\r\n"), {"response-regexp": "ok"},
                              "L7RSP", "chunk longer than its size"),
    "binary-junk": (greeting(JUNK), {}, "L7RSP", "not HTTP/1: starts with \"\\x81"),
    "http-0.9": (answering(b"<html>it works</html>", reset), {}, "L7RSP", "not HTTP/1: starts with \"<html>"),
    "http-2-preface": (greeting(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), {}, "L7RSP",
                       "not HTTP/1: starts with \"PRI * HTTP/2.0"),
    "http-2-settings": (greeting(b"\0\0\0\4\0\0\0\0\0"), {}, "L7RSP", "not HTTP/1: starts with"),
    "tls-junk-on-a-plain-port": (greeting(b"\x15\x03\x01\0\2\2\x28" + JUNK), {}, "L7RSP",
                                 "not HTTP/1: starts with \"\\x15\\x03\\x01"),
}

# Over TLS: the certificate's name, or a bare server; as above.
HTTPS = {
    "plain-http-on-a-tls-port": (greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n"), {}, "L6RSP",
                                 "wrong version number (does it speak TLS?)"),
    "tls-binary-junk": (greeting(JUNK), {}, "L6RSP", "TLS: wrong version number"),
    "tls-accepts-and-is-silent": (silent, {}, "L6TOUT", "TLS handshake not done within 1s"),
    "tls-one-byte-per-second": (handshake_a_byte_a_second, {}, "L6TOUT", "TLS handshake not done within 1s"),
    "tls-reset-in-the-handshake": (reset_in_the_handshake, {}, "L4CON",
                                   "TLS handshake: Connection reset by peer"),
    "good": ("good", {}, "L7OK", "HTTP status 200"),
    "expired": ("expired", {}, "L6RSP", "certificate verify failed: certificate has expired"),
    "self-signed": ("self", {}, "L6RSP", "certificate verify failed: self-signed certificate"),
    "wrong-name": ("good", {"server-name": "api.example.net"}, "L6RSP",
                   "certificate verify failed: hostname mismatch, wanted api.example.net"),
    "wrong-address": ("good", {"server-name": None}, "L6RSP", "IP address mismatch, wanted "),
    "expired-but-skipped": ("expired", {"insecure-skip-verify": True}, "L7OK", "HTTP status 200"),
    "tls-1.1-only": ("old", {}, "L6RSP", "protocol version"),
    "tls-and-binary-junk": (("good", greeting(JUNK)), {}, "L7RSP", "not HTTP/1: starts with"),
    "tls-and-silent": (("good", silent), {}, "L7TOUT", f"no complete response within {MIDDLE}s"),
}


def openssl(directory, *args):
    subprocess.run(["openssl", *map(str, args)], cwd=directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority; certificates of it for www.example.net, good and expired, and one by itself."""
    d = tmp_path_factory.mktemp("pki")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(d, "req", "-x509", *key, "-days", 9, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    (d / "ext").write_text("subjectAltName=DNS:www.example.net\n")
    for name, days in (("good", 9), ("expired", -1)):
        openssl(d, "req", *key, "-subj", "/CN=x", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(d, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", days, "-extfile", "ext", "-out", f"{name}.pem")
    openssl(d, "req", "-x509", *key, "-days", 9, "-subj", "/CN=x", "-addext",
            "subjectAltName=DNS:www.example.net", "-keyout", "self.key", "-out", "self.pem")
    return d


def context(pki, name):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if name == "old":
        c.set_ciphers("ALL:@SECLEVEL=0")
        c.minimum_version = c.maximum_version = ssl.TLSVersion.TLSv1_1
        name = "good"
    c.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")
    return c


def trust(pki):
    return {"SSL_CERT_FILE": str(pki / "ca.pem")}


def tls_server(pki, what):
    if callable(what):
        return what
    name, serve = what if isinstance(what, tuple) else (what, answering(OK))
    return in_tls(context(pki, name), serve)


def timeout_for(code, words):
    """That of the words, where there is one."""
    told = re.search(r"within (\d+)s", words)
    return int(told.group(1)) if told else SHORT if code.endswith("TOUT") else LONG


def start(cluster, place, check, *flags, timeout=LONG, **kwargs):
    """maglevd with one backend; one failure is enough."""
    check = {"interval": "200ms", "timeout": f"{timeout}s", "rise": 1, "fall": 1, **check}
    config = cluster.config(backends={"it": {"address": place.address, "healthcheck": "check"}},
                            checks={"check": check}, frontends={"www": frontend({"p": {"it": 1}})})
    return cluster.start_maglevd(config, *flags, api="", wrapper=place.wrapper, **kwargs)


def expect(d, code, words):
    """Every verdict is this one, and the backend's state what follows."""
    to = "up" if code.endswith("OK") else "down"
    told = d.wait_log("backend-transition", backend="it", to=to)
    assert (told["code"], words in told["detail"]) == (code, True), told
    d.wait_log("probe-done", count=2, code=code)
    judged = [r for r in d.records("probe-done") if r["code"] != "LOCAL"]
    assert {r["code"] for r in judged} == {code}
    least = timeout_for(code, words) * 1e9 if code.endswith("TOUT") else 0
    assert all(least <= r["duration_ns"] for r in judged)


@pytest.fixture(params=["IPv4", "IPv6"])
def place(request, cluster):
    if request.param == "IPv4":
        return Place(cluster.address(1))
    if os.geteuid() != 0:
        pytest.skip("to enter a namespace needs root")
    return Place("2001:db8:1::7", request.getfixturevalue("namespace"))


@pytest.mark.parametrize("name", HTTP)
def test_http(cluster, place, name):
    behaviour, params, code, words = HTTP[name]
    server = Server(place, behaviour)
    d = start(cluster, place, {"type": "http", "port": server.port, "params": params},
              timeout=timeout_for(code, words))
    expect(d, code, words)
    if name.startswith("endless"):
        # It is not read to its end, which there is none of: what buffers hold, and no more.
        assert server.sent / server.connections < 16e6
    server.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("name", HTTPS)
def test_https(cluster, place, pki, name):
    what, params, code, words = HTTPS[name]
    server = Server(place, tls_server(pki, what))
    params = {"server-name": "www.example.net", **params}
    params = {k: v for k, v in params.items() if v is not None}
    d = start(cluster, place, {"type": "https", "port": server.port, "params": params},
              timeout=timeout_for(code, words), env=trust(pki))
    expect(d, code, words)
    server.close()


@pytest.mark.parametrize("kind", ["tcp", "http", "https"])
def test_refusing(cluster, place, kind):
    server = Server(place, silent)
    server.close()
    d = start(cluster, place, {"type": kind, "port": server.port})
    expect(d, "L4CON", "connect: Connection refused")


@pytest.mark.parametrize("kind, code, words", [
    ("tcp", "L4OK", "connected"), ("http", "L7TOUT", "no complete response within 1s"),
    ("https", "L6TOUT", "TLS handshake not done within 1s")])
@pytest.mark.parametrize("address", ["127.0.0.7", "2001:db8:1::7"], ids=["IPv4", "IPv6"])
def test_half_open(cluster, namespace, address, kind, code, words):
    """The handshake is answered; whatever follows is lost: the server knows of no connection."""
    if os.geteuid() != 0:
        pytest.skip("to enter a namespace needs root")
    place = Place(address, namespace)
    server = Server(place, silent)
    rule = f"tcp dport {server.port} tcp flags & syn == 0 drop"
    rules = f"table inet t {{\n chain c {{\n type filter hook input priority 0;\n {rule}\n }}\n}}\n"
    p = subprocess.run(place.namespace.wrapper("nft", "-f", "-"), input=rules, capture_output=True, text=True)
    if p.returncode != 0:
        pytest.skip(f"no nftables here: {p.stderr}")
    d = start(cluster, place, {"type": kind, "port": server.port}, timeout=timeout_for(code, words))
    expect(d, code, words)
    assert server.connections == 0
    server.close()


@pytest.mark.parametrize("name, words", [("good", "expires in 8d23h"), ("expired", "expired 1d")])
def test_days_to_expiry_are_shown(cluster, pki, name, words):
    """Of the last handshake, good or not."""
    place = Place(cluster.address(1))
    server = Server(place, tls_server(pki, name))
    d = start(cluster, place, {"type": "tcp", "port": server.port,
                               "params": {"ssl": True, "server-name": "www.example.net"}},
              "--metrics-addr", "127.0.0.1:0", env=trust(pki))
    d.wait_state("it", "up" if name == "good" else "down")
    shown = d.ctl("show", "backends", "it").stdout
    [line] = [l for l in shown.splitlines() if l.startswith("certificate")]
    assert words in line
    left = scrape.scrape(d).value("maglev_backend_cert_expiry_seconds", backend="it")
    days = 9 if name == "good" else -1
    assert days * 86400 - 3600 < left <= days * 86400
    server.close()


def api_sockets(d):
    """Links of the socket that listens for the API and of its connections, whoever holds them: proc(5), net/unix."""
    rows = [line.split() for line in pathlib.Path(f"/proc/{d.pid}/net/unix").read_text().splitlines()[1:]]
    mine = [row for row in rows if row[-1] == d.grpc.removeprefix("unix:")]
    connected = {f"socket:[{row[6]}]" for row in mine if row[5] == "03"}
    return connected, {f"socket:[{row[6]}]" for row in mine}


def free_descriptor(d):
    """The probe thread's lowest, once it probes nothing. Its table is its own, or (under ThreadSanitizer)
    everybody's: then it has the API's sockets, with one caller that stays."""
    [task] = [t for t in pathlib.Path(f"/proc/{d.pid}/task").iterdir()
              if (t / "comm").read_text().strip() == "probe"]

    def used():
        """None while there is a connection that will go."""
        try:
            links = {int(n): os.readlink(task / "fd" / n) for n in os.listdir(task / "fd")}
        except FileNotFoundError:
            return None
        sockets = {l for l in links.values() if l.startswith("socket:")}
        connected, api = api_sockets(d)
        return links if sockets <= api and len(sockets & connected) <= 1 else None
    idle = wait_for(used, "the last connection's end")
    return next(n for n in range(len(idle) + 1) if n not in idle)


def test_an_authority_that_cannot_be_opened(cluster, pki):
    """The descriptor for the authority's file is one too many: that says nothing about the server."""
    pytest.importorskip("grpc", reason="python3-grpcio is not installed")
    import grpcclient
    openssl(pki, "rehash", pki)
    place = Place(cluster.address(1))
    server = Server(place, silent)
    port, behaviour = server.port, tls_server(pki, "good")
    server.behaviour = lambda _, conn: reset(conn)  # so far
    d = start(cluster, place, {"type": "https", "port": port, "params": {"server-name": "www.example.net"}},
              env={"SSL_CERT_FILE": str(pki / "none"), "SSL_CERT_DIR": str(pki)})
    d.wait_state("it", "down")
    with grpcclient.Client(d.grpc) as c:  # connected before there is no descriptor for it, and for as long
        c.call("PauseBackend", name="it")
        soft, hard = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)
        free = free_descriptor(d)
        resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (free + 1, hard))  # the probe's, and no other
        log = d.mark()
        server.behaviour = behaviour
        c.call("ResumeBackend", name="it")
        told = d.wait_log("probe-done", log, count=3, code="LOCAL")
    assert told["detail"] == "TLS handshake: Too many open files"
    assert d.records("probe-done", log, code="L6RSP") == []
    resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (soft, hard))
    d.wait_state("it", "up", log)
    server.close()
