# SPDX-License-Identifier: Apache-2.0
"""What the documents say is so: their examples are played on a stage (docstage.py), and their tables
have what the code's tables have. documents.py tells what the fences mean."""
import configparser
import json
import re
import subprocess
import textwrap

import pytest

import docstage
import documents
from cluster import BIN, ROOT
from conftest import Namespace
from processes import Process, wait_for

BUILD = BIN.parent
PAGES = {p.name: p for p in documents.pages()}
MANUALS = {"maglevd": "maglevd.8", "maglevd-frontend": "maglevd-frontend.8",
           "maglev-lbsim": "maglev-lbsim.8", "maglevc": "maglevc.1", "maglevt": "maglevt.1"}
PROGRAMS = [p for p in MANUALS if (ROOT / "docs" / "man" / MANUALS[p]).exists()]

# One stage for all its tests, which are one group therefore.
pytestmark = pytest.mark.xdist_group("docs")


def blocks(language):
    return [b for p in PAGES.values() for b in p.blocks_of(language)]


def name(value):
    return repr(value) if isinstance(value, documents.Block) else getattr(value, "name", str(value))


# ---- configuration

def run_check(path, cwd):
    return subprocess.run([BIN / "maglevd", "--check", "--config", path], cwd=cwd, capture_output=True,
                          text=True)


def indented(text, depth):
    return "".join("  " * depth + line + "\n" for line in text.splitlines())


def whole_file(block):
    """A fragment within a file that has what it refers to."""
    section = block.attributes["in"]
    need = {"web": "{ type: http, port: 80 }"} if section == "backends" else {}
    servers = ("web-a", "web-b", "spare") if section == "frontends" else ()
    out = "maglev:\n"
    if section != "vpp.lb":
        out += ("  vpp:\n    lb: { ipv4-src-address: 192.0.2.1, ipv6-src-address: '2001:db8::1' }\n")
    out += "".join(f"  healthchecks:\n    {n}: {v}\n" for n, v in need.items())
    if servers:
        out += "  backends:\n" + "".join(
            f"    {n}: {{ address: 198.51.100.{i} }}\n" for i, n in enumerate(servers, 1))
    for depth, key in enumerate(section.split("."), 1):
        out += "  " * depth + f"{key}:\n"
    return out + indented(block.text, section.count(".") + 2)


@pytest.mark.parametrize("block", [b for b in blocks("yaml") if "file" not in b.attributes], ids=name)
def test_configurations_are_good(block, tmp_path):
    fragment = "in" in block.attributes
    text = whole_file(block) if fragment else block.text
    (tmp_path / "maglev.yaml").write_text(text)
    p = run_check("maglev.yaml", tmp_path)
    assert (p.returncode, p.stdout) == (0, "config ok\n"), p.stderr + text
    # Parts of a fragment may be used by nobody.
    told = [l for l in p.stderr.splitlines() if not (fragment and re.search("no (backend|frontend) uses", l))]
    assert told == []


def schema():
    """Rows of the code's table: section, key, type, default, least, greatest, required."""
    p = subprocess.run([BUILD / "tests" / "docs" / "print-schema"], capture_output=True, text=True,
                       check=True)
    return [l.split("\t") for l in p.stdout.splitlines()]


def key_tables(page):
    """{(section, key): cells} of the tables below the headings that name sections."""
    found, section = {}, None
    for line in page.prose.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ").replace("\\", "")
        cells = [c.strip() for c in line.split("|")[1:-1]]
        if len(cells) == 5 and cells[0].startswith("`"):
            found[section, cells[0].strip("`")] = cells
    return found


