"""How a verb reaches the engine: which state directory, which client, what is sent with every command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.model.errors import InputError, RefusedError, UnreachableError

if TYPE_CHECKING:
    from engine.control.client import Line

STATE_DIR_VARIABLE = "ROLLSET_STATE_DIR"
SOCKET_VARIABLE = "ROLLSET_SOCKET"
HOST_VARIABLE = "ROLLSET_HOST"
READONLY_VARIABLE = "ROLLSET_READONLY"
CONFIRMATION_REQUIRED = "ConfirmationNeeded"
AT_ONCE = frozenset({"pause", "halt", "cancel", "rollback"})
"""What holds machines back, or takes them back, waits for no newer engine and for none that is stopping."""


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

    def recording(self, upgrade: str) -> list[bytes]:
        """The lines of a recording of one upgrade."""
        ...


def state_dir(given: Path | None) -> Path:
    """The absolute state directory: the option, else ROLLSET_STATE_DIR, else $XDG_STATE_HOME/rollset.

    One that is named is made where its parent is there. Raises InputError where that is not.
    """
    named = given if given is not None else os.environ.get(STATE_DIR_VARIABLE)
    if named:
        path = Path(named).expanduser().absolute()
        if not path.parent.is_dir():
            said = f"--state-dir {path}: there is no directory {path.parent}."
            raise InputError("InvalidParameter", said, "Correct the path, or make that directory.")
        return path
    state_home = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state_home) if os.path.isabs(state_home) else Path.home() / ".local" / "state") / "rollset"


def line_to(given: Path | None) -> Line | None:
    """The line to an engine that this command may not start; None when the state directory's own engine is meant.

    In this order: --state-dir, --host, ROLLSET_SOCKET, ROLLSET_STATE_DIR, the machine's shared engine.
    """
    from engine.control.client import lines

    host = os.environ.get(HOST_VARIABLE)
    if host:
        if given is not None:
            raise InputError("InvalidHost", "--host and --state-dir exclude each other.", "The host has its own.")
        from engine.control.client.ssh import SshLine

        return SshLine(host)
    if given is not None:
        return None
    if named := os.environ.get(SOCKET_VARIABLE):
        return lines.SharedLine(Path(named).expanduser().absolute())
    if not os.environ.get(STATE_DIR_VARIABLE) and os.path.exists(lines.SHARED_SOCKET):
        return lines.SharedLine(lines.SHARED_SOCKET)
    return None


def is_remote() -> bool:
    """Whether the engine is on another machine: paths then mean files there."""
    return bool(os.environ.get(HOST_VARIABLE))


def is_readonly() -> bool:
    """Whether the caller wants less power than it has: the engine is told to refuse changes, and none is started."""
    return bool(os.environ.get(READONLY_VARIABLE))


def connect(given: Path | None) -> EngineClient:
    """A client of the engine meant: the state directory's own is started when none runs (not with --readonly)."""
    line = line_to(given)
    if line is not None or is_readonly():
        return connect_running(given)
    from engine.control.client.start import connect_or_start
    from tui.verbs.printing import note

    return connect_or_start(state_dir(given), say=note)


def await_stop(given: Path | None) -> None:
    """Wait until an engine of this user that was told to stop has ended; one elsewhere is not waited for."""
    if line_to(given) is None:
        from engine.control.client import start
        from tui.verbs.printing import note

        start.await_stop(state_dir(given), note)


def connect_running(given: Path | None) -> EngineClient:
    """A client that starts nothing; its calls raise UnreachableError when no engine runs."""
    from engine.control.client import Client

    return Client(line_to(given) or state_dir(given), readonly=is_readonly())


def on_terminal() -> bool:
    """Whether a person is there to answer: standard input and output are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def carry_out(
    given: Path | None, verb: str, arguments: Mapping[str, Any], *, confirm_name: str = ""
) -> tuple[EngineClient, dict[str, Any]]:
    """`connect` and `send`; the client and the answer. What is to happen at once goes to whatever engine answers first.

    One that is ending, or too old to know the verb, leaves it to the next: the key makes that harmless.
    """
    keyed = {**arguments, "key": os.urandom(16).hex()}
    if verb in AT_ONCE and line_to(given) is None:
        client = connect_running(given)
        try:
            return client, send(client, verb, keyed, confirm_name=confirm_name)
        except (UnreachableError, InputError) as error:
            if error.code == CONFIRMATION_REQUIRED:
                raise
    client = connect(given)
    return client, send(client, verb, keyed, confirm_name=confirm_name)


def send(client: EngineClient, verb: str, arguments: Mapping[str, Any], *, confirm_name: str = "") -> dict[str, Any]:
    """Send a command without the arguments that are None, with a key that makes a repeat harmless.

    When the engine wants a production set's name and a person is there, it is asked for once, typed in full.
    """
    from engine.model.safe_text import printable

    given = {name: value for name, value in arguments.items() if value is not None}
    given.setdefault("key", os.urandom(16).hex())
    try:
        return client.command(verb, given)
    except RefusedError as refused:
        if refused.code != CONFIRMATION_REQUIRED or "confirm" in given or not on_terminal():
            raise
        confirm_name = confirm_name or refused.next_step.rpartition(" ")[2]
    given["confirm"] = ask_name(f"{verb}: {printable(confirm_name)} is a production set", confirm_name)
    given["key"] = os.urandom(16).hex()
    return client.command(verb, given)


def ask_name(what: str, name: str) -> str:
    """Ask for the name of a set, typed in full; the engine judges it. Raises InputError for no answer."""
    sys.stderr.write(f"{what}. Type its name to go on: ")
    sys.stderr.flush()
    typed = sys.stdin.readline().strip()
    if not typed:
        raise InputError("ConfirmationNeeded", "no name was typed; nothing was changed.", f"--confirm {name}")
    return typed
