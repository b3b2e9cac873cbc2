# SPDX-License-Identifier: Apache-2.0
"""Real HTTP backends: nginx, one small instance per address."""
import signal
import socket

from processes import Process, wait_for

CONFIG = """
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log notice;
events {{ worker_connections 256; }}
http {{
  log_format probe '$msec $status "$request" $http_host "$http_user_agent"';
  access_log {dir}/access.log probe;
  client_body_temp_path {dir}/tmp-body;
  proxy_temp_path {dir}/tmp-proxy;
  fastcgi_temp_path {dir}/tmp-fastcgi;
  uwsgi_temp_path {dir}/tmp-uwsgi;
  scgi_temp_path {dir}/tmp-scgi;
  server {{
    listen {address}:{port};
    root {dir}/www;
    default_type text/plain;
    if (-f {dir}/broken) {{ return 500; }}
  }}
}}
"""


class Nginx:
    """Serves /healthz with the body "ok"."""

    def __init__(self, directory, name, address, port):
        self.dir = directory / f"nginx-{name}"
        self.name, self.address, self.port = name, address, port
        (self.dir / "www").mkdir(parents=True)
        (self.dir / "nginx.conf").write_text(
            CONFIG.format(dir=self.dir, address=address, port=port))
        self.body("ok")
        self.process = None
        self.start()

    def start(self):
        self.process = Process("nginx", ["nginx", "-e", self.dir / "error.log", "-p", self.dir,
                                         "-c", self.dir / "nginx.conf"], self.dir)
        wait_for(self._answers, lambda: f"{self.name} to answer: {self.process.stderr_text()}")

    def _answers(self):
        assert self.process.running(), f"{self.name} ended: {self.process.stderr_text()}"
        try:
            socket.create_connection((self.address, self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self):
        """Dies like a crashed server: the kernel refuses the next connection with a reset."""
        self.process.kill()

    def freeze(self):
        """The kernel still accepts connections, nobody answers."""
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)

    def answer_500(self, yes=True):
        if yes:
            (self.dir / "broken").touch()
        else:
            (self.dir / "broken").unlink()

    def body(self, text):
        new = self.dir / "www" / "healthz.new"
        new.write_text(text + "\n")
        new.rename(self.dir / "www" / "healthz")

    def requests(self):
        """What was asked of it: lines of the access log."""
        path = self.dir / "access.log"
        return path.read_text().splitlines() if path.exists() else []
