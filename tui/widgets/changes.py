"""What of a line on the screen looks different: terminals far away are sent that, and no more. Pure."""

from __future__ import annotations

from rich.cells import cell_len

from tui.palette import Line, Piece

JOINED = 10
"""Cells that look the same between two changes and are sent again: placing the cursor anew costs as much."""


def changed_spans(before: Line, after: Line, width: int) -> list[tuple[int, int]]:
    """Stretches of cells, as (first, how many), that differ between two lines of at most `width` cells."""
    if before == after:
        return []
    old, new = _cells(before, width), _cells(after, width)
    differ = [at for at in range(width) if old[at] != new[at]]
    found: list[tuple[int, int]] = []
    for at in differ:
        first, count = found[-1] if found else (at, 0)
        if found and at - (first + count) <= JOINED:
            found[-1] = (first, at - first + 1)
        else:
            found.append((at, 1))
    return [_whole(first, count, old, new) for first, count in found]


Look = tuple[str, Piece | None]
"""What a cell shows, and the look of the piece it belongs to; empty text is the second half of a wide character."""


def _whole(first: int, count: int, old: list[Look], new: list[Look]) -> tuple[int, int]:
    """The stretch, so that no wide character is halved by its ends."""
    end = first + count
    while first > 0 and (not old[first][0] or not new[first][0]):
        first -= 1
    while end < len(new) and (not old[end][0] or not new[end][0]):
        end += 1
    return first, end - first


def _cells(line: Line, width: int) -> list[Look]:
    found: list[Look] = []
    for piece in line:
        look = Piece("", piece.meaning, piece.bold, piece.reverse, piece.underline)
        blank: Look = (" ", look if piece.reverse or piece.underline else None)  # a space has no colour of its own
        if piece.text.isascii():
            found += [blank if letter == " " else (letter, look) for letter in piece.text]
            continue
        for letter in piece.text:
            cells = cell_len(letter)
            if cells == 0 and found:
                # A mark on the letter before it; of a wide letter, on its first half.
                at = len(found) - 1 if found[-1][0] else len(found) - 2
                found[at] = (found[at][0] + letter, found[at][1])
                continue
            found += [blank] if letter == " " else [(letter, look), *[("", look)] * (cells - 1)]
    del found[width:]
    return found + [(" ", None)] * (width - len(found))
