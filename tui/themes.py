"""Themes: TOML files, checked before they are used. Ours lie in themes/, a user's in their configuration folder."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.theme import BUILTIN_THEMES, Theme

from tui.palette import Meaning, Palette

DEFAULT = "dark"
SIXTEEN = "sixteen"
SIZE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Grounds:
    """Backgrounds: the screen's, a dialog's, the line under the cursor, the same in a panel without the focus."""

    screen: str
    dialog: str
    chosen: str
    chosen_elsewhere: str


@dataclass(frozen=True, slots=True)
class ThemeFile:
    """One theme. `colours` are named by what they mean (tui.palette.Meaning); all are there."""

    name: str
    title: str
    dark: bool
    grounds: Grounds
    colours: Mapping[Meaning, str]
    terminal_colours: bool = False

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


@dataclass(frozen=True, slots=True)
class BadTheme:
    """A file that cannot be used, and why."""

    path: Path
    why: str


def shipped_folder() -> Path:
    """Where our themes lie: inside the package in a wheel, beside it in a source tree."""
    inside = Path(__file__).parent / "themes"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "themes"


def read_theme(path: Path, *, ours: bool = False) -> ThemeFile | BadTheme:
    """One file; BadTheme says what is wrong with it, by field. `ours` are as good as their test found them."""
    try:
        with open(path, "rb") as source:
            found = tomllib.loads(source.read(SIZE_LIMIT).decode())
        if not ours:
            from tui.checked_files import ThemeTable, checked

            found = checked(ThemeTable, found)
        colours = {Meaning(name): colour for name, colour in found.pop("colours").items()}
        return ThemeFile(**found | {"colours": colours, "grounds": Grounds(**found["grounds"])})
    except (OSError, ValueError) as error:
        return BadTheme(path, str(error))


def load_themes(folders: Iterable[Path]) -> tuple[dict[str, ThemeFile], list[BadTheme]]:
    """Every theme by name, ours first: a user's of the same name takes its place. Bad ones are told, not raised."""
    found: dict[str, ThemeFile] = {}
    bad: list[BadTheme] = []
    ours = shipped_folder()
    for folder in (ours, *folders):
        for path in sorted(folder.glob("*.toml")):
            theme = read_theme(path, ours=folder == ours)
            if isinstance(theme, BadTheme):
                bad.append(theme)
            else:
                found[theme.name] = theme
    return found, bad
