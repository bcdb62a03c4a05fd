"""What holds machines back goes to the engine that answers now, however old it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.model.codes import ErrorCode
from engine.model.errors import InputError, RollsetError, UnreachableError
from tests.unit.tui.fake_engine import FakeEngine
from tui.verbs import engine_access

ENDING = UnreachableError("EngineStopping", "the engine is about to stop.", "Try again in a moment.")
TOO_OLD = InputError(ErrorCode.INVALID_PARAMETER, "'halt' is not a verb.", "See rollset --help.")


class Keyed(FakeEngine):
    """Remembers the keys too."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[str] = []

    def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.keys.append(arguments["key"])
        return super().command(verb, arguments)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> tuple[Keyed, Keyed]:
    """The engine that answers now, and the one that a verb with time to wait gets."""
    running, newer = Keyed(), Keyed()
    monkeypatch.setattr(engine_access, "connect_running", lambda _given: running)
    monkeypatch.setattr(engine_access, "connect", lambda _given: newer)
    return running, newer


@pytest.mark.parametrize("verb", ("pause", "halt", "cancel", "rollback"))
def test_it_waits_for_no_newer_engine(engines: tuple[Keyed, Keyed], verb: str) -> None:
    client, answer = engine_access.carry_out(None, verb, {"set": "web"})

    assert client is engines[0] and answer["message"] == "done"
    assert (len(engines[0].commands), engines[1].commands) == (1, [])


def test_what_begins_or_goes_on_waits(engines: tuple[Keyed, Keyed]) -> None:
    for verb in ("resume", "step", "retry"):
        engine_access.carry_out(None, verb, {"set": "web"})

    assert engines[0].commands == [] and len(engines[1].commands) == 3


@pytest.mark.parametrize("why", (ENDING, TOO_OLD), ids=("it is ending", "it is too old"))
def test_where_that_one_cannot_the_next_does_it_once(engines: tuple[Keyed, Keyed], why: RollsetError) -> None:
    running, newer = engines
    running.answers["halt"] = why

    client, _ = engine_access.carry_out(None, "halt", {"reason": "fire"})

    assert client is newer and newer.commands == [("halt", {"reason": "fire"})]
    assert running.keys == newer.keys, "one command, whoever takes it"


def test_who_types_no_name_is_asked_once(engines: tuple[Keyed, Keyed], monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(what: str, name: str) -> str:
        raise InputError("ConfirmationNeeded", "no name was typed; nothing was changed.", f"--confirm {name}")

    engines[0].production = "web"
    monkeypatch.setattr(engine_access, "on_terminal", lambda: True)
    monkeypatch.setattr(engine_access, "ask_name", nothing)

    with pytest.raises(InputError, match="no name was typed"):
        engine_access.carry_out(Path("state"), "rollback", {"set": "web"})

    assert engines[1].commands == []
