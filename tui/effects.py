"""What a verb would do to this scale set now, in words and numbers: the text of its dialog. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.decide.accept_command import able_to_retry
from engine.decide.choose_batch import batch_cap, choose_batch, waiting_to_go
from engine.decide.take_up import take_up_roll_back
from engine.model.errors import RefusedError
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import DOING, FAILED_STATES, HoldKind, Member, MemberState, Upgrade
from tui.palette import Line, Meaning, Piece

IDS_SHOWN = 12
NOBODY_WAITS = "No instance is pending: it comes to its end."
UNCOUNTED = 3
"""So few instances are named and not counted as well."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a verb would act on. `instances` are those chosen, empty for all that qualify; `earlier` other upgrades."""

    scale_set: ScaleSet
    upgrade: Upgrade | None
    instances: tuple[str, ...] = ()
    earlier: tuple[Upgrade, ...] = ()


def effect_lines(verb: str, ground: Ground) -> list[Line]:
    """The exact effect, a line each; empty for a verb that has none to tell."""
    if verb in _ON_INSTANCES:
        return _ON_INSTANCES[verb](ground)
    if ground.upgrade is None:
        return []
    return _ON_UPGRADE[verb](ground, ground.upgrade) if verb in _ON_UPGRADE else []


def retryable(upgrade: Upgrade, chosen: Iterable[str]) -> tuple[str, ...]:
    """Of the chosen instances (none: of all) those that can be tried again."""
    wanted = set(chosen)
    ended = [m for m in upgrade.members.values() if m.state in FAILED_STATES or m.judged_failed]
    failed = [m.instance_id for m in (able_to_retry(upgrade) if upgrade.live else ended)]
    return tuple(i for i in failed if i in wanted) or (() if wanted & set(failed) else tuple(failed))


