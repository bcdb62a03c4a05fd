"""Text measured in cells of a terminal: wide characters count two. Text from outside is made safe before."""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size

from engine.wire.safe_text import printable
from tui.palette import Line, Meaning, Piece


def fit(text: str, width: int, ellipsis: str = "…", *, right: bool = False) -> str:
    """`text` in exactly `width` cells: filled with spaces, or cut with a mark that something is missing."""
    text = printable(text)
    length = cell_len(text)
    if length <= width:
        return " " * (width - length) + text if right else text + " " * (width - length)
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1) + ellipsis


def width_of(line: Line) -> int:
    """Cells of a line."""
    return sum(cell_len(piece.text) for piece in line)


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` and `right` at both ends of a line; the left side is cut when both do not fit."""
    space = width - width_of(right)
    return (*clip(left, space), Piece(" " * max(0, space - width_of(left))), *right)


def clip(line: Line, width: int, ellipsis: str = "…") -> Line:
    """The line in at most `width` cells, cut with a mark."""
    if width_of(line) <= width:
        return line
    found: list[Piece] = []
    left = width
    for piece in line:
        length = cell_len(piece.text)
        if length < left:
            found.append(piece)
            left -= length
            continue
        if left > 0:
            cut = fit(piece.text + " " if length == left else piece.text, left, ellipsis)
            found.append(Piece(cut, piece.meaning, piece.bold, piece.reverse, piece.underline))
        break
    return tuple(found)


def words(text: str, meaning: Meaning = Meaning.TEXT, *, bold: bool = False) -> Line:
    """One piece as a line."""
    return (Piece(text, meaning, bold),)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces, and inside a word only where it is longer than a line."""
    width = max(2, width)
    found: list[str] = []
    line = ""
    for word in printable(text).split(" "):
        rest = word
        while cell_len(rest) > width:
            if line:
                found.append(line)
                line = ""
            head = set_cell_size(rest, width).rstrip()
            found.append(head)
            rest = rest[len(head) :]
        joined = f"{line} {rest}" if line else rest
        if cell_len(joined) > width:
            found.append(line)
            joined = rest
        line = joined
    return [*found, line] if line or not found else found


def first_lines(text: str, width: int, most: int, ellipsis: str = "…") -> list[str]:
    """The text wrapped, in at most so many lines; the last one has a mark where there would be more."""
    lines = wrap(text, width)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], fit(" ".join(lines[most - 1 :]), width, ellipsis).rstrip()]


def wrap_code(code: str, width: int) -> list[str]:
    """An error code in lines of at most `width` cells, broken before its capitals."""
    parts = re.findall(r"[A-Z]?[^A-Z]+|[A-Z]", code)
    found = [""]
    for part in parts:
        if found[-1] and len(found[-1]) + len(part) > width:
            found.append("")
        found[-1] += part
    return found
