"""The client of the engine's socket. Standard library only, so that a light command stays light."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from engine.model.errors import ERRORS_BY_EXIT_CODE, RollsetError, UnreachableError

ANSWER_S = 60.0
SILENCE_S = 30.0
"""A stream that is silent for longer than three heartbeats is lost."""


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("rollset", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def lock_note(state_dir: Path) -> dict[str, Any] | None:
    """What the engine of a state directory wrote about itself; None when there is none."""
    try:
        note = json.loads((state_dir / "engine.lock").read_text())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) and isinstance(note.get("socket"), str) else None


class Client:
    """Speaks to the running engine of a state directory. Every call raises the RollsetError that the engine gave."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb; its answer means that it is on disk."""
        return self._ask("POST", f"/v1/commands/{quote(verb)}", json.dumps(arguments).encode())

    def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read something."""
        given = {name: str(value) for name, value in arguments.items() if value is not None}
        return self._ask("GET", f"/v1/{quote(what)}" + (f"?{urlencode(given)}" if given else ""))

    def events(self, after: int, scope: str, follow: bool) -> Iterator[dict[str, Any]]:
        """Events after a seq, oldest first; with `follow` it goes on until the line is lost (UnreachableError)."""
        arguments = {"after": str(after), "scope": scope} | ({"follow": "1"} if follow else {})
        connection, response = self._send("GET", f"/v1/events?{urlencode(arguments)}", None, SILENCE_S)
        try:
            if response.status != 200:
                raise _error(response.read())
            while line := response.readline():
                if line.strip():
                    value = json.loads(line)
                    if "seq" in value:
                        yield value
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _lost(error) from error
        finally:
            connection.close()
        if follow:
            raise _lost("it closed the stream")

    def snapshot(self, scope: str) -> list[bytes]:
        """The lines of a snapshot; `engine.wire.recording.read_lines` reads them."""
        connection, response = self._send("GET", f"/v1/snapshot?{urlencode({'scope': scope})}", None, ANSWER_S)
        try:
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise _lost(error) from error
        finally:
            connection.close()
        if response.status != 200:
            raise _error(text)
        return text.splitlines()

    def alive(self) -> bool:
        """Whether an engine answers."""
        try:
            self.query("engine", {})
        except UnreachableError:
            return False
        return True

    def _send(
        self, method: str, path: str, body: bytes | None, timeout: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        note = lock_note(self._state_dir)
        if note is None:
            raise UnreachableError("EngineNotRunning", f"no engine runs for {self._state_dir}.", "Any verb starts it.")
        connection = _SocketConnection(note["socket"], timeout)
        try:
            connection.request(method, path, body, _claims())
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _lost(error) from error

    def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        connection, response = self._send(method, path, body, ANSWER_S)
        try:
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise _lost(error) from error
        finally:
            connection.close()
        if response.status != 200:
            raise _error(text)
        answer: dict[str, Any] = json.loads(text)
        return answer


def _claims() -> dict[str, str]:
    found = {"ssh-connection": os.environ.get("SSH_CONNECTION", ""), "sudo-user": os.environ.get("SUDO_USER", "")}
    if sys.stdin is not None and sys.stdin.isatty():
        found["tty"] = os.ttyname(sys.stdin.fileno())
    return {
        f"X-Rollset-{name}": value for name, value in found.items() if value.isascii() and value.isprintable() and value
    }


def _lost(why: object) -> UnreachableError:
    return UnreachableError("EngineLost", f"the engine does not answer ({why}).", "Look at `rollset engine logs`.")


def _error(text: bytes) -> RollsetError:
    try:
        found = json.loads(text)["error"]
        kind = ERRORS_BY_EXIT_CODE.get(found["exit_code"], RollsetError)
        return kind(found["code"], found["message"], found["next_step"])
    except (ValueError, KeyError, TypeError):
        return UnreachableError(
            "EngineLost", "the engine gave an answer that cannot be read.", "See `rollset engine logs`."
        )
