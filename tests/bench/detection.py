# SPDX-License-Identifier: Apache-2.0
"""How long from a target's end until it gets no more traffic, beside HAProxy.

Some targets, each a process with an address of its own, are ended at moments spread over an
interval, and brought back when both checkers have noticed. Ours has noticed when VPP (that is,
maglev-lbsim) has the AS at weight 0; HAProxy, when its log says DOWN.
"""
import datetime
import json
import os
import random
import signal
import socket
import statistics
import time

import clients

BATCH = 10
INTERVAL, FAST, TIMEOUT, FALL = 1.0, 0.25, 0.5, 3
# An interval of ours is up to a tenth longer. Refused at once: the interval, and two fast ones.
# Silent: each probe takes its timeout, and the next fast start is past by then.
BOUND = {"kill -9": 1.1 * INTERVAL + (FALL - 1) * 1.1 * FAST,
         "kill -STOP": 1.1 * INTERVAL + FALL * TIMEOUT}
SLACK = 0.020


class Targets:
    def __init__(self, bench):
        self.bench = bench
        self.children = {i: self.start(i) for i in range(BATCH)}

    def start(self, i):
        return clients.Responder(self.bench.tools, self.bench.directory, f"target{i}",
                                 self.bench.cpus[1], where=address(i), port=PORT)

    def end(self, i, how):
        """When that was."""
        at = time.time()
        if how == "kill -9":
            self.children[i].popen.kill()
        else:
            self.children[i].popen.send_signal(signal.SIGSTOP)
        return at

    def revive(self, i, how):
        if how == "kill -9":
            self.children[i].popen.wait()
            self.children[i] = self.start(i)
        else:
            self.children[i].popen.send_signal(signal.SIGCONT)

    def close(self):
        for c in self.children.values():
            c.popen.send_signal(signal.SIGCONT)
            c.stop()


PORT = 18081


def address(i):
    return clients.address(i + 1, "127.2")


class Journal:
    """maglev-lbsim's record of what was asked of it: the latest weight of each address."""

    def __init__(self, path):
        self.file, self.rest = open(path), ""
        self.weights = {}  # address: (weight, when)

    def read(self):
        lines = (self.rest + self.file.read()).split("\n")
        self.rest = lines.pop()
        for entry in map(json.loads, lines):
            fields = entry["fields"]
            if "weight" in fields and entry.get("retval") == 0:
                where = fields.get("as_address") or fields.get("address")
                self.weights[where] = (fields["weight"], unix_time(entry["time"]))
        return self.weights


def unix_time(text):
    """RFC 3339 with nanoseconds."""
    whole, fraction = text.rstrip("Z").split(".")
    at = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return at.timestamp() + float("0." + fraction)


class HaproxyLog:
    """Its syslog messages: who is down since when. A server is up until the log says otherwise."""

    def __init__(self, directory):
        self.path = directory / "haproxy.log.sock"
        self.path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.down = {}

    def read(self):
        while True:
            try:
                text = self.socket.recv(4096).decode(errors="replace")
            except BlockingIOError:
                return self.down
            now = time.time()
            for i in range(BATCH):
                if f"/s{i:05d} is DOWN" in text:
                    self.down[i] = now
                elif f"/s{i:05d} is UP" in text:
                    self.down.pop(i, None)


def config():
    check = {"type": "http", "port": PORT, "interval": "1s", "fast-interval": "250ms",
             "down-interval": "1s", "timeout": "500ms", "rise": 2, "fall": FALL,
             "params": {"path": "/", "response-code": "200"}}
    return clients.maglevd_config([address(i) for i in range(BATCH)], check, 1)


def trial(targets, journal, log, how, rng):
    """Ends every target once; [(ours, HAProxy's)] in seconds."""
    moments = sorted((rng.random() * INTERVAL, i) for i in range(BATCH))
    began, ended = time.monotonic(), {}
    for offset, i in moments:
        while time.monotonic() - began < offset:
            watch(journal, log)
        ended[i] = targets.end(i, how)

    def noticed():
        weights, down = watch(journal, log)
        return all(weights[address(i)][0] == 0 and i in down for i in ended)

    clients.wait_for(noticed, f"{how} to be noticed")
    taken = [(journal.weights[address(i)][1] - at, log.down[i] - at) for i, at in ended.items()]
    for i in ended:
        targets.revive(i, how)
    clients.wait_for(lambda: all_up(*watch(journal, log)), "targets to come back")
    time.sleep(1.2)  # until every checker is back at its slow pace
    return taken


def watch(journal, log):
    time.sleep(0.001)
    return journal.read(), log.read()


def all_up(weights, down):
    return not down and all(weights.get(address(i), (0, 0))[0] > 0 for i in range(BATCH))


def print_rows(how, taken):
    for who, column in (("maglevd", 0), ("HAProxy", 1)):
        values = [t[column] for t in taken]
        bound = BOUND[how] + SLACK
        judged = f"{bound:.2f} s{'' if max(values) <= bound else ', MISSED'}"
        print(f"| {how} | {who} | {len(values)} | {statistics.median(values):.2f} s | "
              f"{max(values):.2f} s | {judged if who == 'maglevd' else '–'} |", flush=True)


def table(bench, times):
    print("\n| the target is hit by | | times | median | worst | the schedule allows |\n"
          "|---|---|---|---|---|---|", flush=True)
    rng = random.Random(1)
    targets, log = Targets(bench), HaproxyLog(bench.directory)
    load = clients.Load("http", BATCH, BATCH)
    load.port = PORT
    ours = clients.Maglevd(bench.programs, bench.directory, config(), bench.cpus, bench.ca)
    theirs = clients.haproxy(bench.directory, load, bench.cpus[0], bench.ca,
                             addresses=[address(i) for i in range(BATCH)],
                             times="inter 1s fastinter 250ms downinter 1s", timeout="500ms",
                             log=log.path)
    try:
        clients.wait_for(lambda: ours.journal.exists() and ours.journal.stat().st_size, "a journal")
        journal = Journal(ours.journal)
        clients.wait_for(lambda: all_up(*watch(journal, log)), "all targets to be up")
        time.sleep(2.5)
        for how in BOUND:
            taken = []
            while len(taken) < times:
                taken += trial(targets, journal, log, how, rng)
            print_rows(how, taken)
    finally:
        ours.stop()
        theirs.stop()
        targets.close()
