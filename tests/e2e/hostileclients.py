#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Everybody who means no good to a maglevd, all at once: hostileclients.py HOST GRPC_PORT METRICS_PORT SECONDS

HTTP/1.1 on the gRPC port, 10,000 streams at a time, connections that stop in the middle of a greeting,
huge headers, subscribers and scrapers that do not read, requests for metrics that never end. Says
"begun" to stderr, and ends after that time, but not before each was done once; then prints how often
each was, as JSON.
"""
import collections
import json
import socket
import sys
import threading
import time

import grpcclient
from grpcclient import Client, grpc

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HELD = 200  # connections that one kind keeps open
STREAMS = 10000
DEAF = 20


class Attack:
    def __init__(self, host, grpc_port, metrics_port, seconds):
        self.grpc, self.metrics = (host, grpc_port), (host, metrics_port)
        self.kinds = (self.http1, self.streams, self.half_open, self.loris, self.slow_scrapers,
                      self.huge_headers, self.deaf)
        self.end = time.monotonic() + seconds
        self.done = collections.Counter()

    def going(self):
        return time.monotonic() < self.end or len(self.done) < len(self.kinds)

    def http1(self):
        while self.going():
            try:
                with socket.create_connection(self.grpc, 5) as s:
                    s.settimeout(5)
                    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    while s.recv(4096):
                        pass
            except OSError:
                pass
            self.done["http1"] += 1
            time.sleep(0.01)

    def streams(self):
        with Client("%s:%d" % self.grpc) as c:
            while self.going():
                calls = []
                while len(calls) < STREAMS and self.going():
                    calls.append(c.watch(backend=True, timeout=60))
                    self.done["streams"] += 1
                for call in calls:
                    call.cancel()

    def hold(self, kind, where, first, then=None):
        """Keeps connections open that have said `first`, and trickle `then`."""
        held = []
        while self.going():
            while len(held) < HELD and self.going():
                try:
                    s = socket.create_connection(where, 5)
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    s.sendall(first)
                    held.append(s)
                    self.done[kind] += 1
                except OSError:
                    time.sleep(0.1)
            for s in list(held):
                try:
                    s.setblocking(False)
                    if then:
                        s.send(then)
                    elif s.recv(1, socket.MSG_PEEK) == b"":
                        raise ConnectionError
                except BlockingIOError:
                    pass
                except OSError:
                    s.close()
                    held.remove(s)
            time.sleep(0.2)

    def half_open(self):
        self.hold("half-open", self.grpc, PREFACE[:11])

    def loris(self):
        self.hold("loris", self.metrics, b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"X-a: b\r\n")

    def slow_scrapers(self):
        self.hold("slow scrapers", self.metrics, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

    def huge_headers(self):
        with Client("%s:%d" % self.grpc) as c:
            get = c.channel.unary_unary("/maglev.Maglev/GetVersion")
            while self.going():
                try:
                    get(b"", timeout=5, metadata=[("x-padding", "y" * 200000)])
                except grpc.RpcError:
                    self.done["huge headers"] += 1
                time.sleep(0.01)

    def deaf(self):
        options = [("grpc.http2.lookahead_bytes", 65536), ("grpc.http2.bdp_probe", 0)]
        clients = [Client("%s:%d" % self.grpc, options=options) for _ in range(DEAF)]
        while self.going():
            calls = [c.watch(log=True, log_level="debug", timeout=60) for c in clients]
            self.done["deaf"] += len(calls)
            time.sleep(2)
            for call in calls:
                call.cancel()

    def run(self):
        threads = [threading.Thread(target=kind) for kind in self.kinds]
        for t in threads:
            t.start()
        print("begun", file=sys.stderr, flush=True)
        for t in threads:
            t.join()
        return self.done


def main():
    grpcclient.made()
    host, *numbers = sys.argv[1:]
    print(json.dumps(Attack(host, *map(int, numbers)).run()), flush=True)


if __name__ == "__main__":
    main()
