# SPDX-License-Identifier: Apache-2.0
"""The house's own tools: what they let through and what they stop."""
import os
import re
import subprocess

import pytest

from cluster import ROOT

TOOLS = ROOT / "tools"


def run(*argv, **env):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, env={**os.environ, **env})


@pytest.fixture
def tree(tmp_path):
    """make({path: text}): a small source tree."""
    def make(files):
        for d in ("base", "core", "config", "loop", "probe", "vpp", "maglevd"):
            (tmp_path / "src" / d).mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path
    return make


GOOD = {"src/base/addr.h": "#include <stdint.h>\n", "src/core/plan.c": '#include "base/addr.h"\n',
        "src/loop/loop.c": '#include <sys/epoll.h>\n#include "core/plan.h"\n',
        "src/maglevd/main.c": '#include "vpp/x.h"\n#include "probe/y.h"\n',
        "tests/unit/core/test_plan.c": '#include "core/plan.h"\n#include <time.h>\n'}


def test_layers_let_the_rules_through(tree):
    p = run(TOOLS / "check-layers", tree(GOOD))
    assert p.returncode == 0, p.stdout


@pytest.mark.parametrize("path, text, wanted", [
    ("src/base/x.c", '#include "core/plan.h"\n', "src/base/x.c:1: base/ may not include core/plan.h"),
    ("src/vpp/x.c", '\n#include "probe/y.h"\n', "src/vpp/x.c:2: vpp/ may not include probe/y.h"),
    ("src/config/x.c", '#include "loop/loop.h"\n', "config/ may not include loop/loop.h"),
    ("src/core/x.c", "#include <sys/socket.h>\n", "core/ is pure and may not include sys/socket.h"),
    ("src/config/x.c", "#include <pthread.h>\n", "config/ is pure and may not include pthread.h"),
    ("src/core/x.c", '#include "base/log.h"\n', "core/ is pure and may not include base/log.h"),
    ("tests/unit/core/test_x.c", '#include "vpp/x.h"\n', "core/ may not include vpp/x.h"),
])
def test_layers_stop_a_breach(tree, path, text, wanted):
    p = run(TOOLS / "check-layers", tree({**GOOD, path: text}))
    assert p.returncode == 1 and wanted in p.stdout


def test_layers_look_through_headers(tree):
    p = run(TOOLS / "check-layers", tree({**GOOD, "src/base/clock.h": "#include <time.h>\n",
                                          "src/base/two.h": '#include "base/clock.h"\n',
                                          "src/core/x.c": '#include "base/two.h"\n'}))
    assert p.returncode == 1
    assert "src/core/x.c:1: core/ is pure: base/two.h -> base/clock.h -> time.h" in p.stdout


def version_data(tmp_path, source, **env):
    out = tmp_path / "version.h"
    clean = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    subprocess.run([TOOLS / "version.sh", "1.2.3", source, out], check=True, env={**clean, **env})
    return dict(re.findall(r'VERSION_(\w+) +"(.*)"', out.read_text()))


def test_version_outside_git(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    seen = version_data(tmp_path, source, SOURCE_DATE_EPOCH="0")
    assert seen == {"STRING": "1.2.3", "COMMIT": "unknown", "DATE": "1970-01-01T00:00:00Z"}


def test_version_in_git_is_the_commits(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_COMMITTER_DATE": "1700000000 +0200"}
    who = ["-c", "user.name=x", "-c", "user.email=x@example.net"]

    def git(*words):
        return subprocess.run(["git", "-C", source, *who, *words], check=True, capture_output=True, text=True,
                              env={**os.environ, **env}).stdout.strip()
    git("init", "-q")
    (source / "f").write_text("1")
    git("add", "f")
    git("commit", "-q", "-m", "one")
    hash_ = git("rev-parse", "--short=12", "HEAD")
    seen = version_data(tmp_path, source)
    assert seen == {"STRING": "1.2.3", "COMMIT": hash_, "DATE": "2023-11-14T22:13:20Z"}
    before = (tmp_path / "version.h").stat().st_mtime_ns
    version_data(tmp_path, source)
    assert (tmp_path / "version.h").stat().st_mtime_ns == before, "rewritten without a change"
    (source / "untracked").write_text("")
    assert version_data(tmp_path, source)["COMMIT"] == hash_
    (source / "f").write_text("2")
    assert version_data(tmp_path, source)["COMMIT"] == hash_ + "-dirty"
    # A tarball unpacked inside somebody's repository is not that repository.
    inner = source / "inner"
    inner.mkdir()
    assert version_data(tmp_path, inner)["COMMIT"] == "unknown"


def test_every_package_has_its_reason_and_stands_in_the_design():
    design = (ROOT / "docs" / "design.md").read_text()
    rows = [l.split(None, 2) for l in (TOOLS / "packages").read_text().splitlines()
            if l and not l.startswith("#")]
    assert rows and all(len(r) == 3 for r in rows)
    for _, package, _ in rows:
        if package not in ("libc6-dev", "git"):
            assert re.search(rf"\b{re.escape(package)}\b", design), package


def test_every_target_of_the_makefile_is_in_its_help():
    makefile = (ROOT / "Makefile").read_text()
    shown = run("make", "-s", "-C", ROOT, "help").stdout
    phony = re.search(r"\.PHONY:((?:.*\\\n)*.*)", makefile).group(1).replace("\\\n", " ").split()
    for target in phony:
        assert target == "deps-%" or re.search(rf"make {target} ", shown), target
