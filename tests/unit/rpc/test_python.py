#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The server with a client of another make (python3-grpcio): test_python.py SERVER PROTO

What only a foreign client sends: bytes that are no message, strings that are no UTF-8, compressed
requests, cancellations, a thousand calls at a time; and TLS with certificates made on the spot.
"""
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

try:
    import grpc
except ImportError:
    print("python3-grpcio is not installed")
    sys.exit(77)

SERVER, PROTO = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
TMP = pathlib.Path(tempfile.mkdtemp(prefix="test-rpc-"))
TIMEOUT = 60

subprocess.run(
    ["protoc", f"--proto_path={PROTO.parent}", f"--python_out={TMP}", PROTO.name],
    check=True)
sys.path.insert(0, str(TMP))
import maglev_pb2 as pb  # noqa: E402

Code = grpc.StatusCode


def openssl(*args):
    subprocess.run(["openssl", *args], cwd=TMP, check=True, capture_output=True)


def make_certificates():
    """ca signs server (localhost, 127.0.0.1) and client; other signs itself and a stranger."""
    for ca in "ca", "other":
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "2", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.crt")
    (TMP / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name, ca, subject in (("server", "ca", "/CN=localhost"),
                              ("client", "ca", "/O=Ops/CN=alice"),
                              ("stranger", "other", "/CN=mallory")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key",
                "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", f"{name}.crt")


def read(name):
    return (TMP / name).read_bytes()


class Server:
    def __init__(self, addr="127.0.0.1:0", *args, descriptors=None, **env):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        self.process = subprocess.Popen([SERVER, addr, *args], stdout=subprocess.PIPE, text=True,
                                        preexec_fn=limit, env=os.environ | env)
        line = self.process.stdout.readline()
        assert line.startswith("port "), line
        self.port = int(line.split()[1])
        self.target = addr if addr.startswith("unix:") else f"127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(TIMEOUT)


def raw(channel, method, request, **kwargs):
    """A call with bytes for a request; gives the answer's bytes."""
    return channel.unary_unary(f"/maglev.Maglev/{method}")(request, timeout=TIMEOUT, **kwargs)


def get_backend(channel, name, **kwargs):
    f = channel.unary_unary("/maglev.Maglev/GetBackend",
                            request_serializer=pb.GetBackendRequest.SerializeToString,
                            response_deserializer=pb.BackendInfo.FromString)
    kwargs.setdefault("timeout", TIMEOUT)
    return f(pb.GetBackendRequest(name=name), **kwargs)


def get_version(channel):
    return pb.VersionInfo.FromString(raw(channel, "GetVersion", b""))


def seen(channel):
    return pb.ListBackendsResponse.FromString(raw(channel, "ListBackends", b"")).backend_names[0]


class Base(unittest.TestCase):
    def fails(self, code, fn, *args, **kwargs):
        with self.assertRaises(grpc.RpcError) as caught:
            fn(*args, **kwargs)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()

    def until_seen(self, channel, text):
        """The server sees a cancellation when it sees it: ask until it says so."""
        end = time.monotonic() + TIMEOUT
        while (said := seen(channel)) != text:
            self.assertLess(time.monotonic(), end, said)


