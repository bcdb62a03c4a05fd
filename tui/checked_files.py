"""Files that a person writes for the cockpit, checked field by field: a theme, the table `cockpit` of config.toml.

Imported only where there is such a file, so that the first picture waits for no checker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from textual.color import Color, ColorParseError

from tui.palette import Meaning


class GroundsTable(BaseModel):
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


class ThemeTable(BaseModel):
    """One theme. `colours` are named by what they mean (tui.palette.Meaning); all must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    title: str = Field(min_length=1, max_length=60)
    dark: bool
    terminal_colours: bool = False
    grounds: GroundsTable
    colours: dict[Meaning, str]

    @field_validator("colours")
    @classmethod
    def _are_all_there(cls, value: dict[Meaning, str]) -> dict[Meaning, str]:
        missing = [meaning.value for meaning in Meaning if meaning not in value]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        return {meaning: _colour(colour) for meaning, colour in value.items()}


class CockpitTable(BaseModel):
    """The table `cockpit` of config.toml. `keys` maps an action's id to its keys, comma-separated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    theme: str | None = None
    mouse: bool = True
    utc: bool = False
    ascii: bool | None = None
    keys: dict[str, str] = {}


def checked(table: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are used, defaults filled in. Raises ValueError that names the first wrong field and why."""
    try:
        return table.model_validate(given).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{where}: {why}" if where else why) from None


def _colour(value: str) -> str:
    try:
        Color.parse(value)
    except ColorParseError:
        raise ValueError(f"{value!r} is no colour; write #rrggbb or ansi_green") from None
    return value
