"""What a halt pauses, and which commands it refuses while it stands."""

from __future__ import annotations

from collections.abc import Iterable

from engine.decide.accept_command import accept_command, only_restores
from engine.decide.transitions import ACCEPTED, VERDICTS
from engine.model import events as e
from engine.model.commands import Command, Verb
from engine.model.halt import Halt
from engine.model.upgrade import Direction, Now, Upgrade

_BEGINS_ANEW = frozenset({Verb.START, Verb.RETRY})
_GOES_ON = frozenset({Verb.RESUME, Verb.STEP})


def halt_after(event: e.HaltBegan | e.HaltEnded) -> Halt | None:
    """The halt that stands after an event of it; None for none."""
    return event.halt if isinstance(event, e.HaltBegan) else None


def pause_all(upgrades: Iterable[Upgrade], actor: str, reason: str, now: Now) -> dict[str, list[e.Event]]:
    """By upgrade, the events that pause every live one, ways back too.

    Left out are those an operator has paused already, and those that are being cancelled: these begin nothing more.
    """
    command = Command(Verb.PAUSE, actor, f"halt: {reason}" if reason else "halt")
    able = (u for u in upgrades if u.live and VERDICTS[(u.state, Verb.PAUSE)] is ACCEPTED)
    found = {upgrade.id: accept_command(upgrade, command, now) for upgrade in able}
    return {name: events for name, events in found.items() if events}


def is_barred(verb: Verb, upgrade: Upgrade | None) -> bool:
    """Whether a halt refuses a command on a set whose live or last upgrade this is.

    Refused is what begins an upgrade, and what lets a paused one go on forward. Any may still be taken back, after its
    end too, and one that only restores may go on: both lead to what ran before. Of the roll back of an ended run the
    reverse holds: back from it leads to the image that is fled from.
    """
    if upgrade is not None and upgrade.is_rollback_of is not None:
        if not upgrade.live:
            return verb is Verb.START
        return verb is Verb.ROLL_BACK or (verb in _GOES_ON and upgrade.direction is Direction.BACK)
    if upgrade is None or not upgrade.live:
        return verb in _BEGINS_ANEW
    return verb in _GOES_ON and not only_restores(upgrade)
