"""Shares of unhealthy instances against the policy's limits. Limits break at strictly more than (`>`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from engine.model.codes import ApiError, ErrorCode, ErrorDetail
from engine.model.error_texts import before_rolling_upgrade, in_rolling_upgrade, instance_unhealthy, upgraded
from engine.model.health import READ_AS_UNHEALTHY
from engine.model.numbers import many
from engine.model.scale_set import Instance, ScaleSet
from engine.model.shares import Share, Shares
from engine.model.upgrade import DOING, FAILED_STATES, Direction, Member, MemberState, Upgrade

_UNLESS_HEALED = "stops at the end of this batch unless instances heal"


def unhealthy_share(scale_set: ScaleSet, limit_percent: int) -> Share:
    """Instances unhealthy now, for any reason, of all instances of the set."""
    bad = len([i for i in scale_set.instances.values() if i.health in READ_AS_UNHEALTHY])
    return Share(bad, len(scale_set.instances), limit_percent)


def upgraded_share(upgrade: Upgrade, scale_set: ScaleSet) -> Share:
    """Unhealthy upgraded of all upgraded that reached an end, over the whole run (Azure: cumulative).

    A failed member stays bad when its disk is restored.
    """
    ended = bad = 0
    for member in upgrade.members.values():
        state = member.state
        if not member.replaced or state is MemberState.GONE:
            continue
        if member.judged_failed or state in FAILED_STATES:
            ended += 1
            bad += 1
        elif state is MemberState.SUCCEEDED:
            ended += 1
            bad += _is_sick(member, scale_set)
        elif state not in DOING and state is not MemberState.PENDING:
            ended += 1
    return Share(bad, ended, upgrade.settings.policy.max_unhealthy_upgraded_instance_percent)


def _is_sick(member: Member, scale_set: ScaleSet) -> bool:
    instance = scale_set.instances.get(member.instance_id)  # it may have left the set after the end
    return instance is not None and instance.health in READ_AS_UNHEALTHY


def both_shares(upgrade: Upgrade, scale_set: ScaleSet) -> Shares:
    """The numbers of both limits at this moment."""
    of_all = unhealthy_share(scale_set, upgrade.settings.policy.max_unhealthy_instance_percent)
    return Shares(of_all, upgraded_share(upgrade, scale_set))


def shares_to_show(upgrade: Upgrade, scale_set: ScaleSet) -> tuple[Shares, bool]:
    """The numbers a run is told with, and whether they are those at its stop.

    Of an ended run they are those its error was made with, whatever became of its instances since; where nothing
    kept them, as of a run that completed, those of now.
    """
    kept = upgrade.error.shares if not upgrade.live and upgrade.error is not None else None
    return (kept, True) if kept is not None else (both_shares(upgrade, scale_set), False)


def more_upgraded_stop_it(upgrade: Upgrade, scale_set: ScaleSet) -> int | None:
    """How many more bad upgraded members stop the run at the end of the running batch, were all of it to end.

    None when no number does.
    """
    share = upgraded_share(upgrade, scale_set)
    coming = sum(not m.judged_failed for m in upgrade.in_flight())
    return Share(share.bad, share.total + coming, share.limit_percent).more_stop_it


def must_stop(upgrade: Upgrade) -> bool:
    """Whether the run ends with a broken limit whatever else its batch brings: failures that stay count alone.

    Only a retry that succeeds can still change that.
    """
    if upgrade.faulting is not None:
        return True
    if upgrade.direction is Direction.BACK or upgrade.open_batch is None or upgrade.error is None:
        return False
    replaced = [m for m in upgrade.members.values() if m.replaced and m.state is not MemberState.GONE]
    failed = sum(m.judged_failed or m.state in FAILED_STATES for m in replaced)
    ended = sum((m.state not in DOING and m.state is not MemberState.PENDING) or m.judged_failed for m in replaced)
    coming = sum(not m.judged_failed for m in upgrade.in_flight())
    return Share(failed, ended + coming, upgrade.settings.policy.max_unhealthy_upgraded_instance_percent).exceeded


def upgraded_verdict(upgrade: Upgrade, scale_set: ScaleSet) -> str:
    """What the limit of upgraded instances means for a live run as things stand: `goes on`, `stops ...`.

    It is judged at the end of a batch, so that a share above it is not the end yet.
    """
    if must_stop(upgrade):
        return "stops at the end of this batch" if upgrade.open_batch is not None else "stops"
    if not upgraded_share(upgrade, scale_set).exceeded:
        return "goes on"
    if upgrade.open_batch is None:
        return "goes on; judged again at the end of the next batch"
    more = more_upgraded_stop_it(upgrade, scale_set)
    return f"goes on unless {more:,} more fail in this batch" if more else _UNLESS_HEALED


def unhealthy_verdict(upgrade: Upgrade, scale_set: ScaleSet) -> str:
    """The same for the limit of the whole set, which is judged at the end of a batch and before the next one."""
    share = unhealthy_share(scale_set, upgrade.settings.policy.max_unhealthy_instance_percent)
    if not share.exceeded:
        return "goes on"
    return _UNLESS_HEALED if upgrade.open_batch is not None else "stops before the next batch unless instances heal"


def untouched_share(upgrade: Upgrade) -> Share:
    """Members that failed before their disk was touched, of all that had their turn; the limit is the upgraded one.

    Such members are not upgraded, so the upgraded share does not see them; without this a fleet that refuses every
    act would end Completed.
    """
    counted = [m for m in upgrade.members.values() if m.state is not MemberState.GONE]
    ended = [m for m in counted if m.judged_failed or m.state is MemberState.SUCCEEDED]
    bad = sum(m.judged_failed and not m.replaced for m in ended)
    return Share(bad, len(ended), upgrade.settings.policy.max_unhealthy_upgraded_instance_percent)


def sick_details(scale_set: ScaleSet) -> tuple[ErrorDetail, ...]:
    """One detail for each instance that is unhealthy now, with its probe's answer."""
    return tuple(_sick_detail(scale_set, i) for i in scale_set.instances.values() if i.is_unhealthy)


