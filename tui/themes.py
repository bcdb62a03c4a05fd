"""Themes: TOML files, checked before they are used. Ours lie in themes/, a user's in their configuration folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from tui.palette import Meaning, Palette

DEFAULT = "dark"
SIXTEEN = "sixteen"
SIZE_LIMIT = 64 * 1024


class Grounds(BaseModel):
    """Backgrounds: the screen's, a dialog's, the line under the cursor, the same in a panel without the focus."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    screen: str
    dialog: str
    chosen: str
    chosen_elsewhere: str

    @field_validator("*")
    @classmethod
    def _is_colour(cls, value: str) -> str:
        return _colour(value)


class ThemeFile(BaseModel):
    """One theme. `colours` are named by what they mean (tui.palette.Meaning); all must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    title: str = Field(min_length=1, max_length=60)
    dark: bool
    terminal_colours: bool = False
    grounds: Grounds
    colours: dict[Meaning, str]

    @field_validator("colours")
    @classmethod
    def _are_all_there(cls, value: dict[Meaning, str]) -> dict[Meaning, str]:
        missing = [meaning.value for meaning in Meaning if meaning not in value]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        return {meaning: _colour(colour) for meaning, colour in value.items()}

    def palette(self, *, reverses: bool = False) -> Palette:
        """Its styles on the screen's background; `reverses` where the chosen line cannot have a colour."""
        return self._palette(self.grounds.screen, reverses)

    def dialog_palette(self, *, reverses: bool = False) -> Palette:
        """Its styles on a dialog's background."""
        return self._palette(self.grounds.dialog, reverses)

    def _palette(self, background: str, reverses: bool) -> Palette:
        chosen, elsewhere = self.grounds.chosen, self.grounds.chosen_elsewhere
        return Palette(self.colours, background, chosen, elsewhere, reverses=reverses or self.terminal_colours)

    def textual(self) -> Theme:
        """The same for Textual's own widgets."""
        of = self.colours
        return Theme(
            name=self.name,
            primary=of[Meaning.ACCENT],
            secondary=of[Meaning.MUTED],
            accent=of[Meaning.ACCENT],
            foreground=of[Meaning.TEXT],
            background=self.grounds.screen,
            surface=self.grounds.screen,
            panel=self.grounds.dialog,
            boost=self.grounds.dialog,
            success=of[Meaning.GOOD],
            warning=of[Meaning.NOTICE],
            error=of[Meaning.BAD],
            dark=self.dark,
            ansi=self.terminal_colours,
            variables=(dict(BUILTIN_THEMES["ansi-dark"].variables) if self.terminal_colours else {})
            | {"dialog": self.grounds.dialog, "chosen": self.grounds.chosen, "faint": of[Meaning.FAINT]},
        )


def _colour(value: str) -> str:
    try:
        Color.parse(value)
    except ColorParseError:
        raise ValueError(f"{value!r} is no colour; write #rrggbb or ansi_green") from None
    return value


@dataclass(frozen=True, slots=True)
class BadTheme:
    """A file that cannot be used, and why."""

    path: Path
    why: str


def shipped_folder() -> Path:
    """Where our themes lie: inside the package in a wheel, beside it in a source tree."""
    inside = Path(__file__).parent / "themes"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "themes"


def read_theme(path: Path) -> ThemeFile | BadTheme:
    """One file; BadTheme says what is wrong with it, by field."""
    try:
        with open(path, "rb") as source:
            return ThemeFile.model_validate(tomllib.loads(source.read(SIZE_LIMIT).decode()))
    except ValidationError as error:
        first = error.errors()[0]
        return BadTheme(
            path, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].removeprefix('Value error, ')}"
        )
    except (OSError, ValueError) as error:
        return BadTheme(path, str(error))


def load_themes(folders: Iterable[Path]) -> tuple[dict[str, ThemeFile], list[BadTheme]]:
    """Every theme by name, ours first: a user's of the same name takes its place. Bad ones are told, not raised."""
    found: dict[str, ThemeFile] = {}
    bad: list[BadTheme] = []
    for folder in (shipped_folder(), *folders):
        for path in sorted(folder.glob("*.toml")):
            theme = read_theme(path)
            if isinstance(theme, BadTheme):
                bad.append(theme)
            else:
                found[theme.name] = theme
    return found, bad