def test_every_key_is_in_the_config_guide():
    documented = key_tables(PAGES["docs/config-guide.md"])
    rows = schema()
    assert len(rows) > 40
    wrong = []
    for section, key, type_, default, least, greatest, required in rows:
        cells = documented.pop((section, key), None)
        if cells is None:
            wrong.append(f"{section}.{key} is missing")
            continue
        _, told_type, told_default, allowed, _ = cells
        wanted = "required" if required == "required" else default
        if told_type != type_:
            wrong.append(f"{section}.{key}: type {told_type}, not {type_}")
        # A default that depends on other keys is told in words.
        if wanted != "-" and told_default.strip("`") != wanted:
            wrong.append(f"{section}.{key}: default {told_default}, not {wanted}")
        for bound in (least, greatest):
            if bound not in ("-", "0s", "1ns") and bound not in allowed.replace("`", ""):
                wrong.append(f"{section}.{key}: {bound} is not in \"{allowed}\"")
    assert wrong + [f"{k} is in the guide alone" for k in documented] == []


def test_every_key_has_an_example():
    examples = "".join(b.attributes.get("in", "") + ":" + b.text
                       for b in PAGES["docs/config-guide.md"].blocks_of("yaml"))
    assert [key for _, key, *_ in schema() if not re.search(rf"\b{key}:", examples)] == []


# ---- commands and what they print

@pytest.mark.parametrize("block", blocks("sh"), ids=name)
def test_shell_commands_are_well_formed(block):
    p = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
    assert p.returncode == 0, p.stderr


@pytest.fixture(scope="module")
def stage():
    namespace = Namespace()
    if not namespace.ok:
        pytest.skip(f"no network namespace here: {namespace.why}")
    s = None
    try:
        s = docstage.Stage(namespace)
        s.settle()
        s.count_packets()
        yield s
    finally:
        if s:
            s.close()
        namespace.close()


# What differs from one time to the next: moments, lengths of time, and numbers of processes.
MASKS = [re.compile(p) for p in (
    r"\d{4}-\d\d-\d\dT[\d:.]+Z[,)]*", r"\d+(\.\d+)?(ns|us|ms|s|m|h)([\d.]+(ms|s|m|h))*,?", r"\d+\.\d{3}",
    r"[0-9a-f]{12}(-dirty)?,|unknown,|\w+\.\d[\w.-]*,")]
MASKED_ROWS = ("pid", "build date")
MASKED_KEYS = re.compile(r'"(time|at\w*|\w+_ns|commit|date|build_date|since_ms|pid|boottime|late|local|good)":("[^"]*"|\d+)'
                         r'|(?<=ipv6:\[::1\]:)\d+|(?<=ipv4:198.51.100.98:)\d+')


def same_word(wanted, printed):
    return wanted == printed or any(m.fullmatch(wanted) and m.fullmatch(printed) for m in MASKS)


def same_line(wanted, printed):
    if wanted.startswith(MASKED_ROWS):
        return wanted.split()[0] == printed.split()[0]
    if MASKED_KEYS.sub("*", wanted) == MASKED_KEYS.sub("*", printed):
        return True
    a, b = wanted.split(), printed.split()
    return len(a) == len(b) and all(map(same_word, a, b))


def same_text(wanted, printed):
    """Line by line; "..." is as many lines as it takes."""
    if not wanted:
        return not printed
    if wanted[0] == "...":
        return any(same_text(wanted[1:], printed[i:]) for i in range(len(printed) + 1))
    return bool(printed) and same_line(wanted[0], printed[0]) and same_text(wanted[1:], printed[1:])


def commands(block):
    """[(command, lines below it)]"""
    found = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


@pytest.mark.parametrize("page", [p for p in PAGES.values() if p.blocks_of("console")], ids=name)
def test_commands_print_what_is_shown(page, stage):
    stage.all_up()
    for block in page.blocks:
        if "file" in block.attributes:
            (stage.dir / block.attributes["file"]).write_text(block.text)
        if block.language != "console":
            continue
        for command, wanted in commands(block):
            printed = stage.run(command).stdout.splitlines()
            assert same_text(wanted, printed), f"{block}: $ {command}\n" + "\n".join(printed)


@pytest.fixture(scope="module")
def played(stage):
    """Every record that the stage's trouble left: {msg: [record]}."""
    docstage.play(stage)
    found = {}
    for r in stage.records():
        found.setdefault(r["msg"], []).append(r)
    return found


