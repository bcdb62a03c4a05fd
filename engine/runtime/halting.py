"""Halting everything at once, lifting that, and refusing meanwhile what would begin or go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from engine.decide.halt import is_barred, pause_all
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.commands import Verb
from engine.model.errors import InputError, RefusedError
from engine.model.halt import WAY_OUT, Halt
from engine.model.numbers import many, some_of
from engine.model.plan import PlanCheck
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade, UpgradeState
from engine.runtime.arguments import Arguments, optional_number, optional_text
from engine.runtime.decided import Answer, Decided
from engine.runtime.door import Caller
from engine.runtime.engine import Engine

HALTED = "Halted"
_STANDING = frozenset({UpgradeState.PAUSED, UpgradeState.PAUSING})
_NAMED = 20


def halt_dict(halt: Halt | None) -> dict[str, Any] | None:
    """The halt as the door tells it."""
    return asdict(halt) if halt is not None else None


async def halt(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    """Pause every live upgrade and refuse to begin any, in one transaction.

    Where everything is halted already, that halt stays as it is, and what was let go on since is paused.
    """
    reason = (optional_text(arguments, "reason") or "").strip()
    turn = engine.turn(caller.user)
    stood = engine.state.halt
    if stood is None:
        turn.on_halt(e.HaltBegan(Halt(caller.user, turn.now.at, reason)))
    paused = pause_all(engine.state.upgrades.values(), caller.user, reason, turn.now)
    for upgrade_id, events in paused.items():
        turn.on_upgrade(upgrade_id, *events)
    names = sorted(engine.state.upgrades[upgrade_id].scale_set_name for upgrade_id in paused)

    def answer() -> Answer:
        engine.wake()
        assert engine.state.halt is not None, "it was just committed"
        first = "halted: no upgrade begins or goes on until it is lifted" if stood is None else f"already {stood.words}"
        said = f"{first}; {many(len(names), 'upgrade')} paused{_some(names)}"
        return {"message": said, "halt": halt_dict(engine.state.halt), "paused": names}

    return Decided(turn, answer)


async def lift_halt(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    """Let upgrades begin again; nothing is resumed.

    Raises InputError without a reason, RefusedError where nothing is halted, or anew since the caller looked.
    """
    reason = (optional_text(arguments, "reason") or "").strip()
    if not reason:
        raise InputError(
            ErrorCode.INVALID_PARAMETER, "lift-halt needs a reason.", "Say why upgrades may go on: --reason WHY"
        )
    stood = engine.state.halt
    if stood is None:
        raise RefusedError(ErrorCode.OPERATION_NOT_ALLOWED, "nothing is halted.", "See rollset sets.")
    seen_at = optional_number(arguments, "seen_since_at")
    if seen_at is not None and seen_at != stood.since_at:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"another halt stands by now: {stood.words}.",
            "Look again, then lift that.",
        )
    turn = engine.turn(caller.user)
    turn.on_halt(e.HaltEnded(caller.user, reason))

    def answer() -> Answer:
        upgrades = engine.state.upgrades.values()
        names = sorted(u.scale_set_name for u in upgrades if u.state in _STANDING)
        stay = f"; {many(len(names), 'upgrade')} paused until resumed{_some(names)}" if names else ""
        return {"message": f"lifted: {stood.words}{stay}", "lifted": halt_dict(stood), "paused": names}

    return Decided(turn, answer)


def _some(names: list[str]) -> str:
    return f" ({some_of(names, _NAMED)})" if names else ""


def refuse_while_halted(engine: Engine, verb: Verb, scale_set: ScaleSet, upgrade: Upgrade | None) -> None:
    """Raise RefusedError where a halt stands and bars the command; `upgrade` is None where a new one would begin."""
    halt = engine.state.halt
    if halt is not None and is_barred(verb, upgrade):
        raise RefusedError(HALTED, f"{verb.value} of {scale_set.name} is refused: {halt.words}.", WAY_OUT)


def halted_check(engine: Engine) -> Iterator[PlanCheck]:
    """What a plan says of a halt that stands."""
    if engine.state.halt is not None:
        yield PlanCheck("refused", f"no upgrade begins: {engine.state.halt.words}", WAY_OUT)
