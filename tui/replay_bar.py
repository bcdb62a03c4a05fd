"""The bar of a recording: where it is, how fast it goes, what time it was there. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tui.cells import width_of
from tui.clocks import short
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece
from tui.session import LinkState

SIGNS = {LinkState.PLAYING: ("▶", ">"), LinkState.ENDED: ("■", "#")}


@dataclass(frozen=True, slots=True)
class Reel:
    """`position` of `length` events; `errors` are positions right after an error; `gone_s` of `all_s` seconds."""

    state: LinkState
    position: int
    length: int
    speed: float
    errors: Sequence[int]
    gone_s: float
    all_s: float
    moment: str


def reel_line(reel: Reel, glyphs: Glyphs, width: int) -> Line:
    """Sign, state, speed, the track with its errors, position and time; the track takes what is left."""
    sign = glyphs.pick(*SIGNS.get(reel.state, ("‖", "|")))
    head: Line = (
        Piece(f" {sign} {reel.state.value:<8}", Meaning.ACCENT),
        Piece(f" {reel.speed:g}x ", Meaning.MUTED),
    )
    seen = bisect_right(reel.errors, reel.position)
    errors = f"  {glyphs.pick('✗', 'X')} {seen}/{len(reel.errors)}" if reel.errors else ""
    tail: Line = (
        Piece(f" {reel.position:,}/{reel.length:,}", Meaning.TEXT),
        Piece(errors, Meaning.BAD),
        Piece(f"  {short(reel.gone_s)} of {short(reel.all_s)}" if width >= 100 else "", Meaning.MUTED),
        Piece(f"  {reel.moment} ", Meaning.TEXT),
    )
    room = max(4, width - width_of(head) - width_of(tail))
    return (*head, *_track(reel, glyphs, room), *tail)


def _track(reel: Reel, glyphs: Glyphs, room: int) -> list[Piece]:
    """Cells passed, the head, cells to come; a cell with an error in it shows the error."""
    here = reel.position * (room - 1) // reel.length if reel.length else room - 1
    found: list[Piece] = []
    for cell in range(room):
        first, after = cell * reel.length / room, (cell + 1) * reel.length / room
        if cell == here:
            found.append(Piece(glyphs.pick("●", "O"), Meaning.ACCENT))
        elif bisect_left(reel.errors, after + 1e-9) > bisect_right(reel.errors, first):
            found.append(Piece(glyphs.pick("✗", "x"), Meaning.BAD))
        else:
            glyph = glyphs.pick("━", "=") if cell < here else glyphs.pick("─", "-")
            found.append(Piece(glyph, Meaning.ACCENT if cell < here else Meaning.FAINT))
    return _merged(found)


def _merged(pieces: list[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        if found and found[-1].meaning is piece.meaning:
            found[-1] = Piece(found[-1].text + piece.text, piece.meaning)
        else:
            found.append(piece)
    return found


def place_of(text: str, length: int, at: Sequence[float], first_at: float) -> int | None:
    """The position meant by `50%`, `1200` (an event), `+2:30` or `2:30` (since the start); None for none of these."""
    wanted = text.strip().removeprefix("+").replace(",", "")
    try:
        if wanted.endswith("%"):
            return round(length * max(0.0, min(100.0, float(wanted[:-1]))) / 100)
        if ":" in wanted:
            seconds = 0.0
            for part in wanted.split(":"):
                seconds = seconds * 60 + float(part)
            return bisect_right(at, first_at + seconds)
        return max(0, min(length, int(wanted)))
    except ValueError:
        return None