VARYING = {"time", "commit", "date", "version", "build_date", "build_directory", "pid", "boottime", "late",
           "local", "good", "failures_ignored", "suppressed"}


def comparable(record):
    # Which of the backends is the first to be named depends on the moment.
    varying = VARYING | ({"backend", "type"} if record["msg"] == "probe-inconclusive" else set())
    return {k: re.sub(r"(?<=[\]\d]):\d{4,5}\b", "", v) if k in ("peer", "message") else v
            for k, v in record.items() if k not in varying and not k.endswith("_ns")}


# Parametrised tests of the console come first: they want the stage as it was.
def is_log(block):
    return block.text.startswith('{"time":')


@pytest.mark.parametrize("block", [b for b in blocks("json") if not is_log(b)], ids=name)
def test_json_is_json(block):
    json.loads(block.text)


@pytest.mark.parametrize("block", [b for b in blocks("json") if is_log(b)], ids=name)
def test_log_examples_have_been_seen(block, played):
    for line in block.text.splitlines():
        wanted = json.loads(line)
        seen = played.get(wanted["msg"], [])
        assert any(comparable(wanted) == comparable(r) and list(wanted) == list(r) for r in seen), (
            line, seen[:5])


# ---- the log's records

RECORD = re.compile(r'\blog_(?:debug|info|warn|error|at|write)\(\s*(?:LVL_\w+,\s*|l,\s*|[^;"]*?)?"([a-z][a-z0-9-]+)"')
NAMED = re.compile(r'"(vpp-lb-(?:sync|drift)[a-z-]*|vpp-api-(?:send|recv)[a-z-]*|maglevd-(?:dis)?connect)"')


def records_of_the_code():
    """Names of records in the sources of the daemon and the dashboard."""
    found = set()
    for directory in ("maglevd", "lbsync", "vpp", "dashboard"):
        for path in sorted((ROOT / "src" / directory).glob("*.c")):
            text = path.read_text()
            found |= set(RECORD.findall(text)) | set(NAMED.findall(text))
    return found


def records_of_the_guide():
    return {r[0].strip("`") for r in PAGES["docs/user-guide.md"].rows()
            if len(r) == 4 and r[0].startswith("`") and r[1] in ("debug", "info", "warn", "error", "varies")}


def test_every_record_of_the_log_is_in_the_user_guide():
    in_code, told = records_of_the_code(), records_of_the_guide()
    assert len(in_code) > 40
    assert (sorted(in_code - told), sorted(told - in_code)) == ([], [])


def test_records_have_the_attributes_of_the_user_guide(played):
    attributes = {r[0].strip("`"): (r[1], re.findall(r"`(\w+)`", r[2]))
                  for r in PAGES["docs/user-guide.md"].rows() if len(r) == 4 and r[0].startswith("`")}
    wrong = []
    for msg, seen in played.items():
        level, told = attributes[msg]
        for r in seen:
            keys = [k for k in r if k not in ("time", "level", "msg")]
            if msg.startswith("vpp-api-"):  # then the message's own fields
                keys = keys[:2]
            unknown = set(keys) - set(told)
            if unknown or (level != "varies" and r["level"] != level.upper()):
                wrong.append(f"{msg}: {level} {unknown} {r}")
    assert wrong[:5] == []


# ---- flags, commands, metrics

def help_of(program):
    return subprocess.run([BIN / program, "--help"], capture_output=True, text=True, check=True).stdout


def flags_of(program):
    heads = re.findall(r"^  (--.*)$", help_of(program), re.M)
    return {name for head in heads for name in re.findall(r"--([a-z][a-z-]*)", head)}


def variables_of(program):
    return set(re.findall(r"\bMAGLEV[A-Z]*_[A-Z_]+\b", help_of(program)))


def manual_text(program):
    """The page's own words, without roff's escapes."""
    text = (ROOT / "docs" / "man" / MANUALS[program]).read_text()
    return re.sub(r"\\f[BIRP]", "", text).replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "")


