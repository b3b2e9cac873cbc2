# SPDX-License-Identifier: Apache-2.0
"""Scraping /metrics by hand, and a real Prometheus that does it."""
import http.client
import json
import re
import subprocess
import urllib.parse

from processes import DEADLINE, Process, wait_for

LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)')
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")


class Scrape:
    """One answer: samples by name, each a dict of labels and a value."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = SAMPLE.match(line).groups()
            pairs = LABEL.findall(labels or "")
            assert ",".join(f'{k}="{v}"' for k, v in pairs) == (labels or ""), line
            self.samples.setdefault(name, []).append((dict(pairs), float(value)))

    def values(self, name, **labels):
        return [v for l, v in self.samples.get(name, [])
                if all(l.get(k) == str(want) for k, want in labels.items())]

    def value(self, name, **labels):
        """The one sample with these labels."""
        found = self.values(name, **labels)
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0]

    def labels(self, name, label, **labels):
        return {l[label] for l, _ in self.samples.get(name, [])
                if all(l.get(k) == str(want) for k, want in labels.items())}

    def state(self, backend):
        return [l["state"] for l, v in self.samples["maglev_backend_state"]
                if l["backend"] == backend and v == 1]


def port(d):
    return d.wait_log("metrics-listening")["port"]


def get(d, path="/metrics", method="GET", **headers):
    """Status, headers, body."""
    c = http.client.HTTPConnection("127.0.0.1", port(d), timeout=DEADLINE)
    c.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    r = c.getresponse()
    body = r.read().decode()
    c.close()
    return r.status, r.headers, body


def scrape(d):
    status, _, body = get(d)
    assert status == 200
    return Scrape(body)


def promtool(text):
    """What promtool has to say: nothing."""
    p = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True,
                       timeout=DEADLINE)
    return p.returncode, p.stdout + p.stderr


class Prometheus(Process):
    """Scrapes a maglevd every second."""

    def __init__(self, directory, address, d):
        self.address = address
        config = directory / "prometheus.yml"
        # JSON is YAML.
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "maglevd",
                                "static_configs": [{"targets": [f"127.0.0.1:{port(d)}"]}]}]}))
        super().__init__("prometheus", ["prometheus", f"--config.file={config}",
                                        f"--storage.tsdb.path={directory / 'tsdb'}",
                                        f"--web.listen-address={address}", "--log.level=warn"],
                         directory, {"GOMAXPROCS": "1"})

    def query(self, expression):
        """The vector that an instant query gives: (labels, value) each."""
        c = http.client.HTTPConnection(self.address, timeout=DEADLINE)
        c.request("GET", "/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        response = c.getresponse()
        body = response.read()
        c.close()
        if response.status == 503:  # it has only begun
            raise ConnectionRefusedError(body)
        answer = json.loads(body)
        assert answer["status"] == "success", (expression, answer)
        return [(r["metric"], float(r["value"][1])) for r in answer["data"]["result"]]

    def wait_query(self, expression, wanted=None):
        """Waits until it gives something (or `wanted` of its values is true)."""
        def seen():
            assert self.running(), self.stderr_text()
            try:
                found = self.query(expression)
            except OSError:
                return None
            return found if found and (wanted is None or wanted([v for _, v in found])) else None
        return wait_for(seen, lambda: f"an answer to {expression}")
