# SPDX-License-Identifier: Apache-2.0
"""The documents as tests read them: their blocks, links, headings and code words.

What a block's fence says about it:

    ```yaml                    a whole configuration file: must pass `maglevd --check` without a word
    ```yaml in=healthchecks    the inside of that section: must pass within a small whole file
    ```yaml file=broken.yaml   written to the directory in which the console blocks of the page run
    ```console                 commands behind "$ " are run on the stage; what they print must have the
                               form of what is below them; a line "..." stands for any lines
    ```sh                      commands for a machine we do not have: must be a shell's language
    ```json                    a record of maglevd's or the dashboard's log on each line: must have been
                               seen on the stage
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^ *```(\S*)[ ]?(.*)$")


class Block:
    def __init__(self, page, line, language, attributes, text):
        self.page, self.line, self.language, self.text = page, line, language, text
        self.attributes = dict(a.split("=", 1) for a in attributes.split())

    def __repr__(self):
        return f"{self.page.path.name}:{self.line}"


class Page:
    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(ROOT))
        self.text = path.read_text()
        self.blocks, self.prose = [], ""
        self._read()

    def _read(self):
        block, prose = None, []
        for number, line in enumerate(self.text.splitlines(), 1):
            fence = FENCE.match(line)
            if block is None and fence:
                block = (number, *fence.groups(), [])
            elif block is not None and line.strip() == "```":
                start, language, attributes, lines = block
                self.blocks.append(Block(self, start, language, attributes, "\n".join(lines) + "\n"))
                block = None
            elif block is not None:
                block[3].append(line)
            else:
                prose.append(line)
        assert block is None, f"{self.name}:{block[0]}: the fence is never closed"
        self.prose = "\n".join(prose)

    def blocks_of(self, language):
        return [b for b in self.blocks if b.language == language]

    def headings(self):
        return re.findall(r"^#+ (.*)$", self.prose, re.M)

    def anchors(self):
        """As GitHub makes them of headings."""
        return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in self.headings()}

    def links(self):
        return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", self.prose)

    def words(self):
        """What stands in backquotes, blocks left out."""
        return re.findall(r"`([^`\n]+)`", self.prose)

    def rows(self):
        """The rows of its tables: the cells' texts."""
        for line in self.prose.splitlines():
            if line.startswith("|") and not line.startswith("|--"):
                yield [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]


def pages():
    """All of them that are written by hand."""
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md",
             *sorted((ROOT / "docs").glob("*.md"))]
    return [Page(p) for p in paths]


def page(name):
    return Page(ROOT / name)
