"""Shares of unhealthy instances against the policy's limits. Limits break at strictly more than (`>`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from engine.model.codes import ApiError, ErrorCode, ErrorDetail
from engine.model.error_texts import before_rolling_upgrade, in_rolling_upgrade, instance_unhealthy, upgraded
from engine.model.health import READ_AS_UNHEALTHY
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import DOING, FAILED_STATES, Direction, MemberState, Upgrade

_UNLESS_HEALED = "stops at the end of this batch unless instances heal"


@dataclass(frozen=True, slots=True)
class Share:
    """`bad` of `total` against `limit_percent`."""

    bad: int
    total: int
    limit_percent: int

    @property
    def exceeded(self) -> bool:
        """Strictly more than the limit (Azure: recorded messages say "more than the threshold")."""
        return self.bad * 100 > self.limit_percent * self.total

    @property
    def percent(self) -> int:
        """A whole number, as Azure's messages show it; one above the limit where the share itself is."""
        if not self.total:
            return 0
        whole = self.bad * 100 // self.total
        return max(whole, self.limit_percent + 1) if self.exceeded else whole

    @property
    def more_stop_it(self) -> int | None:
        """How many more bad ones, the total unchanged, exceed the limit; None when no number does (100 %)."""
        if self.limit_percent >= 100:
            return None
        return max(0, self.limit_percent * self.total // 100 + 1 - self.bad)


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
            instance = scale_set.instances.get(member.instance_id)  # it may have left the set after the end
            bad += instance is not None and instance.health in READ_AS_UNHEALTHY
        elif state not in DOING and state is not MemberState.PENDING:
            ended += 1
    return Share(bad, ended, upgrade.settings.policy.max_unhealthy_upgraded_instance_percent)


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


def failed_untouched(upgrade: Upgrade, share: Share) -> ApiError:
    """InternalExecutionError: the fleet could not begin on too many instances; the message gives the cause."""
    details = failed_details(upgrade)
    message = (
        f"Rolling Upgrade failed: on {share.bad} of {share.total} instances it could not begin, more than the "
        f"threshold of {share.limit_percent}%. The most impactful error is: {most_common_cause(details)}"
    )
    return ApiError(ErrorCode.INTERNAL, message, None, details)


def sick_details(scale_set: ScaleSet) -> tuple[ErrorDetail, ...]:
    """One detail for each instance that is unhealthy now, with its probe's answer."""
    return tuple(
        ErrorDetail(
            ErrorCode.INSTANCE_UNHEALTHY,
            f"{scale_set.name}/virtualMachines/{i.instance_id}",
            instance_unhealthy() + (f" {i.health_detail}" if i.health_detail else ""),
        )
        for i in scale_set.instances.values()
        if i.is_unhealthy
    )


def failed_details(upgrade: Upgrade) -> tuple[ErrorDetail, ...]:
    """One detail for each member that failed, in the order in which they were taken."""
    failed = [
        m
        for m in upgrade.members.values()
        if m.error is not None and m.state is not MemberState.GONE and (m.judged_failed or m.state in FAILED_STATES)
    ]
    failed.sort(key=lambda m: (m.batch or 0, m.since_clock, m.id))
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


def unhealthy_before(scale_set: ScaleSet, share: Share) -> ApiError:
    details = sick_details(scale_set)
    message = before_rolling_upgrade(share.percent, share.limit_percent, most_common_cause(details))
    return ApiError(ErrorCode.UNHEALTHY_BEFORE, message, None, details)


def unhealthy_during(scale_set: ScaleSet, share: Share) -> ApiError:
    return ApiError(
        ErrorCode.UNHEALTHY_DURING,
        in_rolling_upgrade(share.percent, share.limit_percent),
        None,
        sick_details(scale_set),
    )


def unhealthy_upgraded(upgrade: Upgrade, share: Share) -> ApiError:
    details = failed_details(upgrade)
    first = details[0].target.rsplit("/", 1)[-1] if details else ""
    message = upgraded(share.percent, share.limit_percent, most_common_cause(details), first)
    return ApiError(ErrorCode.UNHEALTHY_UPGRADED, message, None, details)


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
