"""What a plan says before anything moves: reasons against a start, warnings with their cure, what is well."""

from __future__ import annotations

from collections.abc import Iterable

from engine.decide.choose_batch import batch_cap
from engine.decide.judge_health import unhealthy_share
from engine.model.health import Health
from engine.model.image import ImageReference
from engine.model.plan import PlanCheck
from engine.model.policy import RunSettings
from engine.model.scale_set import ScaleSet, stopped_words
from engine.model.upgrade import Member, MemberState, Outcome, Upgrade

_ENDED: dict[Outcome | None, str] = {Outcome.FAULTED: "Faulted", Outcome.ROLLED_BACK: "was rolled back"}


def plan_checks(
    scale_set: ScaleSet,
    settings: RunSettings,
    members: tuple[Member, ...],
    target: ImageReference,
    needed: int,
    free: int | None,
    earlier: Iterable[Upgrade] = (),
    above: str = "",
) -> list[PlanCheck]:
    """Everything worth knowing before the start: what refuses it, what warns, what was found well.

    `needed` and `free` are bytes for new OS disks; `free` is None where the fleet cannot say. `earlier` are the set's
    upgrades so far; `above` is a published version that the set may take and that is higher than the target.
    """
    found = [PlanCheck("refused", problem, "Change the model and apply it.") for problem in scale_set.model.problems]
    found += _stopped(scale_set)
    found += _health_checks(scale_set, settings)
    found += _not_completed(scale_set, target, earlier)
    total = len(scale_set.instances)
    chosen = sum(m.state is MemberState.PENDING for m in members)
    if not chosen:
        cure = f"{above} is published: --to {above}" if above else ""
        found.append(PlanCheck("warned", "nothing to upgrade: every instance is on the target or left out", cure))
    percent = settings.policy.max_unhealthy_instance_percent
    allowed = total * percent // 100
    if chosen and allowed < batch_cap(total, settings):
        words = (
            f"{total} instances, {percent} %: {allowed} may be unhealthy at once, a batch is up to "
            f"{batch_cap(total, settings)}; {_stops(allowed + 1)}"
        )
        found.append(
            PlanCheck("warned", words, "Raise maxUnhealthyInstancePercent for this run if that is too strict.")
        )
    if free is not None and needed and free < needed + 64 * 1024 * 1024:
        found.append(
            PlanCheck(
                "refused",
                f"new OS disks need {needed} bytes beside 64 MiB kept free; {free} are free",
                "Free disk space.",
            )
        )
    if settings.restore_failed.value != "never":
        found.append(
            PlanCheck("passed", f"failed instances get their previous OS disk back ({settings.restore_failed.value})")
        )
    return found


def _not_completed(scale_set: ScaleSet, target: ImageReference, earlier: Iterable[Upgrade]) -> list[PlanCheck]:
    """That this version was stopped here before, for as long as no later run brought it to the whole set."""
    good = scale_set.good_version
    instead = f"; the last good version is {good}" if good not in (None, target.version) else ""
    stopped = stopped_before(target, earlier)
    if stopped is not None:
        code = f" ({stopped.error.code})" if stopped.error is not None else ""
        words = f"{target.version} {_ENDED[stopped.outcome]} here before{code}{instead}"
        return [PlanCheck("warned", words, f"See why: rollset explain {stopped.id}; another version: --to.")]
    if instead and target.version == scale_set.model.image.version:
        words = f"the last upgrade to {target.version} did not complete{instead}"
        return [PlanCheck("warned", words, f"See why: rollset explain {scale_set.name}; another version: --to.")]
    return []


def stopped_before(target: ImageReference, earlier: Iterable[Upgrade]) -> Upgrade | None:
    """The last run to `target` that Faulted or was rolled back, unless a whole one has Completed since.

    A rollback to it does not count, nor does a retry of certain instances clear it.
    """
    runs = [u for u in earlier if u.target == target and u.is_rollback_of is None]
    for run in sorted(runs, key=lambda u: (u.started_at, u.id), reverse=True):
        if run.outcome is Outcome.COMPLETED and not run.only_chosen:
            return None
        if run.outcome in _ENDED:
            return run
    return None


def _stops(count: int) -> str:
    return "1 unhealthy one stops it" if count == 1 else f"{count} unhealthy ones stop it"


def _stopped(scale_set: ScaleSet) -> list[PlanCheck]:
    words = stopped_words(scale_set)
    return [PlanCheck("warned", words, "Boot them: rollset engine start")] if words else []


def _health_checks(scale_set: ScaleSet, settings: RunSettings) -> list[PlanCheck]:
    share = unhealthy_share(scale_set, settings.policy.max_unhealthy_instance_percent)
    source = scale_set.model.health
    found: list[PlanCheck] = []
    if source is None:
        found.append(
            PlanCheck(
                "warned",
                "no health probe and no health extension: only power state and extensions are judged",
                "Give the model a load balancer probe or the application health extension.",
            )
        )
    elif source.grace_period_s > settings.health_window_s:
        found.append(
            PlanCheck(
                "warned",
                f"gracePeriod {source.grace_period_s:g} s is longer than the health window of "
                f"{settings.health_window_s:g} s: an instance that needs it can only fail",
                "Shorten it, or give --health-window.",
            )
        )
    if share.exceeded:
        found.append(
            PlanCheck(
                "warned",
                f"{share.percent} % of instances are unhealthy, more than {share.limit_percent} %: "
                "it would end Faulted before the first batch",
                "Heal them, or raise --max-unhealthy for this run.",
            )
        )
    unknown = sum(i.health is Health.NOT_OBSERVED for i in scale_set.instances.values())
    words = f"{share.bad} of {share.total} instances unhealthy now, {unknown} not observed yet"
    return [*found, PlanCheck("passed", words)] if not share.exceeded else found
