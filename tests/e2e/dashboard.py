# SPDX-License-Identifier: Apache-2.0
"""maglevd-frontend as a process, its JSON, its event streams, and raw bytes to it."""
import base64
import http.client
import json
import re
import socket
import threading

from cluster import BIN
from processes import DEADLINE, Process, records_of, wait_for

FRONTEND = BIN / "maglevd-frontend"
USER, PASSWORD = "operator", "open:sesame"
ADMIN = {"MAGLEV_FRONTEND_USER": USER, "MAGLEV_FRONTEND_PASSWORD": PASSWORD}
LOGIN = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)


class Dashboard(Process):
    def __init__(self, cluster, servers, *flags, admin=False, name="dashboard"):
        self.address = f"{cluster.net}.200"
        self.port = cluster.port
        argv = [FRONTEND, "-listen", f"{self.address}:{self.port}", "-log-level", "debug",
                *flags]
        for server, where in servers.items():
            argv += ["-server", f"{server}={where}"]
        super().__init__(name, argv, cluster.dir, env=ADMIN if admin else {})
        cluster.processes.append(self)
        wait_for(self.listens, lambda: f"the dashboard to listen: {self.stderr_text()}")

    def listens(self):
        assert self.running(), f"the dashboard ended with {self.popen.returncode}: {self.stdout_text()}"
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self, timeout=DEADLINE):
        return socket.create_connection((self.address, self.port), timeout)

    def ask(self, path, method="GET", headers=None, body=None):
        c = http.client.HTTPConnection(self.address, self.port, timeout=DEADLINE)
        try:
            c.request(method, path, body, headers or {})
            return Answer(c.getresponse())
        finally:
            c.close()

    def get(self, path):
        answer = self.ask(path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json()

    def post(self, path, body=None, **headers):
        """As the page does it."""
        own = {**LOGIN, "Content-Type": "application/json",
               "Origin": f"http://{self.address}:{self.port}", "Sec-Fetch-Site": "same-origin"}
        own.update({k.replace("_", "-"): v for k, v in headers.items()})
        return self.ask(path, "POST", {k: v for k, v in own.items() if v is not None},
                        body if body is None or isinstance(body, (str, bytes)) else json.dumps(body))

    def raw(self, data):
        """Bytes there, and all that comes until it is closed."""
        with self.connect() as s:
            s.sendall(data)
            got = b""
            while True:
                try:
                    piece = s.recv(65536)
                except ConnectionResetError:
                    return got
                if not piece:
                    return got
                got += piece

    def state(self, maglevd):
        return self.get(f"/view/api/state/{maglevd}")

    def wait_state(self, maglevd, condition, what="a state"):
        """A state that fulfils it."""
        return wait_for(lambda: next((s for s in [self.state(maglevd)] if condition(s)), None),
                        lambda: f"{what}, not {self.state(maglevd)}")

    def wait_loaded(self, *maglevds):
        for m in maglevds:
            self.wait_state(m, lambda s: s["connected"] and s["loaded"] and s["lb"], "all of it")

    def records(self, msg):
        return [r for r in records_of(self.out) if r["msg"] == msg]


class Reader:
    """An event stream, read by a thread. `events` has (id or None, type, data)."""

    def __init__(self, dashboard, path="/view/api/events", last_id=None, headers=None):
        self.events, self.pings, self.last_id, self.closed = [], 0, None, False
        self.socket = dashboard.connect(None)
        more = dict(headers or {})
        if last_id:
            more["Last-Event-ID"] = last_id
        head = "".join(f"{k}: {v}\r\n" for k, v in more.items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\n{head}\r\n"
                            .encode())
        self.response = http.client.HTTPResponse(self.socket)
        self.response.begin()
        assert self.response.status == 200, self.response.read()
        self.headers = self.response.headers
        assert self.response.readline() == b"retry: 2000\n"
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        fields = {}
        try:
            while line := self.response.readline().decode().rstrip("\n") or "\0":
                if line == "\0":
                    if not self.response.fp:
                        break
                    self._dispatch(fields)
                    fields = {}
                elif line == ": ping":
                    self.pings += 1
                else:
                    key, value = line.split(": ", 1)
                    fields[key] = value
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.closed = True

    def _dispatch(self, fields):
        self.last_id = fields.get("id", self.last_id)
        if "data" in fields:
            self.events.append((fields.get("id"), fields["event"], json.loads(fields["data"])))

    def of(self, kind, **fields):
        return [d for _, t, d in list(self.events)
                if t == kind and all(d.get(k) == v for k, v in fields.items())]

    def wait(self, kind, count=1, **fields):
        """The count-th such event."""
        return wait_for(lambda: self.of(kind, **fields)[count - 1:count],
                        lambda: f"{kind} {fields} in {[e for e in self.events if e[0]][-20:]}")[0]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(DEADLINE)
        self.socket.close()


def seq(event_id):
    return int(re.fullmatch(r"[0-9a-f]+-(\d+)", event_id).group(1))
