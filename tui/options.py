"""How the cockpit is set up: config.toml and the environment, read once before it opens."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.actions import clashes
from tui.clocks import Clocks
from tui.glyphs import Glyphs
from tui.themes import DEFAULT, SIXTEEN

SIZE_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class CockpitOptions:
    """`troubles` are shown as toasts once the cockpit is open; `hint` is a line above the footer."""

    theme: str = DEFAULT
    mouse: bool = True
    clocks: Clocks = field(default_factory=Clocks)
    glyphs: Glyphs = field(default_factory=Glyphs)
    keys: dict[str, str] = field(default_factory=dict)
    theme_folders: tuple[Path, ...] = ()
    troubles: tuple[str, ...] = ()
    hint: str = ""


def config_folder() -> Path:
    """$XDG_CONFIG_HOME/rollset, else ~/.config/rollset."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home() / ".config") / "rollset"


def read_options(folder: Path, *, hint: str = "") -> CockpitOptions:
    """What config.toml and the environment say; what cannot be used is left out and told as a trouble."""
    given, troubles = _read(folder / "config.toml")
    keys: dict[str, str] = given.get("keys", {})
    wrong = clashes(keys)
    troubles += [f"config.toml: keys: {words}" for words in wrong]
    plain = given["ascii"] if given.get("ascii") is not None else not _draws_unicode()
    return CockpitOptions(
        theme=given.get("theme") or (SIXTEEN if _few_colours() else DEFAULT),
        mouse=given.get("mouse", True),
        clocks=Clocks(utc=given.get("utc", False)),
        glyphs=Glyphs(ascii=plain),
        keys={} if wrong else keys,
        theme_folders=(folder / "themes",),
        troubles=tuple(troubles),
        hint=hint,
    )


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The table `cockpit` as it is used, empty where there is none; and what is wrong with it."""
    try:
        with open(path, "rb") as source:
            value = tomllib.loads(source.read(SIZE_LIMIT).decode())
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError) as error:
        return {}, [f"config.toml cannot be read: {error}; it is left aside"]
    from tui.checked_files import CockpitTable, checked

    try:
        return checked(CockpitTable, value.get("cockpit", {})), []
    except ValueError as error:
        return {}, [f"config.toml: cockpit.{error}; it is left aside"]


def _draws_unicode() -> bool:
    return os.environ.get("TERM", "") != "linux" and "utf" in (sys.stdout.encoding or "").lower()


def _few_colours() -> bool:
    """A terminal that promises no more than 16 colours, or a person who wants none."""
    if os.environ.get("NO_COLOR"):
        return True
    if os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return False
    return "256color" not in os.environ.get("TERM", "")