def ids(names: Iterable[str]) -> str:
    """`0, 3, 7 and 12 more`."""
    found = list(names)
    more = len(found) - IDS_SHOWN
    return ", ".join(found[:IDS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def named(names: Iterable[str], kind: str = "instance") -> str:
    """`no instance`, `instance 0`, `instances 0, 3 and 5`; of more the count too: `12 instances (0, 3, ...)`."""
    found = list(names)
    if not found:
        return f"no {kind}"
    if len(found) > UNCOUNTED:
        return f"{many(len(found), kind)} ({ids(found)})"
    some = ", ".join(found[:-1])
    return f"{kind} {found[0]}" if not some else f"{kind}s {some} and {found[-1]}"


def _say(text: str, meaning: Meaning = Meaning.TEXT) -> Line:
    return (Piece(text, meaning),)


def _of(members: Iterable[Member]) -> str:
    return named(m.instance_id for m in members)


def _next_batch(ground: Ground, upgrade: Upgrade) -> str:
    """Empty where no instance is pending."""
    choice = choose_batch(upgrade, ground.scale_set)
    if choice is None:
        return ""
    zone = f", zone {choice.zone}" if choice.zone else ""
    chosen = _of(upgrade.members[name] for name in choice.members)
    return f"batch {len(upgrade.batches) + 1}: update domain {choice.update_domain}{zone}, {chosen}"


def _resume(ground: Ground, upgrade: Upgrade) -> list[Line]:
    found = [
        _say(f"paused by {hold.by}" + (f": {hold.reason}" if hold.reason else ""), Meaning.MUTED)
        for hold in upgrade.holds.values()
        if hold.kind is HoldKind.OPERATOR
    ]
    waiting, following = len(waiting_to_go(upgrade)), _next_batch(ground, upgrade)
    if not following:
        return [*found, _say(NOBODY_WAITS)]
    return [
        *found,
        _say(f"It goes on with {following}."),
        _say(f"{many(waiting, 'instance')} {_where_to(upgrade)}."),
    ]


def _where_to(upgrade: Upgrade) -> str:
    return f"to go back to {upgrade.previous_image.version}" if upgrade.goes_back else f"pending, {_change(upgrade)}"


def _change(upgrade: Upgrade) -> str:
    return f"from {upgrade.previous_image.version} to {upgrade.target.version}"


def _step(ground: Ground, upgrade: Upgrade) -> list[Line]:
    following = _next_batch(ground, upgrade)
    if not following:
        return [_say(NOBODY_WAITS)]
    return [_say(f"One batch runs, {following}."), _say("Then it is paused again.")]


def _cancel(_ground: Ground, upgrade: Upgrade) -> list[Line]:
    doing = [m for m in upgrade.members.values() if m.state in DOING]
    done = [m for m in upgrade.members.values() if m.state is MemberState.SUCCEEDED]
    waiting = [m for m in upgrade.members.values() if m.state is MemberState.PENDING]
    old, new = upgrade.previous_image.version, upgrade.target.version
    return [
        *([_say(f"First to finish what is in progress: {_of(doing)}.")] if doing else []),
        _say(f"Left on {new}: {_of([*done, *doing])}."),
        _say(f"Left on {old}: {_of(waiting)}."),
        _say(f"The scale set runs both versions afterwards, and its model names {new}.", Meaning.NOTICE),
    ]


def _rollback(ground: Ground, upgrade: Upgrade) -> list[Line]:
    old, new = upgrade.previous_image.version, upgrade.target.version
    doing = [m for m in upgrade.members.values() if m.state in DOING]
    back = _to_go_back(ground, upgrade)
    cap = batch_cap(len(ground.scale_set.instances), upgrade.settings)
    if not back and not doing:
        return [_say(f"No instance has left {old} yet: the upgrade ends, and nothing is put back.")]
    found = [_say(f"Back from {new} to {old}: {named(back)}.")] if back else []
    if doing:
        found.append(_say(f"First to finish, then back to {old}{' too' if back else ''}: {_of(doing)}."))
    words = f"At most {cap} at once, unhealthy ones first; no limit of unhealthy instances stops it."
    found.append(_say(words, Meaning.MUTED))
    if not upgrade.live:
        found.append(_say(f"The upgrade has ended: a new one to {old} begins, linked to it.", Meaning.NOTICE))
    return found


def _to_go_back(ground: Ground, upgrade: Upgrade) -> list[str]:
    """Those that are on the new image now; of an ended upgrade the same that the engine takes."""
    if upgrade.live:
        touched = (MemberState.SUCCEEDED, MemberState.FAILED)
        return [m.instance_id for m in upgrade.members.values() if m.replaced and m.state in touched]
    try:
        take_up, _ = take_up_roll_back(upgrade, ground.earlier, ground.scale_set)
    except RefusedError:
        return []
    return [name for name in ground.scale_set.instances if name in take_up.chosen]


def _retry(ground: Ground, upgrade: Upgrade) -> list[Line]:
    again = retryable(upgrade, ground.instances)
    found = [_say(f"Once more to {upgrade.target.version}: {named(again, 'failed instance')}.")]
    if others := len(retryable(upgrade, ())) - len(again):
        words = f"Not {many(others, 'other')} that failed: mark those too, or choose none that failed for all of them."
        found.append(_say(words, Meaning.NOTICE))
    if not upgrade.live:
        found.append(_say("The upgrade has ended: a new one begins, linked to it.", Meaning.NOTICE))
    return found


def _skip(ground: Ground, upgrade: Upgrade) -> list[Line]:
    return [
        _say(f"Out of this upgrade: {named(ground.instances)}."),
        _say(f"They stay as they are; the upgrade can end without them {_change(upgrade)}.", Meaning.MUTED),
    ]


def _accept_loss(_ground: Ground, upgrade: Upgrade) -> list[Line]:
    lost = [m for m in upgrade.members.values() if m.state is MemberState.RESTORE_FAILED]
    return [
        _say(f"Could not be restored: {_of(lost)}."),
        _say("They stay as they are, and the upgrade goes on.", Meaning.NOTICE),
    ]


def _hold(ground: Ground) -> list[Line]:
    return [
        _say(f"Out of batches from now on: {named(ground.instances)}."),
        _say("An upgrade waits for them at its end until they are released or skipped.", Meaning.MUTED),
    ]


def _release(ground: Ground) -> list[Line]:
    held = [i for i in ground.instances if i in ground.scale_set.instances and ground.scale_set.instances[i].hold]
    found = [_say(f"May be upgraded again: {named(held, 'held instance')}.")]
    if ground.upgrade is not None and ground.upgrade.live and ground.upgrade.held():
        found.append(_say("The upgrade that is live takes them into a batch.", Meaning.NOTICE))
    return found


def _protect(ground: Ground) -> list[Line]:
    return [_say(f"Left out of upgrades, and kept when the set shrinks: {named(ground.instances)}.")]


def _unprotect(ground: Ground) -> list[Line]:
    return [_say(f"Upgraded, and removed when the set shrinks, as any other: {named(ground.instances)}.")]


_ON_UPGRADE: Mapping[str, Callable[[Ground, Upgrade], list[Line]]] = {
    "resume": _resume,
    "step": _step,
    "cancel": _cancel,
    "rollback": _rollback,
    "retry": _retry,
    "skip": _skip,
    "accept-loss": _accept_loss,
}
_ON_INSTANCES: Mapping[str, Callable[[Ground], list[Line]]] = {
    "hold": _hold,
    "release": _release,
    "protect": _protect,
    "unprotect": _unprotect,
}