class Plain(Base):
    def setUp(self):
        self.server = Server()
        self.channel = grpc.insecure_channel(
            self.server.target, options=[("grpc.max_send_message_length", -1)])

    def tearDown(self):
        self.channel.close()
        self.assertEqual(self.server.stop(), 0)

    def test_answer(self):
        self.assertEqual(get_backend(self.channel, "wéb").name, "wéb")
        self.assertEqual(get_backend(self.channel, "bytes").name, "a\ufffd z")
        v = get_version(self.channel)
        self.assertRegex(v.version, r"^ipv4:127\.0\.0\.1:\d+$")
        self.assertEqual((v.commit, v.build_date), ("", "local anonymous"))

    def test_errors(self):
        self.assertEqual(self.fails(Code.NOT_FOUND, get_backend, self.channel, "missing"),
                         'backend "missing" not found')
        self.assertEqual(self.fails(Code.UNIMPLEMENTED, raw, self.channel, "Nope", b""),
                         "unknown method /maglev.Maglev/Nope")

    def test_stream_unimplemented(self):
        stream = self.channel.unary_stream("/maglev.Maglev/WatchEvents")(b"", timeout=TIMEOUT)
        self.fails(Code.UNIMPLEMENTED, lambda: list(stream))

    def test_malformed(self):
        for bytes_ in (b"\xff", b"\x0a", b"\x0a\x05ab", b"\x0b\x0c", b"\x00\x00", b"\x08",
                       b"\xff" * 11, b"\x0a" + b"\xff" * 9 + b"\x01"):
            with self.subTest(bytes_):
                text = self.fails(Code.INVALID_ARGUMENT, raw, self.channel, "GetBackend", bytes_)
                self.assertEqual(text, "the request is no valid maglev.GetBackendRequest")

    def test_unknown_fields(self):
        """A newer client's fields are passed over."""
        answer = raw(self.channel, "GetBackend", b"\x0a\x01a" b"\x78\x01" b"\x82\x01\x02zz")
        self.assertEqual(pb.BackendInfo.FromString(answer).name, "a")

    def test_strings(self):
        self.assertEqual(
            self.fails(Code.INVALID_ARGUMENT, raw, self.channel, "GetBackend", b"\x0a\x02\xc3\x28"),
            "maglev.GetBackendRequest.name is not valid UTF-8")
        self.assertEqual(
            self.fails(Code.INVALID_ARGUMENT, raw, self.channel, "GetBackend", b"\x0a\x03a\0b"),
            "maglev.GetBackendRequest.name holds a NUL byte")

    def test_size(self):
        name = "x" * (65536 - 4)
        self.assertEqual(get_backend(self.channel, name).counter, len(name))
        for n in (1, 1 << 20, 16 << 20):
            self.fails(Code.RESOURCE_EXHAUSTED, get_backend, self.channel, name + "x" * n)
        self.assertEqual(get_backend(self.channel, "a").name, "a")

    def test_compressed(self):
        """16 MiB of nothing in 16 KiB: not unpacked."""
        self.fails(Code.UNIMPLEMENTED, get_backend, self.channel, "x" * (16 << 20),
                   compression=grpc.Compression.Gzip)
        self.assertEqual(get_backend(self.channel, "a").name, "a")

    def test_no_request(self):
        """A call that ends without a message."""
        f = self.channel.stream_unary("/maglev.Maglev/GetBackend")
        self.assertEqual(self.fails(Code.INVALID_ARGUMENT, f, iter([]), timeout=TIMEOUT),
                         "the call carries no request")

    def test_cancel(self):
        f = self.channel.unary_unary("/maglev.Maglev/GetBackend").future(
            pb.GetBackendRequest(name="hang").SerializeToString())
        self.until_seen(self.channel, "held 1 cancelled 0")
        f.cancel()
        self.until_seen(self.channel, "held 0 cancelled 1")

    def test_deadline(self):
        """A call whose time is over is cancelled at the server; one that was over before the server had
        it tells nothing, and is given longer."""
        hang = self.channel.unary_unary("/maglev.Maglev/GetBackend")
        request, held, timeout = pb.GetBackendRequest(name="hang").SerializeToString(), False, 0.1
        while not held:
            self.assertLess(timeout, TIMEOUT)
            call = hang.future(request, timeout=timeout)
            while not held and not call.done():
                held = not seen(self.channel).startswith("held 0 ")
            self.assertEqual(call.code(), Code.DEADLINE_EXCEEDED)
            timeout *= 2
        end = time.monotonic() + TIMEOUT
        while not seen(self.channel).startswith("held 0 "):
            self.assertLess(time.monotonic(), end)

    def test_client_vanishes(self):
        code = ("import grpc, os, sys; c = grpc.insecure_channel(sys.argv[1]); "
                "c.unary_unary('/maglev.Maglev/GetBackend')(b'\\x0a\\x04hang')")
        child = subprocess.Popen([sys.executable, "-c", code, self.server.target])
        self.until_seen(self.channel, "held 1 cancelled 0")
        child.kill()
        child.wait()
        self.until_seen(self.channel, "held 0 cancelled 1")

    def test_many(self):
        """1,024 calls are held; the next are refused, and as many fit again after a cancel."""
        f = self.channel.unary_unary("/maglev.Maglev/GetBackend")
        request = pb.GetBackendRequest(name="hang").SerializeToString()
        held = [f.future(request) for _ in range(1100)]
        refused = threading.Semaphore(0)
        for call in held:
            call.add_done_callback(lambda _: refused.release())
        for _ in range(1100 - 1024):
            self.assertTrue(refused.acquire(timeout=TIMEOUT))
        codes = [c.code() for c in held if c.done()]
        self.assertEqual(codes, [Code.RESOURCE_EXHAUSTED] * (1100 - 1024))
        for call in held:
            call.cancel()
        self.until_seen(self.channel, "held 0 cancelled 1024")

    def test_garbage_beside_a_client(self):
        for junk in (b"GET / HTTP/1.0\r\n\r\n", os.urandom(3000),
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 1000,
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + b"\xff" * 70000):
            with socket.create_connection(("127.0.0.1", self.server.port)) as s:
                try:
                    s.sendall(junk)
                except OSError:
                    pass  # closed on us: as it should
            self.assertEqual(get_backend(self.channel, "a").name, "a")

    def test_shutdown_with_a_call(self):
        call = self.channel.unary_unary("/maglev.Maglev/GetBackend").future(
            pb.GetBackendRequest(name="hang").SerializeToString(), timeout=TIMEOUT)
        self.until_seen(self.channel, "held 1 cancelled 0")
        self.server.process.terminate()
        self.assertEqual(self.server.process.wait(TIMEOUT), 0)
        self.assertIn(call.code(), (Code.UNAVAILABLE, Code.CANCELLED))


