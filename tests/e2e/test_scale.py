# SPDX-License-Identifier: Apache-2.0
"""Many backends: what one of them costs, and what the others notice of a change to one."""
import signal

import pytest

import vppapi
from calls import AsAdded, AsRemoved
from cluster import frontend
from processes import DEADLINE, PATIENCE, wait_for

SANITIZED = PATIENCE > 1
N = 2000 if SANITIZED else 10000
PER_FRONTEND = 10
CHANGED = 77


def address(i):
    """Nobody listens on port 1 there: refused at once."""
    return f"127.1.{i // 250}.{i % 250 + 1}"


def vip(k):
    return f"10.0.{k // 250}.{k % 250 + 1}"


def config(cluster, n, changed=None):
    """n backends that refuse, ten to a frontend; one of them may stand elsewhere."""
    backends = {f"b{i:05d}": {"address": address(i), "healthcheck": "web"} for i in range(n)}
    if changed is not None:
        backends[f"b{changed:05d}"]["address"] = "127.99.99.99"
    names = list(backends)
    frontends = {f"f{k:04d}": frontend({"p": dict.fromkeys(names[PER_FRONTEND * k:PER_FRONTEND * (k + 1)], 100)},
                                       address=vip(k))
                 for k in range(max(1, n // PER_FRONTEND))}
    check = {"type": "tcp", "port": 1, "interval": "5s", "timeout": "3s"}
    return cluster.config(backends=backends, frontends=frontends, checks={"web": check})


def start(cluster, n, *flags):
    d = cluster.start_maglevd(config(cluster, n), *flags)
    d.wait_log("backend-transition", count=n, to="down", timeout=4 * DEADLINE)
    return d


def rss(d):
    with open(f"/proc/{d.pid}/status", encoding="ascii") as f:
        return next(int(l.split()[1]) * 1024 for l in f if l.startswith("VmRSS"))


@pytest.mark.skipif(SANITIZED, reason="sanitizers have their own use for memory")
def test_memory_per_backend(cluster):
    cluster.start_sim()
    few = start(cluster, 10, "--log-level", "info")
    small = rss(few)
    assert few.stop() == 0
    many = start(cluster, N, "--log-level", "info")
    each = (rss(many) - small) / (N - 10)
    print(f"{each:.0f} bytes per backend")
    assert each <= 2048


def test_a_reload_of_many_touches_one(cluster):
    cluster.start_sim()
    d = start(cluster, N)
    d.wait_log("vpp-lb-warmup", phase="done", timeout=4 * DEADLINE)
    wait_for(lambda: len(cluster.sim.calls()) > N, "all to be programmed", 4 * DEADLINE)
    d.wait_drift_syncs(timeout=4 * DEADLINE)
    log, journal = d.mark(), cluster.sim.mark()
    cluster.write_config(config(cluster, N, CHANGED))
    record = d.reload()
    assert (record["added"], record["removed"], record["changed"], record["kept"]) == (0, 0, 1, N - 1)
    down = d.wait_state(f"b{CHANGED:05d}", "down", log)
    assert down["address"] == "127.99.99.99"
    wait_for(lambda: len(cluster.sim.calls(journal)) >= 2, "VPP to be told")
    d.wait_drift_syncs(timeout=4 * DEADLINE)
    assert {r["backend"] for r in d.records("backend-transition", log)} == {f"b{CHANGED:05d}"}
    www = vppapi.key(vip(CHANGED // PER_FRONTEND))
    told = {type(c): (c.vip, c.address) for c in cluster.sim.calls(journal)}
    assert told == {AsAdded: (www, "127.99.99.99"), AsRemoved: (www, address(CHANGED))}
    assert len(cluster.sim.calls(journal)) == 2


def test_however_many_hangups_the_last_file_counts(cluster):
    """Reloads are read elsewhere while the daemon goes on; what came meanwhile is one more."""
    cluster.start_sim()
    d = start(cluster, 200, "--log-level", "info")
    log = d.mark()
    for changed in range(20):
        cluster.write_config(config(cluster, 200, changed))
        d.signal(signal.SIGHUP)
        assert d.backend("b00199")["state"] == "down", "it answers"
    last = {"backend": "b00019", "address": "127.99.99.99", "to": "down"}
    d.wait_log("backend-transition", log, **last)
    done = d.records("config-reload-done", log)
    assert 1 <= len(done) <= 20 and {r["result"] for r in done} == {"ok"}
    changed = [n for n in (f"b{i:05d}" for i in range(200)) if d.backend(n)["address"] == "127.99.99.99"]
    assert changed == ["b00019"]
    # An operator's reload and check beside them are answered, in their order.
    assert "config reloaded" in d.ctl("config", "reload").stdout
