"""Colours by meaning: what a theme gives, as styles for line drawing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color


class Meaning(StrEnum):
    """What a colour says. Each is a key of a theme file."""

    TEXT = "text"
    MUTED = "muted"
    FAINT = "faint"
    ACCENT = "accent"
    TITLE = "title"
    GOOD = "good"
    BAD = "bad"
    WORKING = "working"
    PROBING = "probing"
    WAITING = "waiting"
    PAUSED = "paused"
    BACK = "back"
    OUT = "out"
    NOTICE = "notice"


BOLD = frozenset({Meaning.TITLE, Meaning.BAD, Meaning.NOTICE})
"""So that these stand out without colour."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line with one look. Its text is made safe when it is drawn."""

    text: str
    meaning: Meaning = Meaning.TEXT
    bold: bool = False
    reverse: bool = False
    underline: bool = False


Line = tuple[Piece, ...]

LEGIBLE = 4.5
"""WCAG 2, level AA: so much more light comes from text than from its ground, or the other way round."""
SEEN = 1.5
MIDDLE = 0.18
"""Grounds of less light take white better than black."""


def _light(parts: Iterable[int]) -> float:
    """Relative luminance of red, green and blue (0 to 255), as WCAG 2 has it."""
    red, green, blue = (p / 3294.6 if p <= 10 else ((p / 255 + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


class Palette:
    """The styles of one theme. Backgrounds: the screen's, the chosen line's with the focus and without.

    With `reverses` the chosen line is reversed instead: the terminal's own colours may not go on any other ground.
    """

    def __init__(
        self,
        colours: Mapping[Meaning, str],
        background: str,
        chosen: str,
        chosen_blurred: str,
        *,
        reverses: bool = False,
    ) -> None:
        self._reverses = reverses
        self._rich = {meaning: Color.parse(colour).rich_color for meaning, colour in colours.items()}
        self._grounds = {
            "plain": Color.parse(background).rich_color,
            "chosen": Color.parse(chosen).rich_color,
            "blurred": Color.parse(chosen_blurred).rich_color,
        }
        self._styles: dict[tuple[Piece, str], Style] = {}

    def style(self, piece: Piece, ground: str = "plain") -> Style:
        """The style of a piece on one of the backgrounds `plain`, `chosen`, `blurred`."""
        key = (Piece("", piece.meaning, piece.bold, piece.reverse, piece.underline), ground)
        found = self._styles.get(key)
        if found is None and self._reverses and ground != "plain":
            found = self._styles[key] = self.ground(ground)
        if found is None:
            found = Style(
                color=self._legible(piece.meaning, ground),
                bgcolor=self._grounds[ground],
                bold=True if piece.bold or piece.meaning in BOLD else None,
                reverse=True if piece.reverse else None,
                underline=True if piece.underline else None,
            )
            self._styles[key] = found
        return found

    def _legible(self, meaning: Meaning, ground: str) -> RichColor:
        """Its colour; on a ground where that could hardly be read, so much nearer to black or white as is needed.

        Rules and the empty part of bars are meant to be faint, and a terminal's own colours are its own affair.
        """
        own, behind = self._rich[meaning], self._grounds[ground]
        if own.triplet is None or behind.triplet is None:
            return own
        needed = SEEN if meaning is Meaning.FAINT else LEGIBLE
        below, end = _light(behind.triplet), 255 if _light(behind.triplet) < MIDDLE else 0
        for share in range(0, 101, 5):
            parts = [round(part + (end - part) * share / 100) for part in own.triplet]
            if _contrast(_light(parts), below) >= needed:
                return own if share == 0 else RichColor.from_rgb(*parts)
        return own

    def ground(self, ground: str = "plain") -> Style:
        """The style of empty cells."""
        if self._reverses and ground != "plain":
            return Style(reverse=ground == "chosen", underline=ground != "chosen")
        return Style(bgcolor=self._grounds[ground])