def _sick_detail(scale_set: ScaleSet, instance: Instance) -> ErrorDetail:
    seen = f" {instance.health_detail}" if instance.health_detail else ""
    target = f"{scale_set.name}/virtualMachines/{instance.instance_id}"
    return ErrorDetail(ErrorCode.INSTANCE_UNHEALTHY, target, instance_unhealthy() + seen)


def fallen_ill_details(upgrade: Upgrade, scale_set: ScaleSet) -> tuple[ErrorDetail, ...]:
    """One detail for each member that succeeded and is unhealthy now, in the order in which they were taken."""
    ill = [
        m
        for m in upgrade.members.values()
        if m.replaced and m.state is MemberState.SUCCEEDED and _is_sick(m, scale_set)
    ]
    ill.sort(key=_taken)
    return tuple(_sick_detail(scale_set, scale_set.instances[m.instance_id]) for m in ill)


def _taken(member: Member) -> tuple[int, float, str]:
    return member.batch or 0, member.since_clock, member.id


def failed_details(upgrade: Upgrade) -> tuple[ErrorDetail, ...]:
    """One detail for each member that failed, in the order in which they were taken."""
    failed = [
        m
        for m in upgrade.members.values()
        if m.error is not None and m.state is not MemberState.GONE and (m.judged_failed or m.state in FAILED_STATES)
    ]
    failed.sort(key=_taken)
    return tuple(
        ErrorDetail(m.error.code, f"{upgrade.scale_set_name}/virtualMachines/{m.instance_id}", m.error.message)
        for m in failed
        if m.error is not None
    )


