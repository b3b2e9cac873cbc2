# SPDX-License-Identifier: Apache-2.0
"""VPP's binary API over its Unix socket: a small client of its own.

Written from VPP's side of the fence (src/vlibmemory/socket_api.c for the framing, the lb plugin's
lb.api for the messages) and independent of the C codec, so that each checks the other.

A frame is a 16-byte header (u64 ignored, u32 payload length, u32 ignored) and the payload; integers
are big-endian and packed. A message is a list of (field, type) rows; the types are below.
"""
import ipaddress
import socket
import struct
from collections import namedtuple

HEADER = struct.Struct(">QII")
SOCKCLNT_CREATE = 15  # the one id known without the table
FRAME_MAX = 16 << 20

TCP, UDP, ANY = 6, 17, 255
GRE4, GRE6 = 0, 1
AS_USED = 1  # lb_as_v2_details.flags: the row exists

# What VPP answers when it refuses.
EXISTS, OTHER_ENCAP, WRONG_FAMILY, NO_ENTRY, BAD_LENGTH = -81, -73, -97, -6, -70


class Closed(Exception):
    """VPP closed the connection."""


# Types. A reader takes a Cursor and returns a value; a writer returns bytes.

class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError(f"message too short: {n} bytes wanted at {self.at} of {len(self.data)}")
        self.at += n
        return self.data[self.at - n:self.at]


def integer(fmt):
    s = struct.Struct(">" + fmt)
    return s.pack, lambda c: s.unpack(c.take(s.size))[0]


def chars(n):
    def write(v):
        v = v.encode()
        if len(v) >= n:
            raise ValueError("string too long")
        return v.ljust(n, b"\0")
    return write, lambda c: c.take(n).split(b"\0")[0].decode()


def ip_raw(cls, n):
    return lambda v: cls(v).packed, lambda c: cls(bytes(c.take(n)))


def write_address(v):
    v = ipaddress.ip_address(v)
    return bytes([v.version == 6]) + v.packed.ljust(16, b"\0")


def read_address(c):
    family, raw = c.take(1)[0], bytes(c.take(16))
    if family == 0:
        if any(raw[4:]):
            raise ValueError("rubbish behind an IPv4 address")
        return ipaddress.IPv4Address(raw[:4])
    return ipaddress.IPv6Address(raw)


def write_prefix(v):
    v = ipaddress.ip_network(v)
    return write_address(v.network_address) + bytes([v.prefixlen])


def read_prefix(c):
    address = read_address(c)
    return ipaddress.ip_network((address, c.take(1)[0]))


def write_string(v):
    return struct.pack(">I", len(v.encode())) + v.encode()


def read_string(c):
    return bytes(c.take(struct.unpack(">I", c.take(4))[0])).decode()


TYPES = {
    "u8": integer("B"), "u16": integer("H"), "u32": integer("I"), "i32": integer("i"),
    "ip4": ip_raw(ipaddress.IPv4Address, 4), "ip6": ip_raw(ipaddress.IPv6Address, 16),
    "address": (write_address, read_address), "prefix": (write_prefix, read_prefix),
    "string": (write_string, read_string),
    "c32": chars(32), "c64": chars(64), "c256": chars(256),
    "rest": (bytes, lambda c: bytes(c.take(len(c.data) - c.at))),
}

VIP = [("prefix", "prefix"), ("protocol", "u8"), ("port", "u16")]
CONF = [("ip4", "ip4"), ("ip6", "ip6"), ("sticky_buckets_per_core", "u32"), ("flow_timeout", "u32")]
RETVAL = [("retval", "i32")]

