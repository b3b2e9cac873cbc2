# SPDX-License-Identifier: Apache-2.0
"""A small network on one machine: network namespaces as hosts, a router between them, real packets.

    client ──┐                       ┌── s1   nginx on [::]:80 and 0.0.0.0:80,
             │                       ├── s2   the VIPs on lo, GRE taken off,
    probe ───┼────── router ─────────┼── s3   answers go to the client directly
             │                       └── s4
    lb ──────┘

Each host has one link to the router, 10.77.N.2/24 and fd77:N::2/64; the router is .1 and routes the
VIPs to lb. There maglev-lbsim --forward picks a server and wraps the packet in GRE, as VPP would;
maglevd runs there too and probes from the host probe (healthchecker.netns). Answers pass lb by.

Needs root, network namespaces, veth and TUN devices; missing() tells what is not there. In VPP's
place another program may run: MAGLEV_NET_VPP names a command that is started in lb with a directory,
in which it makes api.sock and stats.sock; it gets its interface by its command line over the API
(host-interface on lb's link) and must answer to it as VPP does.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter, namedtuple

import tablemodel
import vppapi
from cluster import BIN, Lbsim, Maglevd, can_connect
from processes import DEADLINE, LIBC, PR_SET_PDEATHSIG, Process, stop_all, wait_for

HELPERS = BIN.parent / "tests" / "net"
GREDECAP, NETLOAD = HELPERS / "gredecap", HELPERS / "netload"
MAGLEVT = BIN / "maglevt"
VPP = os.environ.get("MAGLEV_NET_VPP")

PREFIX = "mglv"
NUMBERS = {"client": 1, "lb": 2, "probe": 3, "s1": 11, "s2": 12, "s3": 13, "s4": 14}
SERVERS = ["s1", "s2", "s3", "s4"]
# Many sources: all of it is local to the client.
CLIENTS = "10.78.0.0/16"
TRAFFIC = "10.78.0.1"
VIPS4, VIPS6 = "192.0.2.0/24", "2001:db8:80::/64"
VIP, VIP_GRE6 = "192.0.2.80", "192.0.2.81"
VIP6, VIP6_GRE6 = "2001:db8:80::80", "2001:db8:80::81"
MTU, MTU_GRE = 1500, 1600  # of clients' links, and where GRE's 24 or 44 bytes must fit as well
REQUEST_PORT, DOWNLOAD_PORT = 2000, 20000  # the first that clients use
BIG = 64 << 20             # bytes of a long download
LONG, PACE = 4 << 20, 16 << 10  # of one that ends, four minutes long unless it is let go

NGINX = """
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log notice;
worker_rlimit_nofile 16384;
events {{ worker_connections 8000; }}
http {{
  access_log off;
  client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
  uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
  default_type text/plain;
  server {{
    listen 80 backlog=4096;
    listen [::]:80 ipv6only=on backlog=4096;
    root {dir}/www;
    add_header X-Server {name} always;
    add_header X-IPng-Frontend {name} always;
    location = / {{ return 200 "{name}\\n"; }}
    location = /healthz {{ if (-f {dir}/broken) {{ return 500; }} return 200 "ok\\n"; }}
    location /.well-known/ {{ return 200 "{name}\\n"; }}
    location = /big {{ limit_rate 16k; }}
  }}
}}
"""


def missing():
    """What keeps the lab from being built here, or None."""
    if os.geteuid() != 0:
        return "root is needed for network namespaces"
    for program in ("ip", "nsenter", "unshare", "nginx"):
        if not shutil.which(program):
            return f"no {program} here"
    for helper in (GREDECAP, NETLOAD, MAGLEVT):
        if not helper.exists():
            return f"{helper} is not built"
    script = ("ip link add try0 type veth peer name try1 && ip tuntap add dev try2 mode tun &&"
              " mkdir -p /run/netns")
    tried = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True)
    return f"no network namespaces here: {tried.stderr.strip()}" if tried.returncode else None


class Host:
    """A network namespace and what runs in it. A process holds it, so that it goes with us however we
    end; a link gives it the name by which `ip` and maglevd find it."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.netns = f"{lab.prefix}-{name}"
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready && exec sleep 1000000"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        lab.hosts.append(self)
        assert self.holder.stdout.readline() == "ready\n"
        self.path = f"/proc/{self.holder.pid}/ns/net"
        link = pathlib.Path("/run/netns", self.netns)
        link.unlink(missing_ok=True)
        link.symlink_to(self.path)
        self.write("net/ipv6/conf/all/accept_dad", 0)
        self.write("net/ipv6/conf/default/accept_dad", 0)
        self.write("net/ipv6/conf/default/accept_ra", 0)
        self.write("net/ipv4/conf/all/rp_filter", 0)
        self.write("net/ipv4/conf/default/rp_filter", 0)
        self.write("net/ipv4/ip_local_port_range", "1024 65535")
        self.ip("link", "set", "lo", "up")

    def wrapper(self):
        return ["nsenter", f"--net={self.path}"]

    def run(self, *argv, check=True):
        done = subprocess.run([*self.wrapper(), *map(str, argv)], capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{argv}: {done.returncode}: {done.stderr}"
        return done.stdout

    def ip(self, *words):
        done = subprocess.run(["ip", "-n", self.netns, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, f"ip {' '.join(map(str, words))}: {done.stderr}"

    def close(self):
        for process in vars(self).values():
            if isinstance(process, Process):
                process.kill()
        self.holder.kill()
        self.holder.wait()
        pathlib.Path("/run/netns", self.netns).unlink(missing_ok=True)

    def write(self, key, value):
        self.run("sh", "-c", f"echo '{value}' > /proc/sys/{key}")

    def forwards(self):
        self.write("net/ipv4/ip_forward", 1)
        self.write("net/ipv6/conf/all/forwarding", 1)

    def link_to(self, router, mtu):
        """A cable to the router, which is .1 and ::1 on it."""
        self.net4, self.net6 = f"10.77.{NUMBERS[self.name]}", f"fd77:{NUMBERS[self.name]}:"
        self.ip4, self.ip6 = f"{self.net4}.2", f"{self.net6}:2"
        self.ip("link", "add", "eth0", "mtu", mtu, "type", "veth", "peer", "name", self.name, "mtu", mtu,
                "netns", router.netns)
        for host, device, n in ((self, "eth0", 2), (router, self.name, 1)):
            host.ip("addr", "add", f"{self.net4}.{n}/24", "dev", device)
            host.ip("addr", "add", f"{self.net6}:{n}/64", "dev", device, "nodad")
            host.ip("link", "set", device, "up")
        self.ip("route", "add", "default", "via", f"{self.net4}.1")
        self.ip("route", "add", "default", "via", f"{self.net6}:1")

    def mac(self):
        return self.run("cat", "/sys/class/net/eth0/address").strip()

    def start(self, name, *argv, **options):
        return Process(name, [*self.wrapper(), *argv], self.lab.dir, **options)


class Server(Host):
    """A web server with the VIPs on its loopback, which takes GRE and answers directly."""

    def __init__(self, lab, name):
        super().__init__(lab, name)
        self.link_to(lab.router, MTU_GRE)
        self.nginx_dir = lab.dir / name
        (self.nginx_dir / "www").mkdir(parents=True)
        with open(self.nginx_dir / "www" / "big", "wb") as f:
            f.truncate(BIG)
        with open(self.nginx_dir / "www" / "long", "wb") as f:
            f.truncate(LONG)
        (self.nginx_dir / "nginx.conf").write_text(NGINX.format(dir=self.nginx_dir, name=name))
        for vip in (VIP, VIP_GRE6):
            self.ip("addr", "add", f"{vip}/32", "dev", "lo")
        for vip in (VIP6, VIP6_GRE6):
            self.ip("addr", "add", f"{vip}/128", "dev", "lo", "nodad")
        self.gre = None if self.kernel_gre() else self.start("gre-" + name, GREDECAP, "gre", daemon=False)
        self.up()

    def kernel_gre(self):
        """The kernel's own decapsulation, where it has one: tunnels from anywhere."""
        commands = (("link", "add", "gre-in4", "type", "gre", "local", self.ip4, "remote", "any"),
                    ("link", "add", "gre-in6", "type", "ip6gre", "local", self.ip6, "remote", "::"),
                    ("link", "set", "gre-in4", "up"), ("link", "set", "gre-in6", "up"))
        try:
            for c in commands:
                self.ip(*c)
        except AssertionError:
            return False
        return True

    def up(self):
        self.nginx = self.start("nginx-" + self.name, "nginx", "-e", self.nginx_dir / "error.log", "-p",
                                self.nginx_dir, "-c", self.nginx_dir / "nginx.conf", daemon=False)

    def kill(self):
        """The web server dies; the kernel refuses connections."""
        self.nginx.kill()

    def unplug(self):
        """The whole machine is gone from the network."""
        self.ip("link", "set", "eth0", "down")

    def broken(self, yes=True):
        """The health check fails, the service goes on."""
        if yes:
            (self.nginx_dir / "broken").touch()
        else:
            (self.nginx_dir / "broken").unlink()


class LbVpp(Process):
    """The command of MAGLEV_NET_VPP in lb's place."""

    def __init__(self, host, directory):
        self.host, self.api, self.stats = host, directory / "api.sock", directory / "stats.sock"
        for name in ("api.sock", "stats.sock"):
            (directory / name).unlink(missing_ok=True)
        # The link is VPP's: the kernel must not answer on it.
        host.ip("addr", "flush", "dev", "eth0")
        super().__init__("vpp", [*host.wrapper(), VPP, directory], directory)
        wait_for(lambda: can_connect(self.api), lambda: f"VPP to listen: {self.stderr_text()[-2000:]}")
        with self.client() as c:
            for command in (f"create host-interface name eth0 hw-addr {host.mac()}",
                            "set interface state host-eth0 up",
                            f"set interface mtu packet {MTU_GRE} host-eth0",
                            f"set interface ip address host-eth0 {host.ip4}/24",
                            f"set interface ip address host-eth0 {host.ip6}/64",
                            f"ip route add 0.0.0.0/0 via {host.net4}.1 host-eth0",
                            f"ip route add ::/0 via {host.net6}:1 host-eth0",
                            f"ip route add {VIPS4} via drop", f"ip route add {VIPS6} via drop"):
                c.cli(command)

    def client(self):
        return vppapi.Client(self.api, "e2e")

    def stop(self):
        self.kill()
        return 0


Ended = namedtuple("Ended", "start end port outcome server bytes")


class Load:
    """netload on the client: connections and what became of them."""

    def __init__(self, lab, name, vip, path, *flags):
        self.begun, self.ended, self.at = {}, [], 0
        self.process = lab.client.start(name, NETLOAD, vip, "80", path, *flags, daemon=False)
        lab.processes.append(self.process)

    def read(self):
        with open(self.process.out, "rb") as f:
            f.seek(self.at)
            data = f.read()
        whole = data.rfind(b"\n") + 1
        self.at += whole
        for line in data[:whole].decode().splitlines():
            what, start, end, port, outcome, server, n = line.split()
            e = Ended(float(start) / 1e3, float(end) / 1e3, int(port), outcome, server, int(n))
            if what == "begin":
                self.begun[e.port] = e
            else:
                self.ended.append(e)
        return self

    def wait(self, timeout=None):
        """Until it has ended by itself; what became of the connections."""
        code = self.process.wait(timeout or 5 * DEADLINE)
        assert code == 0, f"netload ended with {code}: {self.process.stderr_text()}"
        return self.read().ended

    def stop(self):
        """Opens no more, waits for those that are open."""
        self.process.signal(15)
        return self.wait()

    def let_go(self):
        """Downloads at a pace: from now on as fast as they come."""
        self.process.signal(signal.SIGUSR1)

    def failures(self):
        return [e for e in self.read().ended if e.outcome != "ok"]

    def running(self):
        """Downloads that go on: {port: server}."""
        self.read()
        over = {e.port for e in self.ended}
        return {p: e.server for p, e in self.begun.items() if p not in over}


class Lab:
    """The network and everything that runs in it; close() ends it all."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="maglev-net-"))
        self.prefix = f"{PREFIX}{os.getpid()}"
        self.hosts, self.processes, self.webs, self.number = [], [], {}, 0
        self.next_port = REQUEST_PORT
        self.lb_process = None
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        for left in pathlib.Path("/run/netns").glob(f"{PREFIX}*"):
            if not left.exists():
                left.unlink(missing_ok=True)  # of a run that was killed
        self.router = Host(self, "router")
        self.router.forwards()
        self.client, self.lb, self.probe = (Host(self, n) for n in ("client", "lb", "probe"))
        self.client.link_to(self.router, MTU)
        self.probe.link_to(self.router, MTU)
        self.lb.link_to(self.router, MTU_GRE)
        self.lb.forwards()
        for n in SERVERS:
            server = Server(self, n)
            setattr(self, n, server)
            self.processes += [p for p in (server.gre, server.nginx) if p]
        self.servers = {n: getattr(self, n) for n in SERVERS}
        self.router.ip("route", "add", VIPS4, "via", self.lb.ip4)
        self.router.ip("route", "add", VIPS6, "via", self.lb.ip6)
        self.router.ip("route", "add", CLIENTS, "via", self.client.ip4)
        self.client.ip("route", "add", "local", CLIENTS, "dev", "lo")
        # VIPs that the load balancer does not have are nobody's.
        self.lb.ip("route", "add", "blackhole", VIPS4)
        self.lb.ip("route", "add", "blackhole", VIPS6)
        if VPP:
            # Whatever takes packets off a link in the middle finds them complete.
            for host, device in ((self.router, "lb"), (self.client, "eth0")):
                checksums_in_software(host, device)
            # As with a machine that is up while its VPP restarts: packets are lost, not sent back.
            for address in (self.lb.ip4, self.lb.ip6):
                self.router.ip("neigh", "replace", address, "lladdr", self.lb.mac(), "nud", "permanent",
                               "dev", "lb")
        for server in self.servers.values():
            if server.gre:
                wait_for(lambda s=server: s.gre.stdout_text() or not s.gre.running(), "gredecap")
                assert server.gre.running(), server.gre.stderr_text()

    # The load balancer.

    def start_lb(self, *flags):
        """Empty, as after a restart."""
        if VPP:
            self.lb_process = LbVpp(self.lb, self._lb_dir())
        else:
            for name in ("api.sock", "stats.sock", "lbsim.ctl", "journal"):
                (self._lb_dir() / name).unlink(missing_ok=True)
            self.lb_process = Lbsim(self._lb_dir(), "--forward", *flags, wrapper=self.lb.wrapper())
        self.processes.append(self.lb_process)
        return self.lb_process

    def _lb_dir(self):
        directory = self.dir / "lb"
        directory.mkdir(exist_ok=True)
        return directory

    # maglevd.

    def config(self, frontends=None, check=None, backends=None, **lb):
        defaults = {"ipv4-src-address": self.lb.ip4, "ipv6-src-address": self.lb.ip6,
                    "sync-interval": "1s", "startup-min-delay": "0s", "startup-max-delay": "10s"}
        check = {"type": "http", "port": 80, "interval": "500ms", "fast-interval": "100ms",
                 "timeout": "4s", "rise": 2, "fall": 3, "params": {"path": "/healthz"}, **(check or {})}
        if backends is None:
            backends = {n: s.ip4 for n, s in self.servers.items()}
        return {"maglev": {
            "healthchecker": {"netns": self.probe.netns, "transition-history": 20},
            "vpp": {"lb": {**defaults, **{k.replace("_", "-"): v for k, v in lb.items()}}},
            "healthchecks": {"web": check},
            "backends": {n: {"address": a, "healthcheck": "web"} for n, a in backends.items()},
            "frontends": frontends or {"www": frontend({"primary": dict.fromkeys(backends, 100)})}}}

    def write_config(self, config):
        path = self.dir / "maglev.yaml"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(config, indent=2))
        new.rename(path)
        return path

    def start_maglevd(self, config=None, *flags):
        self.number += 1
        if config is not None:
            self.write_config(config)
        self.d = Maglevd(self.dir, self.dir / "maglev.yaml", self.lb_process.api, *flags,
                         name=f"maglevd{self.number}", wrapper=self.lb.wrapper()).wait_ready()
        self.processes.append(self.d)
        return self.d

    def start(self, config=None):
        """Load balancer and maglevd, and every backend programmed as configured."""
        self.start_lb()
        config = config or self.config()
        self.start_maglevd(config)
        for name, f in config["maglev"]["frontends"].items():
            self.wait_weights(self.first_weights(f, config), f["address"])
        return self

    def first_weights(self, f, config):
        """What VPP gets of a frontend when all is well: {address: weight}."""
        weights = {}
        for i, pool in enumerate(f["pools"]):
            for name, b in pool["backends"].items():
                weights[config["maglev"]["backends"][name]["address"]] = b["weight"] if i == 0 else 0
        return weights

    def wait_weights(self, weights, vip=VIP):
        """Until VPP has these, {address or server's name: weight}."""
        wanted = {self.servers[n].ip4 if n in self.servers else n: w for n, w in weights.items()}
        seen = {}

        def same():
            with self.lb_process.client() as c:
                try:
                    seen["last"] = c.weights(vppapi.key(vip))
                except (KeyError, AssertionError) as e:
                    seen["last"] = repr(e)
            return seen["last"] == wanted
        wait_for(same, lambda: f"weights {wanted} of {vip}, last seen {seen}")

    def counters(self, vip):
        """What the plugin counted at a VIP, {name: packets}."""
        with self.lb_process.client() as c:
            text = c.cli("show lb vips verbose")
        block = next(b for b in text.split("\n\n") if f"] {vip}/" in b and " removed\n" not in b.split("  new_size")[0])
        return {k.strip(): int(v) for k, v in re.findall(r"^    ([a-z ]+): (\d+)\r?$", block, re.M)}

    # Traffic.

    def load(self, vip=VIP, path="/", *flags, name=None):
        self.number += 1
        return Load(self, name or f"load{self.number}", vip, path, *flags)

    def traffic(self, rate, timeout="60s"):
        """So many new connections a second, until it is stopped. They have an address of their own: the kernel
        gives them ports, which others ask for by their number."""
        return self.load(VIP, "/", "-rate", str(rate), "-at-once", "900", "-timeout", timeout, "-source", TRAFFIC)

    def requests(self, count, vip=VIP, *flags):
        """So many new connections, one after the other in each of 50 rows; what became of them.
        From ports that no flow had before: the kernel could give one that VPP still remembers."""
        if "-first-port" not in flags:
            flags = ("-first-port", str(self.next_port), *flags)
            self.next_port += count
            assert self.next_port <= DOWNLOAD_PORT
        return self.load(vip, "/", "-count", str(count), "-at-once", "50", "-timeout", "60s", *flags).wait()

    def downloads(self, n, vip=VIP, first_port=DOWNLOAD_PORT, *flags):
        """So many long downloads, all of them begun."""
        load = self.load(vip, "/big", "-downloads", "-count", str(n), "-at-once", str(n), "-first-port",
                         str(first_port), "-source", self.client_of(vip), "-timeout", "100s", *flags)
        wait_for(lambda: len(load.read().begun) == n, lambda: f"{n} downloads: {len(load.begun)} begun, "
                 f"ended: {Counter(e.outcome for e in load.ended)}")
        return load

    def maglevt_argv(self, *flags):
        """maglevt on the client, with this lab's VIPs."""
        return [*self.client.wrapper(), str(MAGLEVT), "-config", str(self.dir / "maglev.yaml"), *flags]

    def maglevt(self, *flags):
        self.number += 1
        p = Process(f"maglevt{self.number}", self.maglevt_argv(*flags), self.dir, daemon=False)
        self.processes.append(p)
        return p

    def client_of(self, vip):
        """The client's address that speaks to this VIP."""
        return self.client.ip6 if ":" in vip else self.client.ip4

    # The end.

    def close(self):
        """Ends everything; returns what was wrong about the ends of our daemons."""
        wrong = stop_all(self.processes)
        for host in self.hosts:
            host.close()
        return wrong


def frontend(pools, address=VIP, **changes):
    """A frontend of pools {name: {backend: weight}}, on TCP port 80."""
    return {"address": address, "protocol": "tcp", "port": 80,
            "pools": [{"name": n, "backends": {b: {"weight": w} for b, w in bs.items()}}
                      for n, bs in pools.items()],
            **{k.replace("_", "-"): v for k, v in changes.items()}}


def checksums_in_software(host, device):
    """ethtool -K DEVICE tx off: no packet leaves with its checksum still to be computed."""
    script = ("import fcntl,socket,struct,ctypes,sys\n"
              "s = socket.socket()\n"
              "for command in (0x17, 0x1f, 0x24):\n"  # ETHTOOL_STXCSUM, _STSO, _SGSO
              "    value = ctypes.create_string_buffer(struct.pack('II', command, 0))\n"
              "    fcntl.ioctl(s, 0x8946, struct.pack('16sP', sys.argv[1].encode(),"
              " ctypes.addressof(value)) + bytes(16))\n")
    host.run("/usr/bin/python3", "-c", script, device)


# Predictions.

class Model:
    """Which server each flow goes to, from the table alone."""

    def __init__(self, lab, weights, length=1024, sticky=False):
        """weights: {server: weight}; names are the servers' whatever their addresses' family."""
        self.lab, self.sticky = lab, sticky
        self.addresses = {n: lab.servers[n].ip4 for n in weights}
        self.names = {a: n for n, a in self.addresses.items()}
        table = tablemodel.table({self.addresses[n]: w for n, w in weights.items()}, length)
        self.table = [self.names.get(a) for a in table]

    def shares(self):
        """{server: part of the table}."""
        return {n: c / len(self.table) for n, c in Counter(self.table).items()}

    def server(self, port, source=None, vip=VIP):
        h = tablemodel.flow_hash(source or self.lab.client_of(vip), vip, port, 80, self.sticky)
        return self.table[h & (len(self.table) - 1)]


def chi_square(observed, shares):
    """The statistic of counts {name: n} against shares {name: part}, and its degrees of freedom."""
    n = sum(observed.values())
    assert set(observed) <= set(shares), f"{set(observed) - set(shares)} should have got nothing"
    return sum((observed.get(k, 0) - n * s) ** 2 / (n * s) for k, s in shares.items()), len(shares) - 1


# The statistic that a true hypothesis exceeds once in a million times, by degrees of freedom.
CHI_SQUARE_MILLIONTH = {1: 23.93, 2: 27.63, 3: 30.66, 4: 33.38}


def by_server(ended):
    return Counter(e.server for e in ended)


def now():
    """On the clock of a Load's times."""
    return time.monotonic()
