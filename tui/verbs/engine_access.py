"""How a verb reaches the engine: which state directory, which client, what is sent with every command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from engine.model.errors import InputError, RefusedError

STATE_DIR_VARIABLE = "ROLLSET_STATE_DIR"
CONFIRMATION_REQUIRED = "ConfirmationNeeded"


class EngineClient(Protocol):
    """What a verb needs of the engine's client; every call raises RollsetError."""

    def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb; what is acknowledged is on the engine's disk."""
        ...

    def query(self, what: str, arguments: dict[str, str]) -> dict[str, Any]:
        """Read; changes nothing."""
        ...

    def events(self, after: int, scope: str, follow: bool) -> Iterator[dict[str, Any]]:
        """Events with a greater seq, oldest first; with `follow` it waits for more."""
        ...


def state_dir(given: Path | None) -> Path:
    """The absolute state directory: the option, else ROLLSET_STATE_DIR, else $XDG_STATE_HOME/rollset."""
    if given is not None:
        return given.expanduser().absolute()
    named = os.environ.get(STATE_DIR_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    state_home = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state_home) if os.path.isabs(state_home) else Path.home() / ".local" / "state") / "rollset"


def connect(given: Path | None) -> EngineClient:
    """A client of the state directory's engine, which is started when none runs."""
    from engine.control.client.start import connect_or_start

    return connect_or_start(state_dir(given))


def connect_running(given: Path | None) -> EngineClient:
    """A client that starts nothing; its calls raise UnreachableError when no engine runs."""
    from engine.control.client import Client

    return Client(state_dir(given))


def on_terminal() -> bool:
    """Whether a person is there to answer: standard input and output are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def send(client: EngineClient, verb: str, arguments: Mapping[str, Any], *, confirm_name: str = "") -> dict[str, Any]:
    """Send a command without the arguments that are None, with a key that makes a repeat harmless.

    When the engine wants a production set's name and a person is there, it is asked for once, typed in full.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    given["key"] = os.urandom(16).hex()
    try:
        return client.command(verb, given)
    except RefusedError as refused:
        if refused.code != CONFIRMATION_REQUIRED or "confirm" in given or not on_terminal():
            raise
    given["confirm"] = ask_name(verb, confirm_name)
    given["key"] = os.urandom(16).hex()
    return client.command(verb, given)


def ask_name(verb: str, name: str) -> str:
    """Ask for the name of a production set; the engine judges what is typed. Raises InputError for no answer."""
    from engine.wire.safe_text import printable

    sys.stderr.write(f"{printable(name)} is a production set. Type its name to {verb}: ")
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    if not typed:
        raise InputError("ConfirmationNeeded", "no name was typed; nothing was changed.", f"--confirm {name}")
    return typed