# name: (CRC, fields behind the header common to its kind)
MESSAGES = {
    "show_version": ("51077d14", []),
    "show_version_reply": ("c919bde1", RETVAL + [("program", "c32"), ("version", "c32"),
                                                 ("build_date", "c32"), ("build_directory", "c256")]),
    "control_ping": ("51077d14", []),
    "control_ping_reply": ("f6b0b8ca", RETVAL + [("client_index", "u32"), ("vpe_pid", "u32")]),
    "lb_conf": ("56cd3261", CONF),
    "lb_conf_reply": ("e8d4e804", RETVAL),
    "lb_conf_get": ("51077d14", []),
    "lb_conf_get_reply": ("923427ac", RETVAL + CONF),
    "lb_add_del_vip_v2": ("7c520e0f", VIP + [
        ("encap", "u32"), ("dscp", "u8"), ("type", "u32"), ("target_port", "u16"),
        ("node_port", "u16"), ("new_flows_table_length", "u32"), ("src_ip_sticky", "u8"),
        ("is_del", "u8")]),
    "lb_add_del_vip_v2_reply": ("e8d4e804", RETVAL),
    "lb_add_del_as_v2": ("2f1d3b0e", VIP + [("as_address", "address"), ("weight", "u8"),
                                            ("is_del", "u8"), ("is_flush", "u8")]),
    "lb_add_del_as_v2_reply": ("e8d4e804", RETVAL),
    "lb_as_set_weight": ("2d89bdbd", VIP + [("as_address", "address"), ("weight", "u8"),
                                            ("is_flush", "u8")]),
    "lb_as_set_weight_reply": ("e8d4e804", RETVAL),
    "lb_vip_dump": ("56110cb7", [("prefix", "prefix"), ("le", "u8"), ("ge", "u8"),
                                 ("protocol", "u8"), ("port", "u16")]),
    "lb_vip_details": ("1329ec9b", VIP + [("encap", "u32"), ("dscp", "u8"), ("srv_type", "u32"),
                                          ("target_port", "u16"), ("flow_table_length", "u16")]),
    "lb_as_v2_dump": ("1063f819", VIP),
    "lb_as_v2_details": ("90064aae", VIP + [("as_address", "address"), ("flags", "u8"),
                                            ("in_use_since", "u32"), ("weight", "u8"),
                                            ("num_buckets", "u32")]),
    "lb_flush_vip": ("1063f819", VIP),
    "lb_flush_vip_reply": ("e8d4e804", RETVAL),
    "cli_inband": ("f8377302", [("cmd", "string")]),
    "cli_inband_reply": ("05879051", RETVAL + [("reply", "string")]),
    "sockclnt_delete": ("8ac76db6", [("index", "u32")]),
    "sockclnt_delete_reply": ("8f38b1ee", [("response", "i32")]),
    "ip_route_lookup": ("710d6471", [("table_id", "u32"), ("exact", "u8"), ("prefix", "prefix")]),
    "ip_route_lookup_reply": ("5d8febcb", RETVAL + [
        ("table_id", "u32"), ("stats_index", "u32"), ("prefix", "prefix"), ("n_paths", "u8"),
        ("paths", "rest")]),
}


def is_request(name):
    return not name.endswith(("_reply", "_details"))


def full_name(name):
    return f"{name}_{MESSAGES[name][0]}"


def encode(name, values):
    """The fields of a message as bytes. Every field must be given, and no other."""
    fields = MESSAGES[name][1]
    if set(values) != {f for f, _ in fields}:
        raise ValueError(f"{name} takes {[f for f, _ in fields]}, not {sorted(values)}")
    return b"".join(TYPES[t][0](values[f]) for f, t in fields)


def decode(name, data):
    """The fields of a message from bytes, all of which they must take up."""
    cursor = Cursor(data)
    ret = {f: TYPES[t][1](cursor) for f, t in MESSAGES[name][1]}
    if cursor.at != len(data):
        raise ValueError(f"{name}: {len(data) - cursor.at} bytes left over")
    return ret


def frame(payload):
    return HEADER.pack(0, len(payload), 0) + payload


def receive_exactly(sock, n):
    data = b""
    while len(data) < n:
        piece = sock.recv(n - len(data))
        if not piece:
            raise Closed()
        data += piece
    return data


def receive_frame(sock):
    _, length, _ = HEADER.unpack(receive_exactly(sock, HEADER.size))
    if length > FRAME_MAX:
        raise ValueError(f"frame of {length} bytes")
    return receive_exactly(sock, length)


Key = namedtuple("Key", "prefix protocol port")


def key(address, protocol=TCP, port=80):
    return Key(ipaddress.ip_network(address), protocol, port)


class Refused(Exception):
    def __init__(self, name, retval):
        super().__init__(f"{name}: {retval}")
        self.retval = retval


