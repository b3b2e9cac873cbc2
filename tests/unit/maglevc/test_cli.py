#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The program as people start it: flags, environment, exit codes. test_cli.py MAGLEVC"""
import os
import pathlib
import pty
import subprocess
import sys
import unittest

MAGLEVC = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parents[3]
NOWHERE = "unix:/nonexistent/s"
REFUSED = f"cannot reach {NOWHERE}: no such file or directory"
RED = "\x1b[31m"
# Of the environment around us, only what sanitizers are told.
KEPT = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}


def run(*args, **env):
    """(exit code, stdout, stderr) with an environment of our own."""
    done = subprocess.run([MAGLEVC, *args], env=KEPT | env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def run_on_terminal(*args, **env):
    """(exit code, what the terminal shows)."""
    master, slave = pty.openpty()
    child = subprocess.Popen([MAGLEVC, *args], env=KEPT | env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # EIO: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(master)
    return child.wait(60), shown.decode()


class Cli(unittest.TestCase):
    def test_shell_on_a_pipe(self):
        """No words: commands come from stdin, without prompt or colour, and the versions first."""
        done = subprocess.run([MAGLEVC, "--server", NOWHERE], env=KEPT, capture_output=True, text=True,
                              input="help\n\n  sh ba\nnonsense\nquit\nshow version\n", timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stdout, r"^maglevc  \d\S* \(commit \S+, built \S+\)\nshow version  ")
        self.assertNotIn("maglev>", done.stdout)
        self.assertNotIn("\x1b", done.stdout)
        self.assertEqual(done.stderr.splitlines()[:2], [REFUSED] * 2)
        self.assertIn('unknown word "nonsense": expected show', done.stderr)
        self.assertEqual(done.stdout.count("\nmaglevc  "), 0)

    def test_shell_without_input(self):
        done = subprocess.run([MAGLEVC, "--server", NOWHERE], env=KEPT, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, REFUSED + "\n"))
        self.assertTrue(done.stdout.startswith("maglevc  "))

    def test_help_and_version(self):
        for flag in ("--help", "-help"):
            code, out, err = run(flag)
            self.assertEqual((code, err), (0, ""))
            for text in ("--server", "MAGLEV_TLS_CA", "show frontends [<name>]"):
                self.assertIn(text, out)
        code, out, err = run("--version")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"^maglevc \d\S* \(commit \S+, built \S+\)\n$")
        self.assertEqual(run("help")[0], 0)

    def test_manual(self):
        """The manual page has the commands and flags that the program's tables have."""
        page = (ROOT / "docs" / "man" / "maglevc.1").read_text(encoding="utf-8")
        made = page.split('made by: maglevc __manual\n')[1].split('.\\" end\n')[0]
        self.assertEqual(run("__manual"), (0, made, ""))

    def test_bad_flags(self):
        for args, text in (
                (["--bogus", "show"], "unknown flag --bogus"),
                (["--timeout", "soon", "help"], "--timeout"),
                (["--timeout", "0s", "help"], "--timeout"),
                (["show", "version", "--timeout"], "--timeout needs a value"),
                (["--color=maybe", "help"], "--color"),
        ):
            with self.subTest(args):
                code, out, err = run(*args)
                self.assertEqual((code, out), (2, ""))
                self.assertIn(text, err)
                self.assertIn("usage: maglevc", err)

    def test_usage_error(self):
        code, out, err = run("show", "bakcends", "x")
        self.assertEqual((code, out), (2, ""))
        self.assertEqual(
            err, 'unknown word "bakcends": expected version, frontends, backends, healthchecks or '
                 "vpp\n  show bakcends x\n       ^^^^^^^^\n")

    def test_unreachable(self):
        self.assertEqual(run("--server", NOWHERE, "show", "backends"), (1, "", REFUSED + "\n"))

    def test_flag_forms(self):
        for args in (["-server", NOWHERE, "sh", "ba"], [f"--server={NOWHERE}", "sh", "ba"],
                     [f"-server={NOWHERE}", "sh", "ba"], ["sh", "ba", "--server", NOWHERE],
                     ["sh", f"--server={NOWHERE}", "ba"], [f"--server={NOWHERE}", "sh ba"],
                     [f"--server={NOWHERE}", "--", "sh", "ba"]):
            with self.subTest(args):
                self.assertEqual(run(*args), (1, "", REFUSED + "\n"))

    def test_words_behind_dashes(self):
        """A name may look like a flag."""
        self.assertEqual(run("--server", NOWHERE, "--", "show", "backends", "--json"),
                         (1, "", REFUSED + "\n"))

    def test_environment(self):
        self.assertEqual(run("sh", "ba", MAGLEV_SERVER=NOWHERE), (1, "", REFUSED + "\n"))
        self.assertEqual(run("--server", NOWHERE, "sh", "ba", MAGLEV_SERVER="other:1"),
                         (1, "", REFUSED + "\n"))
        code, _, err = run("sh", "ba", MAGLEV_TIMEOUT="x")
        self.assertEqual(code, 2)
        self.assertIn("MAGLEV_TIMEOUT", err)
        code, _, err = run("sh", "ba", MAGLEV_TLS_CA="/nonexistent")
        self.assertEqual((code, err), (1, "reading /nonexistent: No such file or directory\n"))
        code, _, err = run("sh", "ba", MAGLEV_TLS_CERT="/nonexistent")
        self.assertEqual((code, err), (2, "the TLS certificate /nonexistent needs a key\n"))

    def test_colour(self):
        red = RED + REFUSED
        base = ("--server", NOWHERE, "sh", "ba")
        self.assertNotIn(RED, run(*base)[2])
        self.assertIn(red, run(*base, "--color")[2])
        self.assertIn(red, run(*base, "-color=true")[2])
        self.assertIn(red, run(*base, MAGLEV_COLOR="true")[2])
        self.assertIn(red, run(*base, MAGLEV_COLOR="true", NO_COLOR="1")[2])
        self.assertNotIn(RED, run(*base, "--color=false", MAGLEV_COLOR="true")[2])

    def test_colour_on_terminal(self):
        base = ("--server", NOWHERE, "sh", "ba")
        self.assertIn(RED, run_on_terminal(*base)[1])
        self.assertIn(RED, run_on_terminal(*base, NO_COLOR="")[1])
        self.assertNotIn(RED, run_on_terminal(*base, NO_COLOR="1")[1])
        self.assertNotIn(RED, run_on_terminal(*base, "--color=false")[1])
        self.assertNotIn(RED, run_on_terminal(*base, MAGLEV_COLOR="false")[1])
        self.assertIn(RED, run_on_terminal(*base, "--color", NO_COLOR="1")[1])

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([MAGLEVC, "help"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("writing the output: No space left", done.stderr)

    def test_weird_locale(self):
        """Output is UTF-8 whatever the locale says."""
        _, _, err = run("shöw", LC_ALL="C")
        self.assertIn('unknown word "shöw"', err)
        self.assertIn("\n  ^^^^\n", err)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
