# SPDX-License-Identifier: Apache-2.0
"""A real terminal to look at: tmux, with a server of its own for each test."""
import os
import pathlib
import re
import shlex
import subprocess

from processes import wait_for


def on_terminal(tty, name):
    """(pid, parent's pid) of the processes of this name whose terminal it is: proc(5), stat."""
    device, found = os.stat(tty).st_rdev, []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            head, _, tail = (entry / "stat").read_text().rpartition(") ")
        except OSError:
            continue  # it has ended
        _, parent, _, _, number = tail.split()[:5]
        of = os.makedev(int(number) >> 8 & 0xfff, int(number) & 0xff | int(number) >> 12 & 0xfff00)
        if of == device and head.partition(" (")[2] == name:
            found.append((int(entry.name), int(parent)))
    return found


class Tmux:
    """One window with a shell in it. What programs in it print to stderr goes where they send it."""

    def __init__(self, directory, cols=80, rows=24, term="tmux-256color", env=None):
        self.socket = directory / "tmux"
        settings = {"PATH": os.environ["PATH"], "HOME": str(directory), "LC_ALL": "C.UTF-8",
                    "PS1": "$ ", "ENV": "", **{k: v for k, v in os.environ.items()
                                               if k.endswith("SAN_OPTIONS")}, **(env or {})}
        self.env = settings
        conf = directory / "tmux.conf"
        conf.write_text(f"set -g default-terminal {term}\nset -g remain-on-exit on\n"
                        "set -g status off\nset -g escape-time 0\n")
        subprocess.run(["tmux", "-S", self.socket, "-f", conf, "new-session", "-d", "-x", str(cols),
                        "-y", str(rows), "env", "-u", "TMUX", "-u", "TMUX_PANE", "/bin/sh"],
                       env=settings, check=True)

    def _run(self, *words):
        r = subprocess.run(["tmux", "-S", self.socket, *words], env=self.env, capture_output=True,
                           text=True)
        assert r.returncode == 0, r.stderr
        return r.stdout

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], env=self.env, capture_output=True)

    def record(self, path):
        """From now on, all that the window is told to draw, byte by byte."""
        path.touch()
        self._run("pipe-pane", f"exec cat >>{path}")

    def keys(self, *names):
        """Keys by tmux's names: q, Space, Enter, Down, PageDown, C-c, …"""
        self._run("send-keys", *names)

    def type(self, text):
        self._run("send-keys", "-l", text)

    def resize(self, cols, rows):
        self._run("resize-window", "-x", str(cols), "-y", str(rows))

    def screen(self, colours=False):
        """What is on it, as lines."""
        return self._run("capture-pane", "-p", *(["-e"] if colours else [])).split("\n")[:-1]

    def text(self):
        return "\n".join(self.screen())

    def ask(self, what):
        """A value of tmux's: alternate_on, cursor_flag, pane_tty, …"""
        return self._run("display-message", "-p", "#{" + what + "}").strip()

    def wait(self, *parts, gone=()):
        """Until all of these are on the screen, and none of those; the lines."""
        def seen():
            text = self.text()
            return all(p in text for p in parts) and not any(g in text for g in gone)
        wait_for(seen, lambda: f"{parts} without {gone} on the screen:\n{self.text()}")
        return self.screen()


def settings(path):
    """What stty said, but for the size: that is the window's."""
    return re.sub(r"rows \d+; columns \d+; ", "", path.read_text())


class Screen:
    """A program in tmux's shell, with the terminal's settings before and after it. `env`: settings for
    it alone, as words for env(1)."""

    def __init__(self, directory, argv, cols=80, rows=24, env=()):
        self.dir, self.drawn = directory, directory / "drawn"
        self.tmux = Tmux(directory, cols, rows)
        self.tmux.wait("$")
        self.tmux.record(self.drawn)
        words = " ".join(shlex.quote(str(w))
                         for w in ["env", *env, *argv])
        line = f"stty -a >{directory}/before; {words} 2>{directory}/stderr"
        self.tmux.type(line)
        # Wherever the window's width breaks it.
        wait_for(lambda: line[-40:] in self.tmux.text().replace("\n", ""), self.tmux.text)
        self.tmux.keys("Enter")

    def ended(self):
        """It has given the terminal back as it was; its exit status, as a shell sees it."""
        wait_for(lambda: self.tmux.text().rstrip().endswith("\n$"), self.tmux.text)
        assert self.tmux.ask("alternate_on") == "0"
        assert self.tmux.ask("cursor_flag") == "1"
        assert self.tmux.ask("keypad_flag") == "0"
        self.tmux.type(f"echo $? >{self.dir}/status; stty -a >{self.dir}/after; echo do''ne")
        self.tmux.keys("Enter")
        self.tmux.wait("done")
        assert settings(self.dir / "after") == settings(self.dir / "before")
        return int((self.dir / "status").read_text())

    def stderr(self):
        return (self.dir / "stderr").read_text(errors="replace")
