# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the packages that `make pkg-deb` left, and Debian roots to try them in."""
import os
import pathlib
import shutil

import pytest

import debroot

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(os.environ.get("MAGLEV_DEB_DIR", ROOT / "build")).resolve()
ARCHS = os.environ.get("MAGLEV_DEB_ARCHS", "amd64 arm64").split()
PACKAGES = ("vpp-maglevd", "vpp-maglev")


def version():
    return (ROOT / "debian" / "changelog").read_text().split("(", 1)[1].split(")", 1)[0]


def pytest_generate_tests(metafunc):
    if "arch" in metafunc.fixturenames:
        metafunc.parametrize("arch", ARCHS)


@pytest.fixture
def built(arch):
    """{package: its file}, as built."""
    files = {p: OUT / f"{p}_{version()}_{arch}.deb" for p in PACKAGES}
    missing = [str(f) for f in files.values() if not f.exists()]
    if missing:
        pytest.skip(f"not built: {', '.join(missing)} (make pkg-deb)")
    return files


@pytest.fixture
def debs(tmp_path, built):
    """A directory with the packages, to which a test adds others; /debs in a root."""
    directory = tmp_path / "debs"
    directory.mkdir()
    for f in built.values():
        shutil.copy(f, directory)
    return directory


@pytest.fixture
def root(tmp_path, arch, built, debs):
    r = debroot.Root(debroot.base_root(OUT, arch, built.values()), tmp_path / "root", debs)
    yield r
    r.close()
    for d in tmp_path.glob("root*"):
        if d.is_dir():
            shutil.rmtree(d)


@pytest.fixture
def system(root, arch):
    """A booted root. Emulated ones are not booted: what is asked of systemd is asked natively."""
    if arch != debroot.native_arch():
        pytest.skip(f"systemd is not booted under emulation ({arch})")
    root.boot()
    return root


@pytest.fixture
def names(built):
    """What apt is to install."""
    return [f"/debs/{f.name}" for f in built.values()]