class Descriptors(Base):
    def test_exhaustion(self):
        """More connections than descriptors: refused, and all is well when they are gone."""
        server = Server(descriptors=64)
        with grpc.insecure_channel(server.target) as c:
            self.assertEqual(get_backend(c, "a").name, "a")
            for _ in range(3):
                many = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(150)]
                # those beyond the server's means are closed on their clients: the last is
                many[-1].settimeout(TIMEOUT)
                try:
                    while many[-1].recv(4096):
                        pass
                except ConnectionResetError:
                    pass
                self.assertEqual(get_backend(c, "a").name, "a")  # who is in stays in
                for s in many:
                    s.close()
        # a new client is taken, as soon as the server has seen the others go
        get = None
        while not get:
            with grpc.insecure_channel(server.target) as c:
                try:
                    get = get_backend(c, "b").name
                except grpc.RpcError as e:
                    self.assertEqual(e.code(), Code.UNAVAILABLE)
        self.assertEqual(get, "b")
        self.assertEqual(server.stop(), 0)


def frame(kind, flags, stream, payload):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
            + payload)


def literal(name, value):
    """HPACK: a literal header field without indexing, new name, no Huffman coding."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


class DeafClient:
    """Asks and does not read: HTTP/2 by hand, with a window of 0 for what comes back."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.stream = -1
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                            + frame(4, 0, 0, b"\0\4\0\0\0\0"))  # INITIAL_WINDOW_SIZE 0

    def ask(self, name):
        self.stream += 2
        headers = b"".join(literal(*h) for h in (
            (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"x"),
            (b":path", b"/maglev.Maglev/GetBackend"), (b"te", b"trailers"),
            (b"content-type", b"application/grpc")))
        message = pb.GetBackendRequest(name=name).SerializeToString()
        self.socket.sendall(frame(1, 4, self.stream, headers)
                            + frame(0, 1, self.stream,
                                    b"\0" + len(message).to_bytes(4, "big") + message))


class SlowReaders(Base):
    BIG = 3 << 20

    def test_bound(self):
        """64 MiB of answers may wait; then large ones are refused, small ones are not."""
        server = Server()
        deaf = DeafClient(server.port)
        for _ in range(30):
            deaf.ask("big")
        with grpc.insecure_channel(server.target) as c:
            while True:  # they are taken in when they are
                try:
                    get_backend(c, "big")
                except grpc.RpcError as e:
                    self.assertEqual(e.code(), Code.RESOURCE_EXHAUSTED)
                    self.assertEqual(e.details(), "too many answers wait to be read")
                    break
            self.assertEqual(get_backend(c, "a").name, "a")
            deaf.socket.close()
            answer = None
            while not answer:  # room again, as soon as the server has seen it go
                try:
                    answer = get_backend(c, "big")
                except grpc.RpcError as e:
                    self.assertEqual(e.code(), Code.RESOURCE_EXHAUSTED)
            self.assertEqual(len(answer.name), self.BIG)
        self.assertEqual(server.stop(), 0)

    def test_time(self):
        """Who does not read in time is cut off."""
        server = Server(READ_TIMEOUT_MS="100")
        deaf = DeafClient(server.port)
        deaf.ask("big")
        deaf.socket.settimeout(TIMEOUT)
        heard = b""
        while b"\0\0\4\3\0\0\0\0\1" not in heard:  # RST_STREAM of stream 1
            part = deaf.socket.recv(4096)
            self.assertTrue(part, heard)
            heard += part
        deaf.socket.close()
        with grpc.insecure_channel(server.target) as c:
            self.assertEqual(get_backend(c, "a").name, "a")
        self.assertEqual(server.stop(), 0)


