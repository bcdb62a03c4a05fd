"""Rehearse an upgrade: play it on a twin, say when it would end, and how many failures it would take to stop it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from engine.decide.blocked_by import upgrade_blocked_by
from engine.decide.count_members import count_members
from engine.decide.draws import picked, quantile
from engine.decide.estimate import DRAWS, HIGH, LOW, Course, Pace, believe, plan_range, time_left
from engine.decide.plan_upgrade import make_plan, new_upgrade, refuse_if_impossible, resolve_target
from engine.decide.twin import Fate, Told, Twin
from engine.model import events as e
from engine.model.errors import InputError
from engine.model.image import ImageVersion
from engine.model.plan import Plan, StartRequest
from engine.model.policy import RestoreFailed, RunSettings
from engine.model.policy_document import PolicyDocument
from engine.model.rehearsal import FORMS, Failing, Rehearsal, RehearsedBatch, StopCount, Stopped, Trouble
from engine.model.scale_set import ScaleSet
from engine.model.shares import Share
from engine.model.upgrade import Member, MemberState, Now, Upgrade

OTHER_DRAWS = 20
MEMBERS_IN_OTHER_DRAWS = 1000
"""Members that all other draws together may have, so that a large set answers as fast as a small one."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a rehearsal stands on: the set as it is, what is published, what was learned, policies, room, the time.

    `earlier` are the set's upgrades so far: what one of them left failed on the target is upgraded again.
    """

    scale_set: ScaleSet
    images: Mapping[str, ImageVersion]
    pace: Pace
    policies: Sequence[PolicyDocument]
    room_free_bytes: int | None
    now: Now
    earlier: Sequence[Upgrade] = ()


def rehearse(ground: Ground, request: StartRequest, trouble: Trouble, *, seed: str = "") -> tuple[Rehearsal, Twin]:
    """The rehearsal, and the twin it was played on, whose events a recording is made of.

    Raises what a start would raise: InputError and RefusedError; InputError too for trouble with unknown instances.
    """
    scale_set = ground.scale_set
    plan, settings, members = make_plan(
        scale_set,
        ground.images,
        request,
        room_free_bytes=ground.room_free_bytes,
        pace=ground.pace,
        policies=ground.policies,
        earlier=ground.earlier,
    )
    refuse_if_impossible(plan)
    _check_names(trouble, scale_set)
    started = new_upgrade(
        scale_set,
        resolve_target(scale_set, ground.images, request.to),
        settings,
        members,
        upgrade_id=f"{scale_set.name}-rehearsal",
        actor="rehearsal",
        reason="; ".join(trouble.words),
        request=request,
        now=ground.now,
    )
    half_s = _half_s(plan, ground.pace, settings)
    twin = Twin(scale_set, started, ground.pace, _fate(trouble, scale_set, members, half_s, seed), seed=seed)
    ended = twin.run()
    others = Counter({ended.state.value: 1})
    if any(failing.who.share for failing in trouble.failing):
        to_go = max(1, sum(m.state is MemberState.PENDING for m in members))
        for number in range(1, min(OTHER_DRAWS, MEMBERS_IN_OTHER_DRAWS // to_go)):
            fate = _fate(trouble, scale_set, members, half_s, f"{seed}/{number}")
            others[Twin(scale_set, started, ground.pace, fate, seed=f"{seed}/{number}").run().state.value] += 1
    return _told(ground, plan, settings, trouble, twin, others, seed), twin


def _half_s(plan: Plan, pace: Pace, settings: RunSettings) -> float:
    """Half-way through the run that is shown: one whose pace is the usual one."""
    usual = replace(pace, run_spread=1e-3, count=1e6)
    sizes = [len(batch.members) for batch in plan.batches]
    return sum(plan_range(usual, sizes, settings.policy.pause_between_batches_s)) / 4


def _check_names(trouble: Trouble, scale_set: ScaleSet) -> None:
    zones = {instance.zone for instance in scale_set.instances.values()}
    for failing in trouble.failing:
        unknown = sorted(failing.who.instances - set(scale_set.instances))
        unknown += [f"zone={zone}" for zone in sorted(failing.who.zones - zones)]
        if unknown:
            raise InputError(
                "InvalidParameter",
                f"inject has {', '.join(map(repr, unknown))}: no instance or zone of {scale_set.name}; "
                f"it must be {FORMS}.",
                f"{_nearest(unknown[0], scale_set, zones)} See its instances: rollset show {scale_set.name}",
            )


def _nearest(given: str, scale_set: ScaleSet, zones: Iterable[str]) -> str:
    """The right one that is most like it: a number of no instance may be a share; else one that is there."""
    if given.isdecimal() and 0 < int(given) <= 100:
        return f"Did you mean {int(given)}%?"
    right = [*(f"zone={zone}" for zone in sorted(zones) if zone), "engine=90s", *scale_set.instances]
    near = get_close_matches(given, right, 1)
    return f"Did you mean {near[0]}?" if near else f"One that is right: {right[0]}."


def _fate(trouble: Trouble, scale_set: ScaleSet, members: Sequence[Member], half_s: float, seed: str) -> Fate:
    sick: set[str] = set()
    lost: list[tuple[float, frozenset[str]]] = []
    to_go = [m.instance_id for m in members if m.state is MemberState.PENDING]
    for number, failing in enumerate(trouble.failing):
        among = to_go if failing.from_s is None else list(scale_set.instances)
        names = _names(failing, scale_set, among, f"{seed}/{number}")
        if failing.from_s is None:
            sick |= names
        else:
            lost.append((failing.from_s, names))
    stops = tuple(sorted((half_s if stop.at_s is None else stop.at_s, stop.for_s) for stop in trouble.stops))
    return Fate(frozenset(sick), tuple(lost), stops)


def _names(failing: Failing, scale_set: ScaleSet, among: Sequence[str], seed: str) -> frozenset[str]:
    who = failing.who
    in_zones = {name for name, instance in scale_set.instances.items() if instance.zone in who.zones}
    count = round(who.share * len(among))
    by_luck = picked(among, max(1, count) if who.share else 0, seed, "failing")
    return frozenset(who.instances | in_zones | set(by_luck))


# --- what is told ----------------------------------------------------------------------------------------------


def _told(
    ground: Ground, plan: Plan, settings: RunSettings, trouble: Trouble, twin: Twin, others: Counter[str], seed: str
) -> Rehearsal:
    ended = twin.upgrade
    waits = upgrade_blocked_by(ended, twin.scale_set, twin.now)
    low_s, high_s = _range(ground, plan, trouble, ended, twin.told, settings)
    return Rehearsal(
        scale_set=plan.scale_set,
        target=plan.target,
        previous=plan.previous,
        plan_hash=plan.hash,
        instances=len(plan.instances),
        to_upgrade=sum(len(batch.members) for batch in plan.batches),
        pace=ground.pace.origin,
        trouble=trouble.words,
        state=ended.state.value,
        waits_for=waits.words if waits is not None else "",
        error=ended.error,
        counters=count_members(ended),
        took_s=twin.t,
        low_s=low_s,
        high_s=high_s,
        draws=DRAWS,
        batches=_batches(ended, twin.told),
        stop_counts=stop_counts(plan, settings, ground.scale_set),
        stopped=_stopped(twin.told),
        other_ends=dict(others) if sum(others.values()) > 1 else {},
        seed=seed,
    )


def _batches(ended: Upgrade, told: Sequence[Told]) -> tuple[RehearsedBatch, ...]:
    failed: dict[int, list[str]] = {}
    number = 0
    for item in told:
        if isinstance(item.event, e.BatchBegan):
            number = item.event.batch.number
        elif isinstance(item.event, e.MemberMoved) and item.event.entered is MemberState.FAILED:
            failed.setdefault(number, []).append(item.event.instance_id)
    return tuple(
        RehearsedBatch(
            batch.number,
            batch.direction.value,
            batch.zone,
            batch.update_domain,
            tuple(ended.members[m].instance_id for m in batch.members),
            batch.began_at - ended.started_at,
            batch.ended_at - ended.started_at if batch.ended_at is not None else None,
            tuple(failed.get(batch.number, ())),
        )
        for batch in ended.batches
    )


def _stopped(told: Sequence[Told]) -> Stopped | None:
    batch = failures = 0
    for item in told:
        event = item.event
        if isinstance(event, e.BatchEnded):
            batch = event.number
        elif isinstance(event, e.MemberMoved) and event.entered is MemberState.FAILED:
            failures += 1
        elif isinstance(event, e.LimitExceeded | e.UpgradeFaulted):
            return Stopped(batch, failures, event.error)
    return None


def stop_counts(plan: Plan, settings: RunSettings, scale_set: ScaleSet) -> tuple[StopCount, ...]:
    """For each batch, how many failed instances up to its end stop the run there, the present health unchanged."""
    policy = settings.policy
    sick = {name for name, instance in scale_set.instances.items() if instance.is_unhealthy}
    stays_bad = settings.restore_failed is not RestoreFailed.ALWAYS
    found, upgraded = [], 0
    for batch in plan.batches:
        upgraded += len(batch.members)
        sick -= set(batch.members)
        by_limit = {
            "maxUnhealthyUpgradedInstancePercent": Share(
                0, upgraded, policy.max_unhealthy_upgraded_instance_percent
            ).more_stop_it
        }
        if stays_bad:
            share = Share(len(sick), len(scale_set.instances), policy.max_unhealthy_instance_percent)
            by_limit["maxUnhealthyInstancePercent"] = share.more_stop_it
        possible = {name: n for name, n in by_limit.items() if n is not None and n <= upgraded}
        limit = min(possible, key=lambda name: possible[name], default="")
        found.append(StopCount(batch.number, upgraded, possible.get(limit), limit))
    return tuple(found)


def _windows(told: Sequence[Told]) -> int:
    """Batches in which a member waited its health window out."""
    batch, found = 0, set()
    for item in told:
        event = item.event
        if isinstance(event, e.BatchBegan):
            batch = event.batch.number
        elif isinstance(event, e.MemberMoved) and event.left is MemberState.AWAITING_HEALTH:
            found |= {batch} if event.entered is MemberState.FAILED else set()
    return len(found)


def _range(
    ground: Ground, plan: Plan, trouble: Trouble, ended: Upgrade, told: Sequence[Told], settings: RunSettings
) -> tuple[float | None, float | None]:
    """Seconds between which it ends in 8 of 10 draws of all times, who fails being as shown; None when it never ends.

    Without trouble it is the range of the plan.
    """
    if ended.live:
        return None, None
    if not trouble.failing and not trouble.stops:
        return plan_range(ground.pace, [len(b.members) for b in plan.batches], settings.policy.pause_between_batches_s)
    pauses_s = settings.policy.pause_between_batches_s * max(0, len(ended.batches) - 1)
    away_s = sum(stop.for_s for stop in trouble.stops)
    windows = _windows(told)
    course = Course(
        (), [len(b.members) for b in ended.batches], pauses_s + away_s, settings.health_window_s, windows=windows
    )
    left = time_left(believe(ground.pace, (), ()), course)
    return quantile(left, LOW), quantile(left, HIGH)
