"""What a verb would do to this scale set now, in words and numbers: the text of its dialog. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.decide.choose_batch import batch_cap, choose_batch, waiting_to_go
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import DOING, FAILED_STATES, HoldKind, LeftOut, Member, MemberState, Upgrade
from tui.palette import Line, Meaning, Piece

IDS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Ground:
    """What a verb would act on. `instances` are those chosen, empty for all that qualify."""

    scale_set: ScaleSet
    upgrade: Upgrade | None
    instances: tuple[str, ...] = ()


def effect_lines(verb: str, ground: Ground) -> list[Line]:
    """The exact effect, a line each; empty for a verb that has none to tell."""
    if verb in _ON_INSTANCES:
        return _ON_INSTANCES[verb](ground)
    if ground.upgrade is None:
        return []
    return _ON_UPGRADE[verb](ground, ground.upgrade) if verb in _ON_UPGRADE else []


def retryable(upgrade: Upgrade, chosen: Iterable[str]) -> tuple[str, ...]:
    """Of the chosen instances (none: of all) those that failed."""
    wanted = set(chosen)
    failed = [m.instance_id for m in upgrade.members.values() if m.state in FAILED_STATES or m.judged_failed]
    return tuple(i for i in failed if i in wanted) or (() if wanted & set(failed) else tuple(failed))


def ids(names: Iterable[str]) -> str:
    """`0, 3, 7 and 12 more`."""
    found = list(names)
    more = len(found) - IDS_SHOWN
    return ", ".join(found[:IDS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _say(text: str, meaning: Meaning = Meaning.TEXT) -> Line:
    return (Piece(text, meaning),)


def _of(members: Iterable[Member]) -> str:
    return ids(m.instance_id for m in members)


def _next_batch(ground: Ground, upgrade: Upgrade) -> str:
    choice = choose_batch(upgrade, ground.scale_set)
    if choice is None:
        return "no instance is waiting: it comes to its end"
    zone = f", zone {choice.zone}" if choice.zone else ""
    chosen = ids(upgrade.members[name].instance_id for name in choice.members)
    where = f"update domain {choice.update_domain}{zone}"
    return f"batch {len(upgrade.batches) + 1}: {many(len(choice.members), 'instance')} in {where}: {chosen}"


def _resume(ground: Ground, upgrade: Upgrade) -> list[Line]:
    found = [
        _say(f"paused by {hold.by}" + (f": {hold.reason}" if hold.reason else ""), Meaning.MUTED)
        for hold in upgrade.holds.values()
        if hold.kind is HoldKind.OPERATOR
    ]
    waiting = len(waiting_to_go(upgrade))
    return [
        *found,
        _say(f"It goes on with {_next_batch(ground, upgrade)}."),
        _say(f"{many(waiting, 'instance')} still to go {_change(upgrade)}."),
    ]


def _change(upgrade: Upgrade) -> str:
    return f"from {upgrade.previous_image.version} to {upgrade.target.version}"


def _step(ground: Ground, upgrade: Upgrade) -> list[Line]:
    return [_say(f"One batch runs, {_next_batch(ground, upgrade)}."), _say("Then it is paused again.")]


def _cancel(_ground: Ground, upgrade: Upgrade) -> list[Line]:
    doing = [m for m in upgrade.members.values() if m.state in DOING]
    done = [m for m in upgrade.members.values() if m.state is MemberState.SUCCEEDED]
    waiting = [m for m in upgrade.members.values() if m.state is MemberState.PENDING]
    old, new = upgrade.previous_image.version, upgrade.target.version
    return [
        *([_say(f"First to finish: {many(len(doing), 'instance')} in progress, {_of(doing)}.")] if doing else []),
        _say(f"Left on {new}: {many(len(done) + len(doing), 'instance')}."),
        _say(f"Left on {old}: {many(len(waiting), 'instance')}" + (f", {_of(waiting)}." if waiting else ".")),
        _say(f"The scale set runs both versions afterwards, and its model names {new}.", Meaning.NOTICE),
    ]


def _rollback(ground: Ground, upgrade: Upgrade) -> list[Line]:
    old, new = upgrade.previous_image.version, upgrade.target.version
    if upgrade.live:
        touched = (MemberState.SUCCEEDED, MemberState.FAILED)
        back = [m.instance_id for m in upgrade.members.values() if m.replaced and m.state in touched]
    else:
        back = [i.instance_id for i in ground.scale_set.instances.values() if i.image.version != old]
    doing = [m for m in upgrade.members.values() if m.state in DOING]
    cap = batch_cap(len(ground.scale_set.instances), upgrade.settings)
    found = [_say(f"Back from {new} to {old}: {many(len(back), 'instance')}" + (f", {ids(back)}." if back else "."))]
    if doing:
        found.append(_say(f"First to finish, then back too: {many(len(doing), 'instance')}, {_of(doing)}."))
    words = f"At most {cap} at once, unhealthy ones first; no limit of unhealthy instances stops it."
    found.append(_say(words, Meaning.MUTED))
    if not upgrade.live:
        found.append(_say(f"The upgrade has ended: a new one to {old} begins, linked to it.", Meaning.NOTICE))
    return found


def _retry(ground: Ground, upgrade: Upgrade) -> list[Line]:
    again = retryable(upgrade, ground.instances)
    found = [_say(f"Once more to {upgrade.target.version}: {many(len(again), 'failed instance')}, {ids(again)}.")]
    if not again:
        found = [_say("No instance has failed.", Meaning.NOTICE)]
    elif not upgrade.live:
        found.append(_say("The upgrade has ended: a new one begins, linked to it.", Meaning.NOTICE))
    return found


def _skip(ground: Ground, upgrade: Upgrade) -> list[Line]:
    return [
        _say(f"Out of this upgrade: {many(len(ground.instances), 'instance')}, {ids(ground.instances)}."),
        _say(f"They stay as they are; the upgrade can end without them {_change(upgrade)}.", Meaning.MUTED),
    ]


def _accept_loss(_ground: Ground, upgrade: Upgrade) -> list[Line]:
    lost = [m for m in upgrade.members.values() if m.state is MemberState.RESTORE_FAILED]
    return [
        _say(f"{many(len(lost), 'instance')} could not be restored: {_of(lost)}."),
        _say("They stay as they are, and the upgrade goes on.", Meaning.NOTICE),
    ]


def _hold(ground: Ground) -> list[Line]:
    return [
        _say(f"Out of batches from now on: {ids(ground.instances)}."),
        _say("An upgrade waits for them at its end until they are released or skipped.", Meaning.MUTED),
    ]


def _release(ground: Ground) -> list[Line]:
    held = [i for i in ground.instances if i in ground.scale_set.instances and ground.scale_set.instances[i].hold]
    found = [_say(f"{many(len(held), 'held instance')} may be upgraded again: {ids(held)}.")]
    part = ground.upgrade is not None and ground.upgrade.live
    mine = [m for m in (ground.upgrade.members.values() if ground.upgrade else ()) if m.left_out is LeftOut.HELD]
    if part and mine:
        found.append(_say("The upgrade that is live takes them into a batch.", Meaning.NOTICE))
    return found


def _protect(ground: Ground) -> list[Line]:
    are = "is" if len(ground.instances) == 1 else "are"
    text = f"{many(len(ground.instances), 'instance')} {are} left out of upgrades and kept when the set shrinks"
    return [_say(f"{text}: {ids(ground.instances)}.")]


def _unprotect(ground: Ground) -> list[Line]:
    are = "is" if len(ground.instances) == 1 else "are"
    text = f"{many(len(ground.instances), 'instance')} {are} upgraded and removed as any other"
    return [_say(f"{text}: {ids(ground.instances)}.")]


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
