"""Colours by meaning: what a theme gives, as styles for line drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

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
                color=self._rich[piece.meaning],
                bgcolor=self._grounds[ground],
                bold=True if piece.bold or piece.meaning in BOLD else None,
                reverse=True if piece.reverse else None,
                underline=True if piece.underline else None,
            )
            self._styles[key] = found
        return found

    def ground(self, ground: str = "plain") -> Style:
        """The style of empty cells."""
        if self._reverses and ground != "plain":
            return Style(reverse=ground == "chosen", underline=ground != "chosen")
        return Style(bgcolor=self._grounds[ground])
