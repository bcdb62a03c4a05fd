"""Check what no linter sees: links between documents, lengths of files, and words that belong to one machine.

Prints one line for each finding, as `path:line: what`, and exits 1 when there was one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_LINES = 400
INDEXES = ("README.md", "docs/README.md")
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)")
# A path that exists on one machine only, and names of things outside the project.
FORBIDDEN = re.compile(r"(?<![\w.}])/(?:work|root|home/\w+|Users/\w+)/|file:///|/opt/(?:pypi|wheels)|\bissue #?\d+\b")
LEFT_OUT = frozenset({"__pycache__", "dist", "htmlcov", "node_modules", "snapshot_report.html"})


def project_files(root: Path) -> Iterator[Path]:
    """Every file of the project; of the hidden folders only .ci, so neither environments nor caches."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in LEFT_OUT and (n == ".ci" or not n.startswith(".")))
        # In a linked working tree .git is a file.
        yield from (Path(folder, name) for name in sorted(files) if name != ".git" and name not in LEFT_OUT)


def links(document: Path) -> Iterator[tuple[int, str]]:
    """Line number and target of each link of a Markdown file, outside fenced blocks."""
    fenced = False
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield from ((number, target) for target in LINK.findall(line))


def check_links(root: Path) -> Iterator[str]:
    """Relative links lead to something, and a reader who starts at an index finds every document."""
    linked: set[Path] = set()
    documents = [path for path in project_files(root) if path.suffix == ".md"]
    for document in documents:
        name = document.relative_to(root)
        for number, link in links(document):
            if re.match(r"[a-z][a-z+.-]*:|#", link):
                continue
            target = (document.parent / link.partition("#")[0]).resolve()
            if not target.exists():
                yield f"{name}:{number}: the link {link} leads nowhere"
            elif not target.is_relative_to(root):
                yield f"{name}:{number}: the link {link} leaves the project"
            elif name.as_posix() in INDEXES:
                linked.add(target)
    for document in documents:
        name = document.relative_to(root)
        if name.parts[0] == "docs" and name.as_posix() not in INDEXES and document not in linked:
            yield f"{name}:1: neither README.md nor docs/README.md links here"


def check_texts(root: Path) -> Iterator[str]:
    """No module grows beyond MAX_LINES, and no text names a machine."""
    for path in project_files(root):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        name = path.relative_to(root)
        if name.parts[0] in {"engine", "tui"} and path.suffix == ".py" and len(lines) > MAX_LINES:
            yield f"{name}:{MAX_LINES + 1}: {len(lines)} lines are more than {MAX_LINES}; give a part its own file"
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(lines, 1):
            if found := FORBIDDEN.search(line):
                yield f"{name}:{number}: {found.group()!r} means nothing to other people"


def main() -> int:
    root = Path(__file__).resolve().parent.parent
    findings = [*check_links(root), *check_texts(root)]
    print(*findings, sep="\n", end="\n" if findings else "")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
