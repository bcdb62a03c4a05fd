"""How a new upgrade takes up what an ended one left: who belongs to it, with what settings, from which kept disks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.codes import ErrorCode
from engine.model.commands import Verb
from engine.model.errors import RefusedError
from engine.model.image import ImageReference
from engine.model.policy import RunSettings
from engine.model.scale_set import Instance, ScaleSet, is_on
from engine.model.upgrade import FAILED_STATES, Member, MemberState, RestorePoint, Upgrade

_FAILED = FAILED_STATES - {MemberState.ROLLED_BACK}
_NEVER_HAD_ITS_TURN = frozenset({MemberState.LEFT_OUT, MemberState.PENDING, MemberState.GONE})


@dataclass(frozen=True, slots=True)
class TakeUp:
    """What Retry or RollBack after the end begins with. `others` says why every other instance stays out.

    `kept` are the OS disks to put back, by instance; an instance that is not in it gets a new disk from the image.
    """

    ended: str
    settings: RunSettings
    chosen: frozenset[str]
    others: str
    rollback_of: str | None = None
    kept: Mapping[str, RestorePoint] = field(default_factory=dict)


class NotTakenUpError(RefusedError):
    """Nothing of an ended upgrade can be taken up so; `why` is the reason without upgrade and verb."""

    def __init__(self, ended: Upgrade, verb: Verb, why: str, next_step: str) -> None:
        whom = f"upgrade {ended.id} of {ended.scale_set_name}, which has ended {ended.state.value}"
        super().__init__(ErrorCode.OPERATION_NOT_ALLOWED, f"{verb.value} is not allowed on {whom}: {why}.", next_step)
        self.why = why


def take_up_retry(ended: Upgrade, earlier: Iterable[Upgrade], scale_set: ScaleSet, instances: Sequence[str]) -> TakeUp:
    """A new try of the named failed instances (of all that failed, without names) and of nobody else.

    Failed means: in `ended`, or in a run that it took up and in which the instance had its turn last. What was only
    rolled back, because somebody asked, did not. Settings are those of `ended`. Raises RefusedError for an instance
    that did not fail, or when none did.
    """
    last = _last_turns(_line(ended, earlier))
    failed = {
        name
        for name, member in last.items()
        if name in scale_set.instances and (member.judged_failed or member.state in _FAILED)
    }
    others = [name for name in instances if name not in failed]
    if others or not failed:
        why = f"instance {', '.join(others)} did not fail in it" if others else "no instance failed in it"
        raise NotTakenUpError(
            ended, Verb.RETRY, why, f"Instances that are still to come: rollset start {scale_set.name}"
        )
    chosen = frozenset(instances or failed)
    return TakeUp(ended.id, ended.settings, chosen, "not one of those to retry", ended.is_rollback_of)


def take_up_roll_back(ended: Upgrade, earlier: Iterable[Upgrade], scale_set: ScaleSet) -> tuple[TakeUp, ImageReference]:
    """The way back from `ended` and the runs it took up, and the image that most of their members came from.

    Every instance whose disk may be of those runs belongs to it, and every one that was made since on the image that
    was rolled out; not one that was on it before. An instance gets its previous disk back where that is its recorded
    restore point and still kept. Raises RefusedError when no instance was touched, and for a way back: that would
    bring again, past every limit, what was left.
    """
    if ended.is_rollback_of is not None:
        left = next((m.restore_point.image for m in ended.members.values() if m.restore_point is not None), None)
        again = f"To go there again, within limits: rollset start {scale_set.name} --to {left.version}" if left else ""
        raise NotTakenUpError(ended, Verb.ROLL_BACK, f"it was itself the way back from {ended.is_rollback_of}", again)
    line = _line(ended, earlier)
    last = _last_turns(line)
    points = {m.instance_id: m.restore_point for m in last.values() if m.restore_point is not None}
    most = Counter(
        m.restore_point.image
        for run in line
        for m in run.members.values()
        if m.restore_point is not None and m.restore_point.image != run.target
    ).most_common(1)
    if not most:
        raise NotTakenUpError(ended, Verb.ROLL_BACK, "it touched no instance: there is nothing to roll back", "")
    chosen = {
        name
        for name, instance in scale_set.instances.items()
        if (name in last and last[name].on_new_disk)
        or (is_on(instance, ended.target, ended.target_digest) and (name in last or _is_since(instance, line)))
    }
    if not chosen:
        why = "no instance is on its image: there is nothing to roll back"
        model_too = f"So that the model names it too: rollset start {scale_set.name} --to {most[0][0].version}"
        raise NotTakenUpError(ended, Verb.ROLL_BACK, why, model_too if scale_set.model.image == ended.target else "")
    kept = {
        name: point for name, point in points.items() if name in chosen and _is_kept(scale_set.instances[name], point)
    }
    take_up = TakeUp(ended.id, ended.settings, frozenset(chosen), "the upgrade did not touch it", ended.id, kept)
    return take_up, most[0][0]


def _is_since(instance: Instance, line: Sequence[Upgrade]) -> bool:
    return instance.created_at >= line[-1].started_at


def _is_kept(instance: Instance, point: RestorePoint) -> bool:
    # A swap that failed half-way leaves the record on the disk from before it: that one is there as well.
    return point.disk != "" and point.disk in (instance.previous_disk, instance.disk)


def _line(ended: Upgrade, earlier: Iterable[Upgrade]) -> list[Upgrade]:
    """`ended` and the runs to the same image that it took up one after the other, the last one first."""
    by_id = {upgrade.id: upgrade for upgrade in earlier}
    found = [ended]
    while (before := by_id.get(found[-1].continues or "")) is not None and before.target == ended.target:
        found.append(before)
    return found


def _last_turns(line: Iterable[Upgrade]) -> dict[str, Member]:
    """By instance, its member in the last run in which it had its turn."""
    found: dict[str, Member] = {}
    for run in line:
        for member in run.members.values():
            if member.state not in _NEVER_HAD_ITS_TURN:
                found.setdefault(member.instance_id, member)
    return found


def left_failed(scale_set: ScaleSet, earlier: Iterable[Upgrade]) -> dict[str, Member]:
    """By instance, the member that put its present OS disk there and failed on it: such an instance is not done."""
    newest_first = sorted(earlier, key=lambda u: (u.started_at, u.id), reverse=True)
    left = dict(scale_set.instances)
    found: dict[str, Member] = {}
    for upgrade in newest_first:
        for member in upgrade.members.values():
            instance = left.get(member.instance_id)
            if instance is None or not member.replaced or instance.disk_since_at < upgrade.started_at:
                continue
            del left[member.instance_id]
            if member.on_new_disk and member.judged_failed:
                found[member.instance_id] = member
        if not left:
            break
    return found
