"""The halt: one transaction pauses all that is live and refuses what would begin, until it is lifted with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import pytest

from engine.control.metrics import metrics_text
from engine.control.streams import Requests
from engine.model import events as e
from engine.model.codes import ApiError, ErrorCode
from engine.model.errors import InputError, NotPermittedError, RefusedError
from engine.model.halt import Halt
from engine.model.overview import EngineFacts
from engine.model.upgrade import UpgradeState
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.permissions import Role
from engine.runtime.snapshot import snapshot_lines
from engine.wire.recording import read_lines
from tests.unit.runtime.conftest import ANA, apply, apply_healthy, scale_set_document

OMAR = Caller(1001, "omar", {})
VIEWER = Caller(1002, "vera", {}, role=Role.VIEWER)
SINCE = "1970-01-01 00:16:40 UTC"


@pytest.fixture
def door(engine: Engine) -> EngineDoor:
    """The door of an engine with a healthy set `web` of three instances on 1.0.0, and two sets more."""
    apply_healthy(engine)
    apply(engine, scale_set_document(name="api"), scale_set_document(name="db"))
    return EngineDoor(engine)


def command(door: EngineDoor, verb: str, caller: Caller = ANA, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = anyio.run(partial(door.command, verb, arguments, caller))
    return answer


def query(door: EngineDoor, what: str, /, **arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = anyio.run(partial(door.query, what, arguments, ANA))
    return answer


def refusal(door: EngineDoor, verb: str, **arguments: Any) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        command(door, verb, OMAR, **arguments)
    return refused.value


def states(engine: Engine) -> dict[str, UpgradeState]:
    return {u.scale_set_name: u.state for u in engine.state.upgrades.values()}


def facts_in(lines: list[str]) -> EngineFacts:
    return next(item for item in read_lines(lines, "snapshot") if isinstance(item, EngineFacts))


def test_all_that_is_live_is_paused_in_the_transaction_that_halts(door: EngineDoor) -> None:
    engine = door.engine
    for name in ("web", "api"):
        command(door, "start", set=name, to="1.1.0", at=5000.0)
    before = engine.head

    said = command(door, "halt", reason="fire")

    assert said["message"] == "halted: no upgrade begins or goes on until it is lifted; 2 upgrades paused (api, web)"
    assert (said["halt"], said["paused"]) == ({"by": "ana", "since_at": 1000.0, "reason": "fire"}, ["api", "web"])
    assert set(states(engine).values()) == {UpgradeState.PAUSED}
    assert engine.state.halt == Halt("ana", 1000.0, "fire")
    found = engine.store.events(before)
    assert [x.event.verb for x in found if isinstance(x.event, e.CommandJudged)] == ["halt"]
    assert [x.stream for x in found if isinstance(x.event, e.HaltBegan)] == ["engine"]
    assert len({(x.at, x.cause) for x in found}) == 1


def test_while_it_stands_nothing_begins_or_goes_on_and_the_refusal_says_why_and_the_way_out(door: EngineDoor) -> None:
    command(door, "start", set="web", to="1.1.0", at=5000.0)
    command(door, "start", set="api", to="1.1.0", at=5000.0)
    command(door, "cancel", set="api")
    command(door, "halt", reason="fire")

    for verb, name, more in (
        ("start", "db", {"to": "1.1.0"}),
        ("start", "api", {"to": "1.1.0"}),
        ("resume", "web", {}),
        ("step", "web", {}),
    ):
        found = refusal(door, verb, set=name, **more)
        assert (found.code, found.exit_code) == ("Halted", 4)
        assert found.message == f"{verb.title()} of {name} is refused: halted by ana since {SINCE} (fire)."
        assert found.next_step == "Once it is over: rollset lift-halt --reason WHY"
    assert states(door.engine) == {"web": UpgradeState.PAUSED, "api": UpgradeState.CANCELLED}


def test_an_upgrade_that_has_ended_is_not_retried(door: EngineDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    command(door, "start", set="web", to="1.1.0", at=5000.0)
    command(door, "cancel", set="web")
    command(door, "halt")
    monkeypatch.setattr("engine.runtime.upgrade_verbs.take_up_retry", lambda *_: None)

    found = refusal(door, "retry", set="web")
    assert (found.code, found.message) == (
        "Halted",
        f"Retry of web is refused: halted by ana since {SINCE} (no reason given).",
    )


def test_a_live_one_may_be_taken_back_cancelled_and_paused(door: EngineDoor) -> None:
    for name in ("web", "api", "db"):
        command(door, "start", set=name, to="1.1.0", at=5000.0)
    command(door, "halt")

    command(door, "pause", set="db")
    command(door, "cancel", set="api")
    command(door, "rollback", set="web")

    assert states(door.engine) == {
        "web": UpgradeState.ROLLED_BACK,
        "api": UpgradeState.CANCELLED,
        "db": UpgradeState.PAUSED,
    }


def test_lifting_resumes_nothing_and_lets_upgrades_begin(door: EngineDoor) -> None:
    command(door, "start", set="web", to="1.1.0", at=5000.0)
    command(door, "halt", reason="fire")

    said = command(door, "lift-halt", OMAR, reason="it is out")

    assert said["message"] == f"lifted: halted by ana since {SINCE} (fire); 1 upgrade paused until resumed (web)"
    assert (said["lifted"]["by"], said["paused"], door.engine.state.halt) == ("ana", ["web"], None)
    assert states(door.engine) == {"web": UpgradeState.PAUSED}
    command(door, "resume", set="web")
    command(door, "start", set="api", to="1.1.0", at=5000.0)
    assert set(states(door.engine).values()) == {UpgradeState.CHECKING}


@pytest.mark.parametrize("reason", (None, "", "  \t"))
def test_lifting_needs_a_reason(door: EngineDoor, reason: str | None) -> None:
    command(door, "halt")

    with pytest.raises(InputError, match="reason"):
        command(door, "lift-halt", reason=reason)
    assert door.engine.state.halt is not None


def test_only_the_halt_that_was_seen_is_lifted(door: EngineDoor) -> None:
    command(door, "halt", reason="fire")
    halt = door.engine.state.halt
    assert halt is not None

    refused = refusal(door, "lift-halt", reason="it is out", seen_since_at=halt.since_at - 60.0)
    assert "another halt stands by now: halted by ana" in refused.message and door.engine.state.halt == halt

    command(door, "lift-halt", reason="it is out", seen_since_at=halt.since_at)
    assert door.engine.state.halt is None


def test_lifting_what_does_not_stand_is_refused(door: EngineDoor) -> None:
    assert refusal(door, "lift-halt", reason="over").message == "nothing is halted."


def test_a_second_halt_leaves_the_first_as_it_is_and_pauses_what_goes_on(door: EngineDoor) -> None:
    engine = door.engine
    command(door, "start", set="web", to="1.1.0", at=5000.0)
    command(door, "halt", reason="fire")
    upgrade = next(iter(engine.state.upgrades.values()))
    turn = engine.turn()
    turn.on_upgrade(upgrade.id, e.HoldLifted(next(iter(upgrade.holds)), "somebody"))
    engine.commit(turn)

    said = command(door, "halt", OMAR, reason="me too")

    assert said["message"] == f"already halted by ana since {SINCE} (fire); 1 upgrade paused (web)"
    assert engine.state.halt == Halt("ana", 1000.0, "fire")
    assert command(door, "halt")["paused"] == []


def test_a_viewer_may_neither_halt_nor_lift(door: EngineDoor) -> None:
    with pytest.raises(NotPermittedError):
        command(door, "halt", VIEWER)
    command(door, "halt")
    with pytest.raises(NotPermittedError):
        command(door, "lift-halt", VIEWER, reason="over")
    assert door.engine.state.halt is not None


def test_a_halt_asks_for_no_name_though_it_reaches_production(door: EngineDoor) -> None:
    apply(door.engine, scale_set_document(name="shop", tags={"environment": "production"}))
    command(door, "start", set="shop", to="1.1.0", at=5000.0, confirm="shop")

    assert command(door, "halt")["paused"] == ["shop"]
    assert refusal(door, "start", set="shop", to="1.1.0").code == "ConfirmationNeeded"
    command(door, "lift-halt", reason="over")


def test_a_halt_is_taken_by_an_engine_that_is_about_to_stop(door: EngineDoor) -> None:
    door.engine.drain(10.0, stops_anyway=False)

    command(door, "halt", reason="fire")

    assert door.engine.state.halt is not None


def test_a_start_that_was_looking_when_everything_was_halted_begins_nothing(
    door: EngineDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def room_bytes() -> int:
        await door.command("halt", {"reason": "fire"}, OMAR)
        return 10**12

    monkeypatch.setattr(door.engine.fleets["local"], "room_bytes", room_bytes)

    with pytest.raises(RefusedError, match="halted by omar"):
        command(door, "start", set="web", to="1.1.0")
    assert door.engine.state.upgrades == {}


def test_of_a_halt_and_a_start_at_once_the_start_is_refused_or_paused(door: EngineDoor) -> None:
    async def both() -> None:
        async def start() -> None:
            with suppress(RefusedError):
                await door.command("start", {"set": "web", "to": "1.1.0"}, ANA)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            tasks.start_soon(door.command, "halt", {}, OMAR)

    anyio.run(both)

    assert door.engine.state.halt is not None
    assert set(states(door.engine).values()) <= {UpgradeState.PAUSED, UpgradeState.PAUSING}


def test_the_next_engine_refuses_just_as_well_until_it_is_lifted_there(
    door: EngineDoor, new_engine: Callable[[], Engine]
) -> None:
    command(door, "halt", reason="fire")

    second = new_engine()  # nobody told the first one to stop
    assert second.state.halt == Halt("ana", 1000.0, "fire")
    assert refusal(EngineDoor(second), "start", set="web", to="1.1.0").code == "Halted"
    command(EngineDoor(second), "lift-halt", reason="over")

    assert new_engine().state.halt is None


def test_it_is_in_the_audit_log_with_what_was_found(door: EngineDoor) -> None:
    command(door, "halt", reason="fire")
    command(door, "lift-halt", OMAR, reason="it is out")

    halted, lifted = (x["body"] for x in query(door, "audit")["entries"][-2:])
    assert (halted["verb"], halted["reason"], halted["before"]) == ("halt", "fire", {"halt": "none"})
    assert (lifted["verb"], lifted["actor"], lifted["reason"]) == ("lift-halt", "omar", "it is out")
    assert lifted["before"] == {"halt": f"halted by ana since {SINCE} (fire)"}


def test_every_answer_that_people_look_at_says_so(door: EngineDoor) -> None:
    command(door, "start", set="web", to="1.1.0", at=5000.0)
    assert query(door, "sets")["halt"] is None
    command(door, "halt", reason="fire")

    halt = {"by": "ana", "since_at": 1000.0, "reason": "fire"}
    upgrade = next(iter(door.engine.state.upgrades))
    for what, arguments in (("sets", {}), ("engine", {}), ("status", {"set": "web"}), ("upgrade", {"id": upgrade})):
        assert query(door, what, **arguments)["halt"] == halt, what
    words = query(door, "explain", what="web")["words"]
    assert f"Everything is halted by ana since {SINCE} (fire): no upgrade begins or goes on forward." in words
    assert "rollset_halted 1" in metrics_text(door.engine, Requests(), 0).splitlines()
    check = query(door, "plan", set="api", to="1.1.0")["plan"]["checks"][0]
    assert (check["level"], check["words"]) == ("refused", f"no upgrade begins: halted by ana since {SINCE} (fire)")
    assert check["cure"] == "Once it is over: rollset lift-halt --reason WHY"


def test_a_plan_saved_meanwhile_starts_once_it_is_lifted(door: EngineDoor) -> None:
    command(door, "halt")
    saved = json.loads(json.dumps(query(door, "plan", set="web", to="1.1.0")["plan"]))
    command(door, "lift-halt", reason="over")

    assert command(door, "start", set="web", plan=saved)["upgrade"]["target"].endswith(":1.1.0")


def test_explain_advises_no_start_while_it_stands(door: EngineDoor) -> None:
    name = command(door, "start", set="web", to="1.1.0", at=5000.0)["upgrade"]["id"]
    turn = door.engine.turn()
    error = ApiError(ErrorCode.UNHEALTHY_BEFORE, "too many")
    turn.on_upgrade(name, e.UpgradeFaulted(error))
    door.engine.commit(turn)
    assert any("rollset start" in line for line in query(door, "explain", what=name)["words"])

    command(door, "halt", reason="fire")

    words = query(door, "explain", what=name)["words"]
    assert not any("rollset start web" in line for line in words)
    assert any(line.startswith("- Not now: start") and "halted by ana" in line for line in words)


def test_a_snapshot_tells_it_and_the_recording_of_a_run_tells_what_stood_then(door: EngineDoor) -> None:
    engine = door.engine
    name = command(door, "start", set="web", to="1.1.0", at=5000.0)["upgrade"]["id"]
    command(door, "halt", reason="fire")
    command(door, "cancel", set="web")

    assert facts_in(snapshot_lines(engine, "overview")).halt == engine.state.halt
    told = anyio.run(door.recording, name)
    assert facts_in(told).halt is None
    assert any(isinstance(x, e.Recorded) and isinstance(x.event, e.HaltBegan) for x in read_lines(told, "run"))


def test_a_rehearsal_shows_its_twin_going_on(door: EngineDoor) -> None:
    command(door, "halt")

    lines = query(door, "rehearse", set="web", to="1.1.0", recording="true")["recording"]

    assert facts_in(lines).halt is None
