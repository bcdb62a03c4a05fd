"""Tables of plain text that line up, whatever alphabet the names are in."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from engine.wire.safe_text import printable

GAP = "  "


def width_of(text: str) -> int:
    """How many terminal cells the text takes: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` cells, with `…` where something was left out."""
    if width_of(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += _cells(character)
        if used > max(0, width - 1):
            break
        kept.append(character)
    return "".join(kept) + ("…" if width > 0 else "")


def cell(value: object) -> str:
    """A value as it stands in a table: `-` for nothing, yes and no, no escape that could reach the terminal."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a table with a heading; columns are as wide as their widest cell."""
    texts = [list(headings), *([cell(value) for value in row] for row in rows)]
    widths = [max(width_of(row[index]) for row in texts) for index in range(len(headings))]
    return [_line(row, widths) for row in texts]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (text + " " * (width - width_of(text)) for text, width in zip(row, widths, strict=True))
    return GAP.join(padded).rstrip()


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