def manual_flags(program):
    """The flags that have a paragraph of their own."""
    heads = re.findall(r'^(?:\.(?:B|BI|BR|RB) )?"?(--?[a-z].*)$', manual_text(program), re.M)
    return {name for head in heads for name in re.findall(r"--?([a-z][a-z-]*)", head)}


@pytest.mark.parametrize("program", PROGRAMS)
def test_manuals_have_every_flag(program):
    assert flags_of(program), "no flags in --help"
    assert flags_of(program) - manual_flags(program) == set()
    assert manual_flags(program) - flags_of(program) == set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_manuals_have_every_variable(program):
    told = set(re.findall(r"\bMAGLEV[A-Z]*_[A-Z_]+\b", manual_text(program)))
    # MAGLEV_FRONTEND_ARGS and the like are the service's, not the program's.
    service = {"MAGLEV_FRONTEND_ARGS", "MAGLEV_ARGS"}
    assert variables_of(program) - told == set()
    assert told - variables_of(program) - service == set()


def test_the_manual_has_every_command_of_the_simulator():
    listed = help_of("maglev-lbsim").split("by a line of JSON:")[1]
    names = re.findall(r"^  ([a-z]+)", listed, re.M)
    assert len(names) > 8
    text = manual_text("maglev-lbsim")
    assert [n for n in names if not re.search(rf"^\.(?:BI|B|BR|RB) \"?{n}\b", text, re.M)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "man").glob("*.[18]")), ids=name)
def test_manuals_are_well_formed(path):
    p = subprocess.run(["mandoc", "-T", "lint", "-W", "style", path], capture_output=True, text=True)
    # No date: a build has one, the page itself is of no day. Long lines: generated tables.
    told = [l for l in p.stdout.splitlines()
            if not re.search("missing date|input text line longer than 80 bytes|unterminated quoted argument", l)]
    assert told == []


def test_every_command_of_the_shell_is_in_its_manual():
    made = subprocess.run([BIN / "maglevc", "__manual"], capture_output=True, text=True, check=True).stdout
    assert made in (ROOT / "docs" / "man" / "maglevc.1").read_text()


# ---- what is said in passing

def described():
    """Pages that speak of our own flags, metrics and variables, and the manuals."""
    return {**{n: " ".join(p.words()) + "".join(b.text for b in p.blocks) for n, p in PAGES.items()},
            **{MANUALS[p]: manual_text(p) for p in PROGRAMS}}


# Of other programs that the pages run.
FOREIGN_FLAGS = set("""user group property pty cap-add net volume publish rm name file profile now
    unit follow output since no-pager detach offline build recursive ambient-caps inh-caps reuid
    regid init-groups clear-groups bounding-set benchmark suite allow-downgrades network group-add profile""".split())


def test_flags_in_passing_exist():
    known = set.union(*(flags_of(p.name) for p in BIN.iterdir())) | FOREIGN_FLAGS
    wrong = {f"{where}: --{flag}" for where, text in described().items() if where != "CONTRIBUTING.md"
             for flag in re.findall(r"(?<![\w-])--([a-z][a-z-]+)", text) if flag not in known}
    assert wrong == set()


def test_metrics_in_passing_exist():
    families = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.M))
    assert len(families) > 30
    wrong = {f"{where}: {m}" for where, text in described().items()
             for m in re.findall(r"\b(maglev_[a-z_]+|grpc_server_[a-z_]+)\b", text)
             if re.sub("_(bucket|sum|count)$", "", m) not in families and m not in COOKIES}
    assert wrong == set()


COOKIES = {"maglev_scope", "maglev_zippy_open"}


def test_targets_in_passing_exist():
    shown = subprocess.run(["make", "-s", "-C", ROOT, "help"], capture_output=True, text=True, check=True)
    targets = set(re.findall(r"^  make ([a-z0-9-]+)", shown.stdout, re.M))
    wrong = {f"{where}: make {t}" for where, text in described().items() if where != "CONTRIBUTING.md"
             for t in re.findall(r"^(?:\$ )?(?:[A-Z_]+=\S+ )?make ([a-z][a-z-]*)", text, re.M) if t not in targets}
    assert wrong == set()