def most_common_cause(details: tuple[ErrorDetail, ...]) -> str:
    """Azure's "most impactful error": the wording that most instances share; the first one wins a tie."""
    if not details:
        return instance_unhealthy()
    known = Counter(_cause(detail) for detail in details)
    return known.most_common(1)[0][0]


def _cause(detail: ErrorDetail) -> str:
    plain = instance_unhealthy()
    return plain if detail.message.startswith(plain) else detail.message


def broken_limit(upgrade: Upgrade, scale_set: ScaleSet, shares: Shares) -> ApiError | None:
    """The error that the end of a batch ends the run in, if one of its limits is broken then.

    Azure's code and wording, the instances behind it, and the numbers of this moment, which `shares` are.
    """
    untouched = untouched_share(upgrade)
    if shares.upgraded.exceeded:
        error = unhealthy_upgraded(upgrade, scale_set, shares.upgraded)
    elif shares.unhealthy.exceeded:
        error = unhealthy_during(scale_set, shares.unhealthy)
    elif untouched.exceeded:
        error = failed_untouched(upgrade, untouched)
    else:
        return None
    return replace(error, shares=shares)


def too_many_unhealthy(upgrade: Upgrade, scale_set: ScaleSet) -> ApiError | None:
    """The error that keeps the next batch from beginning, the first one too, if the whole set's limit is broken."""
    share = unhealthy_share(scale_set, upgrade.settings.policy.max_unhealthy_instance_percent)
    if not share.exceeded:
        return None
    told = unhealthy_before if upgrade.checking else unhealthy_during
    return replace(told(scale_set, share), shares=both_shares(upgrade, scale_set))


def unhealthy_before(scale_set: ScaleSet, share: Share) -> ApiError:
    details = sick_details(scale_set)
    message = before_rolling_upgrade(share.percent, share.limit_percent, most_common_cause(details))
    return ApiError(ErrorCode.UNHEALTHY_BEFORE, message, None, details)


def unhealthy_during(scale_set: ScaleSet, share: Share) -> ApiError:
    message = in_rolling_upgrade(share.percent, share.limit_percent)
    return ApiError(ErrorCode.UNHEALTHY_DURING, message, None, sick_details(scale_set))


def unhealthy_upgraded(upgrade: Upgrade, scale_set: ScaleSet, share: Share) -> ApiError:
    """Names those that failed, then those that fell ill after they had succeeded: the share counts both."""
    details = failed_details(upgrade) + fallen_ill_details(upgrade, scale_set)
    first = details[0].target.rsplit("/", 1)[-1] if details else ""
    message = upgraded(share.percent, share.limit_percent, most_common_cause(details), first)
    return ApiError(ErrorCode.UNHEALTHY_UPGRADED, message, None, details)


def failed_untouched(upgrade: Upgrade, share: Share) -> ApiError:
    """InternalExecutionError: the fleet could not begin on too many instances; the message gives the cause."""
    details = failed_details(upgrade)
    message = (
        f"Rolling Upgrade failed: on {share.bad} of {share.total} instances it could not begin, more than the "
        f"threshold of {share.limit_percent}%. The most impactful error is: {most_common_cause(details)}"
    )
    return ApiError(ErrorCode.INTERNAL, message, None, details)


def failures_notice(upgrade: Upgrade, scale_set: ScaleSet) -> ApiError | None:
    """What a live run says of its failed members: that it goes on, with the numbers. None without failures."""
    details = failed_details(upgrade)
    if not details:
        return None
    share = upgraded_share(upgrade, scale_set)
    failed = many(len(details), "upgraded instance")
    message = (
        f"{failed} failed; {share.percent}% of {share.total} upgraded are unhealthy, "
        f"the threshold is {share.limit_percent}%. The rolling upgrade {upgraded_verdict(upgrade, scale_set)}. "
        f"The most common error is: {most_common_cause(details)}"
    )
    return ApiError(ErrorCode.IN_PROGRESS_WITH_FAILED, message, None, details)
