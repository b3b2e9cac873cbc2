# SPDX-License-Identifier: Apache-2.0
"""Packages made up for the tests: what the Go program's 1.0.2 left on a machine, a later version of ours,
and a VPP."""
from debroot import must

UNIT = """\
[Unit]
Description=the Go program
[Service]
ExecStart={command}
EnvironmentFile=-/etc/default/vpp-maglev
[Install]
WantedBy=multi-user.target
"""

# As debhelper writes it.
POSTINST = """\
#!/bin/sh
set -e
deb-systemd-helper enable {unit} >/dev/null || true
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	deb-systemd-invoke start {unit} || true
fi
"""
PRERM = """\
#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || deb-systemd-invoke stop {unit} || true
"""
# As somebody may write it who does without: what runs is left running.
PLAIN_POSTINST = """\
#!/bin/sh
set -e
systemctl enable {unit}
[ ! -d /run/systemd/system ] || {{ systemctl daemon-reload; systemctl start {unit}; }}
"""

# How it may have been packaged, and what its service was called.
KINDS = {"two packages": "vpp-maglevd.service", "two packages, our name": "vpp-maglev.service",
         "one package": "vpp-maglev.service"}


def control(package, version, arch):
    return (f"Package: {package}\nVersion: {version}\nArchitecture: {arch}\n"
            "Maintainer: nobody <nobody@example.net>\nDescription: for a test\n")


def pack(tree, files, out):
    """A package of {path: text}; a path with a * at its end is executable."""
    for name, text in files.items():
        path = tree / name.rstrip("*")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.endswith("*") else 0o644)
    must(["dpkg-deb", "--root-owner-group", "-b", tree, out])
    return out.name


def go_packages(tmp, debs, arch, kind):
    """Names of the packages 1.0.2, in the directory of packages."""
    unit = KINDS[kind]
    daemon = {"DEBIAN/conffiles": "/etc/vpp-maglev/maglev.yaml\n/etc/default/vpp-maglev\n",
              "etc/vpp-maglev/maglev.yaml": "maglev: {} # the Go program's example\n",
              "etc/default/vpp-maglev": "MAGLEV_CONFIG=/etc/vpp-maglev/maglev.yaml\n",
              f"lib/systemd/system/{unit}":
                  UNIT.format(command="/usr/sbin/maglevd --config /etc/vpp-maglev/maglev.yaml"),
              "usr/sbin/maglevd*": "#!/bin/sh\nexec sleep 100000\n"}
    client = {"usr/bin/maglevc*": "#!/bin/sh\n"}
    if kind == "one package":
        both = {"DEBIAN/control": control("vpp-maglev", "1.0.2", arch), "DEBIAN/postinst*": PLAIN_POSTINST.format(unit=unit),
                "lib/systemd/system/vpp-maglev-frontend.service": UNIT.format(command="/usr/sbin/maglevd-frontend"),
                "usr/sbin/maglevd-frontend*": "#!/bin/sh\nexec sleep 100000\n"}
        return [pack(tmp / "go", {**daemon, **client, **both}, debs / f"vpp-maglev_1.0.2_{arch}.deb")]
    scripts = {"DEBIAN/control": control("vpp-maglevd", "1.0.2", arch), "DEBIAN/postinst*": POSTINST.format(unit=unit),
               "DEBIAN/prerm*": PRERM.format(unit=unit)}
    client["DEBIAN/control"] = control("vpp-maglev", "1.0.2", arch)
    return [pack(tmp / "go-d", {**daemon, **scripts}, debs / f"vpp-maglevd_1.0.2_{arch}.deb"),
            pack(tmp / "go-c", client, debs / f"vpp-maglev_1.0.2_{arch}.deb")]


def vpp_package(tmp, debs):
    return pack(tmp / "vpp", {"DEBIAN/control": control("vpp", "26.10", "all"),
                              "DEBIAN/postinst*": "#!/bin/sh\ngroupadd -f -r vpp\n",
                              "usr/bin/vpp*": "#!/bin/sh\n"}, debs / "vpp_26.10_all.deb")


def later(tmp, debs, deb, version):
    """The same package with a higher version."""
    tree = tmp / f"later-{deb.name}"
    must(["dpkg-deb", "-R", deb, tree])
    text = (tree / "DEBIAN" / "control").read_text()
    (tree / "DEBIAN" / "control").write_text(
        "\n".join(f"Version: {version}" if l.startswith("Version:") else l for l in text.splitlines()) + "\n")
    out = debs / f"{deb.name.split('_')[0]}_{version}_{deb.stem.split('_')[-1]}.deb"
    must(["dpkg-deb", "--root-owner-group", "-b", tree, out])
    return out.name
