# SPDX-License-Identifier: Apache-2.0
"""Node.js, and what npm fetches: once for all runs, kept below the user's cache."""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from processes import DEADLINE

LEAST = 18
MISSING = f"node {LEAST} or newer, and npm, are not installed"


def is_here():
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    text = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    return int(re.match(r"v(\d+)", text).group(1)) >= LEAST


@contextlib.contextmanager
def fetched(name, source):
    """A directory with what the lock file of `source` names, which nobody else has before it is left.
    Skips where npm cannot fetch it."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / name
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        have, wanted = cache / "node_modules" / "package-lock.json", source / "package-lock.json"
        if not have.exists() or have.read_bytes() != wanted.read_bytes():
            for file in ("package.json", "package-lock.json"):
                shutil.copy(source / file, cache / file)
            p = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=cache,
                               capture_output=True, text=True, timeout=10 * DEADLINE)
            if p.returncode != 0:
                pytest.skip(f"npm cannot fetch {name}: {p.stderr.strip().splitlines()[-1:]}")
            shutil.copy(wanted, have)
        yield cache
