# SPDX-License-Identifier: Apache-2.0
"""The packages as files: what is in them, that lintian finds no error, and that they come out the same."""
import hashlib
import os
import shutil
import subprocess

import pytest

from conftest import ROOT, version
from debroot import must, run

IN_DAEMON = ["/usr/sbin/maglevd", "/usr/sbin/maglevd-frontend", "/usr/sbin/maglev-lbsim",
             "/lib/systemd/system/vpp-maglev.service", "/lib/systemd/system/vpp-maglev-frontend.service",
             "/etc/vpp-maglev/maglev.yaml", "/etc/default/vpp-maglev", "/usr/share/man/man8/maglevd.8.gz",
             "/usr/share/man/man8/maglevd-frontend.8.gz", "/usr/share/man/man8/maglev-lbsim.8.gz",
             *(f"/usr/share/bash-completion/completions/{p}" for p in ("maglevd", "maglevd-frontend", "maglev-lbsim"))]
IN_TOOLS = ["/usr/bin/maglevc", "/usr/bin/maglevt", "/usr/share/man/man1/maglevc.1.gz",
            "/usr/share/man/man1/maglevt.1.gz", "/usr/share/bash-completion/completions/maglevc",
            "/usr/share/bash-completion/completions/maglevt"]


def contents(deb):
    return {l.split()[5].lstrip("."): l.split() for l in must(["dpkg-deb", "-c", deb]).splitlines()}


def test_all_is_in_its_place(built):
    daemon, tools = (contents(built[p]) for p in ("vpp-maglevd", "vpp-maglev"))
    # Where debhelper wants units below /usr, they are found there just as well.
    places = {n.removeprefix("/usr") if "/systemd/" in n else n for n in daemon}
    assert [f for f in IN_DAEMON if f not in places] == []
    assert [f for f in IN_TOOLS if f not in tools] == []
    assert daemon["/etc/default/vpp-maglev"][0] == "-rw-r-----", "it may hold a password"
    assert {row[1] for row in [*daemon.values(), *tools.values()]} == {"root/root"}


def test_what_the_administrator_edits_is_a_conffile(built):
    shown = must(["dpkg-deb", "-I", built["vpp-maglevd"], "conffiles"]).split()
    assert sorted(shown) == ["/etc/default/vpp-maglev", "/etc/vpp-maglev/maglev.yaml"]


def test_fields(built, arch):
    for name, deb in built.items():
        fields = must(["dpkg-deb", "-f", deb, "Package", "Version", "Architecture"])
        assert fields == f"Package: {name}\nVersion: {version()}\nArchitecture: {arch}\n"
    assert "adduser" in must(["dpkg-deb", "-f", built["vpp-maglevd"], "Depends"])


def test_lintian_finds_no_error(built):
    if not shutil.which("lintian"):
        pytest.skip("no lintian here")
    p = run(["lintian", "--allow-root", "--fail-on", "error", "--tag-display-limit", "0", *built.values()])
    print(p.stdout)
    assert p.returncode == 0


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_built_again_they_are_the_same_bytes(built, arch, tmp_path):
    """In another place, another time zone, with another umask and locale."""
    tree = tmp_path / "elsewhere"
    tracked = must(["git", "-C", ROOT, "ls-files"]).split("\n")
    if (ROOT / ".git").exists():
        must(["cp", "-a", ROOT / ".git", tree / ".git"] if tree.mkdir() is None else [])
        for name in filter(None, tracked):
            if (ROOT / name).exists():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
    subprocess.run([tree / "tools" / "pkg-deb", tmp_path / "again", arch], check=True, umask=0o077,
                   env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C"})
    again = {p: digest(tmp_path / "again" / f.name) for p, f in built.items()}
    assert again == {p: digest(f) for p, f in built.items()}
