# SPDX-License-Identifier: Apache-2.0
"""A VPP that misbehaves: enough of the binary API to be connected to, then whatever a test wants.

`FakeVpp(path, behaviour)` serves connections one after the other, each in `behaviour(peer)`, on a
thread. `peer` has the pieces to misbehave with; what it says through misbehave() is counted, so that
a test knows that the client came so far.
"""
import socket
import struct
import threading

import vppapi


class Peer:
    """One connection, seen from VPP."""

    INDEX = 0x80000001
    # In every VPP's table, beside what vppapi.MESSAGES has.
    FIXED = {"sockclnt_create_455fb9c4": 15, "sockclnt_create_reply_35166268": 16,
             "memclnt_keepalive_51077d14": 21, "memclnt_keepalive_reply_e8d4e804": 22}

    def __init__(self, sock, vpp):
        self.sock, self.vpp = sock, vpp
        # Ids that no VPP has, so that nobody gets away with constants.
        self.ids = {name: 1000 + i for i, name in enumerate(vppapi.MESSAGES)}
        self.names = {i: name for name, i in self.ids.items()}

    def read_request(self):
        """(name, context, fields) of the next request; Closed at the end."""
        payload = vppapi.receive_frame(self.sock)
        number, index, context = struct.unpack_from(">HII", payload)
        assert index == self.INDEX, "a request with another client index"
        name = self.names[number]
        return name, context, vppapi.decode(name, payload[10:])

    def send(self, payload):
        self.sock.sendall(vppapi.frame(payload))

    def reply(self, name, context, **fields):
        self.send(struct.pack(">HI", self.ids[name], context) + vppapi.encode(name, fields))

    def handshake(self, leave_out=(), crc=None):
        """The message table: without some messages, or some with another CRC."""
        crc = crc or {}
        payload = vppapi.receive_frame(self.sock)
        number, context = struct.unpack_from(">HI", payload)
        assert number == vppapi.SOCKCLNT_CREATE
        table = {f"{n}_{crc.get(n, vppapi.MESSAGES[n][0])}": i for n, i in self.ids.items()
                 if n not in leave_out}
        rows = [struct.pack(">H64s", i, n.encode()) for n, i in {**self.FIXED, **table}.items()]
        self.send(struct.pack(">HIIiIH", 16, 0, context, 0, self.INDEX, len(rows)) + b"".join(rows))

    def answer(self, name, context):
        """A harmless answer to what a client asks after the handshake: an empty, fresh VPP."""
        if name == "show_version":
            self.reply("show_version_reply", context, retval=0, program="vpe", version="26.10-fake",
                       build_date="2026-10-28T00:00:00", build_directory="/")
        elif name == "control_ping":
            self.reply("control_ping_reply", context, retval=0, client_index=self.INDEX, vpe_pid=1)
        elif name == "lb_conf_get":
            self.reply("lb_conf_get_reply", context, retval=0, ip4="255.255.255.255",
                       ip6="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                       sticky_buckets_per_core=1024, flow_timeout=40)
        elif name == "cli_inband":
            self.reply("cli_inband_reply", context, retval=0, reply="")
        elif name == "sockclnt_delete":
            self.reply("sockclnt_delete_reply", context, response=1)
        elif name.endswith("_dump"):
            pass
        else:
            self.reply(name + "_reply", context, retval=0)

    def serve_until(self, name):
        """Answers well until a request of that name comes; returns its context."""
        while True:
            got, context, _ = self.read_request()
            if got == name:
                return context
            self.answer(got, context)

    def misbehave(self, data=b""):
        """Says something wrong, byte by byte as given."""
        self.vpp.misdeeds += 1
        self.sock.sendall(data)

    def linger(self):
        """Holds the connection until the other side ends it."""
        try:
            while self.sock.recv(65536):
                pass
        except OSError:
            pass


class FakeVpp:
    def __init__(self, path, behaviour):
        self.behaviour = behaviour
        self.connections = 0
        self.misdeeds = 0
        self.mistakes = []  # of the client, found by Peer
        self.changed = threading.Condition()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.current = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.current = sock
            with self.changed:
                self.connections += 1
                self.changed.notify_all()
            try:
                self.behaviour(Peer(sock, self))
            except (vppapi.Closed, OSError):
                pass
            except Exception as e:  # pylint: disable=broad-except; shown by the test
                self.mistakes.append(e)
            sock.close()

    def wait_connections(self, n, timeout):
        with self.changed:
            assert self.changed.wait_for(lambda: self.connections >= n, timeout), \
                f"{self.connections} connections, {n} wanted"

    def close(self):
        # shutdown() wakes the accept(); close() alone would not.
        for sock in (self.listener, self.current):
            try:
                if sock:
                    sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()
        self.thread.join(10)
