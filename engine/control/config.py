"""The engine owner's config.toml: roles and hooks. What is wrong in it is one error with file, field and value."""

from __future__ import annotations

import logging
import os
import stat
import time
import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from engine.model.errors import InputError
from engine.model.shown_value import shown_value

CONFIG_LIMIT = 256 * 1024
LOOK_S = 1.0

Subject = Annotated[str, StringConstraints(pattern=r"^(user|group):[A-Za-z0-9_][A-Za-z0-9_.@$-]{0,63}$|^uid:\d{1,10}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class HookEvent(StrEnum):
    """What a hook may wait for."""

    BEGAN = "began"
    PAUSED = "paused"
    FAULTED = "faulted"
    ENDED = "ended"
    BLOCKED = "blocked"
    HALTED = "halted"
    LIFTED = "lifted"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Roles(_Section):
    """Who has which role, as `user:NAME`, `group:NAME` or `uid:NUMBER`."""

    viewer: tuple[Subject, ...] = ()
    operator: tuple[Subject, ...] = ()
    admin: tuple[Subject, ...] = ()


class Hook(_Section):
    """One command to run or one URL to post to, whenever one of the events of `on` happens.

    `blocked_longer_than_s` and `timeout_s` are seconds. `scale_sets`: names; empty means every set. A halt
    and its end are about all of them.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    on: Annotated[tuple[HookEvent, ...], Field(min_length=1)]
    command: tuple[Text, ...] = ()
    url: Annotated[str, StringConstraints(pattern=r"^(https?://[^\s]+)?$", max_length=2048)] = ""
    blocked_longer_than_s: Annotated[float, Field(ge=1, le=604_800)] = 600.0
    timeout_s: Annotated[float, Field(ge=0.1, le=300)] = 10.0
    scale_sets: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Hook:
        if bool(self.command) == bool(self.url):
            raise ValueError("give either a command or a url")
        return self


class Settings(_Section):
    """The whole file. `cockpit` belongs to the terminal and is not looked at here."""

    roles: Roles = Roles()
    hooks: Annotated[tuple[Hook, ...], Field(max_length=64)] = ()
    cockpit: Mapping[str, Any] = {}
    schema_: Annotated[Literal[1], Field(alias="schema")] = 1

    @model_validator(mode="after")
    def _names_once(self) -> Settings:
        names = [hook.name for hook in self.hooks]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two hooks are called {twice!r}")
        return self


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """$XDG_CONFIG_HOME/rollset/config.toml, else ~/.config/rollset/config.toml."""
    home = environment.get("XDG_CONFIG_HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home() / ".config") / "rollset" / "config.toml"


def read_settings(path: Path) -> Settings:
    """Read the file; one that is not there is an empty one. Raises InputError."""
    try:
        with open(path, "rb") as source:
            facts = os.fstat(source.fileno())
            if facts.st_uid not in (0, os.geteuid()) or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise _wrong(path, "owner and mode", f"{facts.st_uid} {facts.st_mode & 0o777:o}", "others may write it")
            text = source.read(CONFIG_LIMIT + 1)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise _wrong(path, "the file", "", str(error.strerror)) from error
    if len(text) > CONFIG_LIMIT:
        raise _wrong(path, "the file", f"over {CONFIG_LIMIT} bytes", "it is too long")
    try:
        return Settings.model_validate(tomllib.loads(text.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(path, "the file", "", f"no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _wrong(
            path,
            field,
            "" if isinstance(first["input"], dict) else first["input"],
            first["msg"].removeprefix("Value error, "),
        ) from error


def _wrong(path: Path, field: str, value: object, why: str) -> InputError:
    given = f" is {shown_value(value)}" if value != "" else ""
    return InputError("InvalidConfig", f"{path}: {field}{given}: {why}.", "Correct it, or move the file away.")


class ConfigFile:
    """The settings as they are now. A change that is wrong keeps the settings before it, and says so in the log."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._mark = self._facts()
        self._settings = read_settings(path)
        self._looked = clock()
        self.wrong: str | None = None

    def settings(self) -> Settings:
        """Looks at the file at most once in LOOK_S seconds."""
        now = self._clock()
        if now - self._looked >= LOOK_S:
            self._looked = now
            mark = self._facts()
            if mark != self._mark:
                self._mark = mark
                self._take()
        return self._settings

    def _take(self) -> None:
        try:
            self._settings, self.wrong = read_settings(self._path), None
        except InputError as error:
            self.wrong = str(error)
            logging.getLogger("rollset.config").error("%s", error)

    def _facts(self) -> tuple[int, ...]:
        try:
            facts = os.stat(self._path)
        except OSError:
            return ()
        return facts.st_ino, facts.st_mtime_ns, facts.st_size, facts.st_mode, facts.st_uid
