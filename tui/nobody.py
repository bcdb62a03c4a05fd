"""Why a verb would find no instance to act on: the engine's own rules, asked before the verb is sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.decide.accept_command import able_to_retry, able_to_skip
from engine.decide.take_up import NotTakenUpError, take_up_retry, take_up_roll_back
from engine.model.commands import Verb
from engine.model.upgrade import FAILED_STATES, MemberState, Upgrade
from tui.effects import Ground


def nobody(verb: Verb, ground: Ground) -> str | None:
    """The reason in words, None when there is somebody. The upgrade's members and the set's instances are known."""
    asked = _ASKED.get(verb)
    return asked(ground, ground.upgrade) if asked is not None and ground.upgrade is not None else None


def _to_skip(ground: Ground, upgrade: Upgrade) -> str | None:
    able = {m.instance_id for m in upgrade.members.values() if able_to_skip(m)}
    others = [name for name in ground.instances if name not in able]
    return f"instance {others[0]} does not wait for its batch" if others else None


def _to_roll_back(ground: Ground, upgrade: Upgrade) -> str | None:
    """Of a live upgrade there is always its end."""
    if upgrade.live:
        return None
    try:
        take_up_roll_back(upgrade, ground.earlier, ground.scale_set)
    except NotTakenUpError as error:
        return error.why
    return None


def _to_retry(ground: Ground, upgrade: Upgrade) -> str | None:
    if upgrade.live:
        failed = any(m.judged_failed or m.state in FAILED_STATES for m in upgrade.members.values())
        if able_to_retry(upgrade):
            return None
        return "what failed is in a batch that has not ended" if failed else "no instance has failed"
    try:
        take_up_retry(upgrade, ground.earlier, ground.scale_set, ())
    except NotTakenUpError:
        return "no instance has failed"
    return None


def _to_lose(_ground: Ground, upgrade: Upgrade) -> str | None:
    lost = any(m.state is MemberState.RESTORE_FAILED for m in upgrade.members.values())
    return None if lost else "no restore has failed"


_ASKED: Mapping[Verb, Callable[[Ground, Upgrade], str | None]] = {
    Verb.SKIP: _to_skip,
    Verb.ROLL_BACK: _to_roll_back,
    Verb.RETRY: _to_retry,
    Verb.ACCEPT_LOSS: _to_lose,
}