class Client:
    """One connection. Blocking; `timeout` seconds for each answer."""

    def __init__(self, path, name="e2e", timeout=120):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.context = 0
        self._handshake(name)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def _handshake(self, name):
        self.sock.sendall(frame(struct.pack(">HI", SOCKCLNT_CREATE, 0) + TYPES["c64"][0](name)))
        reply = receive_frame(self.sock)
        _, _, _, response, self.index, count = struct.unpack_from(">HIIiIH", reply)
        if response < 0:
            raise Refused("sockclnt_create", response)
        self.ids = {}
        for i in range(count):
            number, text = struct.unpack_from(">H64s", reply, 20 + 66 * i)
            self.ids[text.split(b"\0")[0].decode()] = number
        if len(reply) != 20 + 66 * count:
            raise ValueError("the message table's length is wrong")
        self.names = {self.ids[full_name(n)]: n for n in MESSAGES if full_name(n) in self.ids}

    def send(self, name, **values):
        self.context += 1
        self.sock.sendall(frame(struct.pack(">HII", self.ids[full_name(name)], self.index, self.context)
                                + encode(name, values)))
        return self.context

    def receive(self):
        """The next message: (name, context, fields)."""
        payload = receive_frame(self.sock)
        number, context = struct.unpack_from(">HI", payload)
        name = self.names[number]
        return name, context, decode(name, payload[6:])

    def call(self, name, **values):
        """Sends a request, returns the fields of its reply; Refused when the retval is negative."""
        wanted = self.send(name, **values)
        got, context, fields = self.receive()
        assert (got, context) == (name + "_reply", wanted), (got, context, name, wanted)
        if fields.get("retval", 0) < 0:
            raise Refused(name, fields["retval"])
        return fields

    def dump(self, name, **values):
        """Sends a dump and a ping behind it, returns the rows in between."""
        wanted = self.send(name, **values)
        ping = self.send("control_ping")
        rows = []
        while True:
            got, context, fields = self.receive()
            if got == "control_ping_reply" and context == ping:
                return rows
            assert context == wanted, (got, context)
            rows.append(fields)

    # What the tests want to know and to do.

    def vips(self):
        """{Key: row} of what `lb_vip_dump` shows."""
        rows = self.dump("lb_vip_dump", prefix="0.0.0.0/0", le=0, ge=0, protocol=ANY, port=0)
        return {Key(r["prefix"], r["protocol"], r["port"]): r for r in rows}

    def ases(self, removed=False):
        """{Key: {address: row}} of the application servers that exist (or of the removed ones)."""
        ret = {}
        for r in self.dump("lb_as_v2_dump", prefix="0.0.0.0/0", protocol=0, port=0):
            if bool(r["flags"] & AS_USED) != removed:
                row_key = Key(r["prefix"], r["protocol"], r["port"])
                ret.setdefault(row_key, {})[r["as_address"]] = r
        return ret

    def weights(self, vip):
        """{"address": weight} of a VIP."""
        return {str(a): r["weight"] for a, r in self.ases().get(vip, {}).items()}

    def buckets(self, vip):
        return {str(a): r["num_buckets"] for a, r in self.ases().get(vip, {}).items()}

    def add_vip(self, vip, length=1024, encap=GRE4, sticky=False, is_del=False):
        self.call("lb_add_del_vip_v2", **vip._asdict(), encap=encap, dscp=0, type=0, target_port=0,
                  node_port=0, new_flows_table_length=length, src_ip_sticky=sticky, is_del=is_del)

    def del_vip(self, vip):
        self.add_vip(vip, is_del=True)

    def add_as(self, vip, address, weight):
        self.call("lb_add_del_as_v2", **vip._asdict(), as_address=address, weight=weight, is_del=0,
                  is_flush=0)

    def del_as(self, vip, address, flush=True):
        self.call("lb_add_del_as_v2", **vip._asdict(), as_address=address, weight=0, is_del=1,
                  is_flush=flush)

    def set_weight(self, vip, address, weight, flush=False):
        self.call("lb_as_set_weight", **vip._asdict(), as_address=address, weight=weight,
                  is_flush=flush)

    def conf(self):
        fields = self.call("lb_conf_get")
        return {f: fields[f] for f, _ in CONF}

    def set_conf(self, **changes):
        self.call("lb_conf", **{**self.conf(), **changes})

    def cli(self, command):
        return self.call("cli_inband", cmd=command)["reply"]
