#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What 2,000 browsers cost the dashboard: processor time and memory, with about 50 events a second,
beside nginx that gives as many clients a static file of the same bytes (the floor: bytes to sockets).

    dashboard.py BUILD_DIR     READERS=2000 WINDOW=10 in the environment

One maglevd whose weights are changed all the time; the dashboard (then nginx) has a core, all else
the other one. The table is Markdown.
"""
import json
import os
import pathlib
import resource
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import clients

READERS = int(os.environ.get("READERS", "2000"))
WINDOW = float(os.environ.get("WINDOW", "10"))
EVENTS_PER_CHANGE = 6  # of the ring, roughly: records, the frontend, VPP's state
RATE = 50
GRPC, WEB, STATIC = "127.0.0.1:19190", ("127.0.0.1", 18081), ("127.0.0.1", 18082)

CONFIG = {"maglev": {
    "vpp": {"lb": {"ipv4-src-address": "192.0.2.1", "ipv6-src-address": "2001:db8::1",
                   "startup-min-delay": "0s"}},
    "backends": {f"b{i}": {"address": f"127.0.1.{i + 1}"} for i in range(5)},
    "frontends": {"www": {"address": "203.0.113.80", "protocol": "tcp", "port": 80, "pools": [
        {"name": "primary", "backends": {f"b{i}": {} for i in range(5)}}]}}}}

NGINX = """\
daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.err; worker_rlimit_nofile 8192;
events {{ worker_connections 8000; }}
http {{ access_log off; sendfile on; root {dir}; server {{ listen {host}:{port} backlog=4096; }}
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5; }}
"""


class Crowd:
    """Clients on one thread: bytes and events that came to them."""

    def __init__(self, n, where, path):
        self.bytes = self.events = self.closed = 0
        self.poll = select.epoll()
        self.sockets = {}
        for _ in range(n):
            s = socket.create_connection(where)
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            s.setblocking(False)
            self.sockets[s.fileno()] = s
            self.poll.register(s, select.EPOLLIN)

    def read_for(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self.closed < len(self.sockets):
            for fd, _ in self.poll.poll(min(left, 0.1)):
                data = self.sockets[fd].recv(1 << 18)
                self.bytes += len(data)
                self.events += data.count(b"\nevent: ") + data.count(b"\r\nevent: ")
                if not data:
                    self.closed += 1
                    self.poll.unregister(fd)

    def close(self):
        for s in self.sockets.values():
            s.close()
        self.poll.close()


class Changes(threading.Thread):
    """Sets weights, at a rate, until told to stop."""

    def __init__(self, ctl):
        super().__init__(daemon=True)
        self.ctl, self.over = ctl, threading.Event()

    def run(self):
        n, at = 0, time.monotonic()
        while not self.over.is_set():
            n += 1
            subprocess.run([self.ctl, "--server", GRPC, "set", "frontend", "www", "pool", "primary",
                            "backend", f"b{n % 5}", "weight", str(1 + n % 100)], check=True,
                           stdout=subprocess.DEVNULL)
            at += EVENTS_PER_CHANGE / RATE
            time.sleep(max(0, at - time.monotonic()))


def start_all(build, directory, cpus):
    (directory / "maglev.yaml").write_text(json.dumps(CONFIG))
    binaries = build / "bin"
    api, stats = directory / "api.sock", directory / "stats.sock"
    sim = clients.Child(directory, "lbsim", [binaries / "maglev-lbsim", "--api-socket", api,
                                             "--stats-socket", stats], cpus[1])
    clients.wait_for(api.exists, "lbsim")
    daemon = clients.Child(directory, "maglevd", [
        binaries / "maglevd", "--config", directory / "maglev.yaml", "--grpc-addr", GRPC,
        "--vpp-api-addr", api, "--vpp-stats-addr", stats, "--metrics-addr", ""], cpus[1])
    board = clients.Child(directory, "dashboard", [
        binaries / "maglevd-frontend", "-server", f"m={GRPC}", "-listen", "%s:%d" % WEB], cpus[0])
    clients.wait_for(lambda: board.check() or clients.can_connect(*WEB), "the dashboard")
    time.sleep(3)
    return sim, daemon, board


def measure_dashboard(build, directory, cpus):
    children = start_all(build, directory, cpus)
    board = children[-1]
    try:
        alone = board.rss()
        crowd = Crowd(READERS, WEB, "/view/api/events")
        changes = Changes(build / "bin" / "maglevc")
        changes.start()
        crowd.read_for(3)
        crowd.bytes = crowd.events = 0
        cpu, at = board.cpu_ns(), time.monotonic()
        crowd.read_for(WINDOW)
        seconds = time.monotonic() - at
        used = board.cpu_ns() - cpu
        rss = board.rss()
        changes.over.set()
        changes.join()
        assert crowd.closed == 0, f"{crowd.closed} readers were cut off"
        crowd.close()
        return {"cpu": used, "seconds": seconds, "bytes": crowd.bytes, "events": crowd.events,
                "rss": rss, "alone": alone}
    finally:
        for c in children:
            c.stop()


def measure_nginx(directory, cpus, size):
    """The same bytes to as many clients."""
    (directory / "file").write_bytes(os.urandom(1) * size)
    (directory / "nginx.conf").write_text(NGINX.format(dir=directory, host=STATIC[0], port=STATIC[1]))
    nginx = clients.Child(directory, "nginx", ["/usr/sbin/nginx", "-c", directory / "nginx.conf",
                                               "-e", directory / "nginx.err"], cpus[0])
    try:
        clients.wait_for(lambda: nginx.check() or clients.can_connect(*STATIC), "nginx")
        cpu = nginx.cpu_ns()
        crowd = Crowd(READERS, STATIC, "/file")
        crowd.read_for(120)
        assert crowd.closed == READERS, f"{crowd.closed} have the file"
        rss, used = nginx.rss(), nginx.cpu_ns() - cpu
        crowd.close()
        return {"cpu": used, "bytes": crowd.bytes, "rss": rss}
    finally:
        nginx.stop()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="maglev-bench-"))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cpus = clients.cpus()
    os.sched_setaffinity(0, {cpus[1]})
    try:
        d = measure_dashboard(build, directory, cpus)
        n = measure_nginx(directory, cpus, d["bytes"] // READERS)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"| {READERS} readers | events/s each | MB/s | CPU of a core | CPU per event and reader | "
          "CPU per MB | RSS | RSS per reader |")
    print("|---|---|---|---|---|---|---|---|")
    print(f"| maglevd-frontend | {d['events'] / READERS / d['seconds']:.0f} | "
          f"{d['bytes'] / d['seconds'] / 1e6:.1f} | {d['cpu'] / d['seconds'] / 1e7:.0f} % | "
          f"{d['cpu'] / d['events'] / 1e3:.2f} µs | {d['cpu'] / d['bytes']:.1f} ms | "
          f"{d['rss'] / 1e6:.1f} MB | {(d['rss'] - d['alone']) / READERS / 1e3:.1f} kB |")
    print(f"| nginx, one file | – | – | – | – | {n['cpu'] / n['bytes']:.1f} ms | {n['rss'] / 1e6:.1f} MB | – |")
    print(f"\nof the floor: {d['cpu'] / d['bytes'] / (n['cpu'] / n['bytes']):.1f} times the CPU per byte")


if __name__ == "__main__":
    main()