# ---- links

@pytest.mark.parametrize("page", PAGES.values(), ids=name)
def test_links_lead_somewhere(page):
    wrong = []
    for link in page.links():
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        if not target.exists():
            wrong.append(link)
        elif anchor and anchor not in documents.Page(target).anchors():
            wrong.append(link)
    assert wrong == []


def test_every_page_is_reached():
    """From the README, over links."""
    seen, todo = set(), ["README.md"]
    while todo:
        page = documents.page(todo.pop())
        seen.add(page.name)
        for link in page.links():
            target = (page.path.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_relative_to(ROOT) and target.exists():
                other = str(target.relative_to(ROOT))
                if other not in seen and other not in todo:
                    todo.append(other)
    assert sorted(set(PAGES) - seen) == []


def test_every_program_has_a_manual():
    assert sorted(p.name for p in BIN.iterdir()) == sorted(PROGRAMS)


# ---- codes, proxies, drop-ins

def test_every_code_of_a_probe_is_explained_and_shown():
    source = (ROOT / "src" / "core" / "health.c").read_text()
    outcomes = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "inconclusive"}
    codes = {c: outcomes[o] for c, o in re.findall(r'\[CODE_\w+\] = \{ "(\w+)", OUTCOME_(\w+)', source)}
    page = PAGES["docs/healthchecks.md"]
    told = {r[0].strip("`"): r[1] for r in page.rows() if len(r) == 3 and r[1] in outcomes.values()}
    assert told == {c: o for c, o in codes.items() if c.isupper()}
    logged = "".join(b.text for b in page.blocks_of("json"))
    assert [c for c in codes if f'"code":"{c}"' not in logged] == []


def test_the_proxy_of_the_guide_serves_the_dashboard(stage):
    """Events flow through it at once, and changes are taken from the page behind it."""
    location = PAGES["docs/user-guide.md"].blocks_of("nginx")[0].text
    port = 8088
    (stage.dir / "proxy.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {stage.dir}/proxy.pid;\nevents {{}}\nhttp {{\n"
        f"access_log off;\n{temporary(stage.dir)}server {{ listen 127.0.0.1:{port};\n{location}}}\n}}\n")
    proxy = Process("proxy", stage.within("nginx", "-e", stage.dir / "proxy.log", "-p", stage.dir, "-c",
                                          stage.dir / "proxy.conf"), stage.dir, daemon=False)
    try:
        wait_for(lambda: stage.run(f"curl -s localhost:{port}/healthz").stdout.strip() == "ok",
                 lambda: f"the proxy: {stage.run('curl -sS localhost:8088/healthz').stdout} {proxy.stderr_text()}")
        first = stage.run(f"curl -sN localhost:{port}/view/api/events | head -c 12").stdout
        assert first == "retry: 2000\n"
        post = (f"curl -s -u admin:secret -H 'Content-Type: application/json' -X POST "
                f"http://localhost:{port}/admin/api/localhost:9090/config/check -H 'Origin: ")
        assert json.loads(stage.run(f"{post}http://localhost:{port}'").stdout)["ok"] is True
        assert "error" in json.loads(stage.run(f"{post}http://elsewhere.example.net'").stdout)
    finally:
        proxy.kill()


def temporary(directory):
    return "".join(f"{kind}_temp_path {directory}/proxy-{kind};\n"
                   for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


@pytest.mark.parametrize("block", blocks("ini"), ids=name)
def test_drop_ins_are_well_formed(block):
    parser = configparser.ConfigParser(strict=True)
    parser.optionxform = str
    parser.read_string(textwrap.dedent(block.text))
    unit = (ROOT / "contrib" / "systemd" / "vpp-maglev.service.in").read_text()
    for section in parser.sections():
        assert f"[{section}]" in unit
        assert [k for k in parser[section] if f"\n{k}=" not in unit] == []