class Unix(Base):
    def test_peer(self):
        server = Server(f"unix:{TMP}/socket")
        self.assertEqual(os.stat(TMP / "socket").st_mode & 0o777, 0o660)
        with grpc.insecure_channel(server.target) as c:
            v = get_version(c)
            self.assertTrue(v.version.startswith("unix:"), v.version)
            self.assertEqual(v.build_date, "local anonymous")
        self.assertEqual(server.stop(), 0)
        self.assertFalse((TMP / "socket").exists())


class Tls(Base):
    @classmethod
    def setUpClass(cls):
        make_certificates()

    def secure(self, server, ca="ca", cert=None):
        creds = grpc.ssl_channel_credentials(read(f"{ca}.crt"), cert and read(f"{cert}.key"),
                                             cert and read(f"{cert}.crt"))
        return grpc.secure_channel(server.target, creds)

    def test_tls(self):
        server = Server("127.0.0.1:0", f"{TMP}/server.crt", f"{TMP}/server.key")
        with self.secure(server) as c:
            v = get_version(c)
            self.assertEqual((v.commit, v.build_date), ("", "local anonymous"))
        # a certificate nobody asked for proves nothing
        with self.secure(server, cert="stranger") as c:
            self.assertEqual(get_version(c).build_date, "local anonymous")
        with grpc.insecure_channel(server.target) as c:
            self.fails(Code.UNAVAILABLE, get_version, c)
        with self.secure(server, ca="other") as c:
            self.fails(Code.UNAVAILABLE, get_version, c)
        warnings.simplefilter("ignore", DeprecationWarning)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            with self.assertRaises((ssl.SSLError, OSError)):
                old.wrap_socket(s)
        self.assertEqual(server.stop(), 0)

    def test_mutual(self):
        server = Server("127.0.0.1:0", f"{TMP}/server.crt", f"{TMP}/server.key", f"{TMP}/ca.crt")
        with self.secure(server, cert="client") as c:
            v = get_version(c)
            self.assertEqual(v.build_date, "local authenticated")
            self.assertIn("CN=alice", v.commit.replace(" ", ""))
        for cert in (None, "stranger"):
            with self.secure(server, cert=cert) as c:
                self.fails(Code.UNAVAILABLE, get_version, c)
        self.assertEqual(server.stop(), 0)

    def refused(self, text, *args):
        done = subprocess.run([SERVER, "127.0.0.1:0", *args], stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(text, done.stderr)

    def test_bad_files(self):
        t = str(TMP)
        (TMP / "empty").write_text("")
        (TMP / "text").write_text("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
        openssl("ec", "-in", "server.key", "-aes128", "-passout", "pass:x", "-out", "locked.key")
        good = (f"{t}/server.crt", f"{t}/server.key")
        self.refused(f"reading {t}/none: No such file", f"{t}/none", good[1])
        self.refused(f"reading {t}/none: No such file", good[0], f"{t}/none")
        self.refused(f"reading {t}: not a regular file", t, good[1])
        self.refused(f"{t}/empty: no PEM certificate", f"{t}/empty", good[1])
        self.refused(f"{t}/text: no PEM certificate", f"{t}/text", good[1])
        self.refused(f"{t}/server.crt: no PEM private key", good[0], good[0])
        self.refused(f"{t}/locked.key: the private key is encrypted", good[0], f"{t}/locked.key")
        self.refused("does not belong to the certificate", good[0], f"{t}/client.key")
        self.refused(f"{t}/empty: no PEM certificate", *good, f"{t}/empty")


if __name__ == "__main__":
    try:
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
    finally:
        subprocess.run(["rm", "-rf", str(TMP)], check=False)
