"""The report of one run: who, what, why, from where to where, batches in time, turning points, failures. Pure.

The cockpit draws it, `rollset report` prints it; both save it as Markdown or JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.decide.count_members import upgrade_overview
from engine.model.codes import ApiError
from engine.model.counters import Counters
from engine.model.shares import Share
from engine.model.upgrade import Upgrade
from engine.wire.state import load
from tui.failure_clusters import Cluster, clusters, failures_of

_TURNS = {
    "UpgradeStarted",
    "StartTimeReached",
    "CheckPassed",
    "BatchEnded",
    "HoldRaised",
    "HoldLifted",
    "UpgradePaused",
    "UpgradeResumed",
    "StepGranted",
    "CancelRequested",
    "RollBackRequested",
    "LossAccepted",
    "MemberRetried",
    "LimitExceeded",
    "FailuresNoticed",
    "UpgradeCompleted",
    "UpgradeCancelled",
    "UpgradeFaulted",
    "UpgradeRolledBack",
}


@dataclass(frozen=True, slots=True)
class ReportBatch:
    """One batch; times are Unix seconds, `ended_at` is None while it runs."""

    number: int
    direction: str
    place: str
    members: int
    began_at: float
    ended_at: float | None
    failed: bool
    why: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Something that turned the run: a command, a hold, a batch, a limit, the end."""

    at: float
    actor: str
    type: str
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one run. `members_known` is false where only counts are (a recording of all sets).

    `takes_pending`: who is pending may still have its turn, else it stays untouched.
    """

    id: str
    scale_set: str
    state: str
    live: bool
    started_by: str
    actor: str
    reason: str
    previous: str
    target: str
    target_digest: str
    started_at: float
    ended_at: float | None
    paused_s: float
    continues: str | None
    counters: Counters
    rolled_back: int
    settings: tuple[tuple[str, str], ...]
    batches: tuple[ReportBatch, ...]
    turns: tuple[Turn, ...]
    error: ApiError | None
    failures: tuple[Cluster, ...]
    members_known: bool = True
    takes_pending: bool = False
    rollback_of: str | None = None

    def took_s(self, now_at: float) -> float:
        """Seconds from start to end, or until now."""
        return (self.ended_at if self.ended_at is not None else now_at) - self.started_at


def report_of(answer: Mapping[str, Any]) -> Report:
    """Out of the answer to the question `run`."""
    import json

    upgrade = load(Upgrade, json.dumps(answer["upgrade"]))
    seen, counters = upgrade_overview(upgrade), Counters(**answer["counters"])
    return Report(
        id=upgrade.id,
        scale_set=upgrade.scale_set_name,
        state=upgrade.state.value,
        live=upgrade.live,
        started_by=upgrade.started_by,
        actor=upgrade.actor,
        reason=upgrade.reason,
        previous=str(upgrade.previous_image),
        target=str(upgrade.target),
        target_digest=upgrade.target_digest,
        started_at=upgrade.started_at,
        ended_at=upgrade.ended_at,
        paused_s=upgrade.paused_s,
        continues=upgrade.continues,
        counters=replace(counters, pending=max(counters.pending, seen.to_go)),
        rolled_back=seen.rolled_back,
        settings=settings_of(upgrade),
        batches=tuple(_batch(upgrade, number) for number in range(len(upgrade.batches))),
        turns=_turns(answer["events"]),
        error=upgrade.faulting or upgrade.error,
        failures=tuple(clusters(failures_of(upgrade))),
        members_known=bool(answer["members_known"]),
        takes_pending=upgrade.takes_pending,
        rollback_of=upgrade.is_rollback_of,
    )


def _turns(events: Sequence[Mapping[str, Any]]) -> tuple[Turn, ...]:
    return tuple(
        Turn(float(line["at"]), str(line["actor"]), str(line["type"]), str(line["words"]))
        for line in events
        if line["type"] in _TURNS
    )


def _batch(upgrade: Upgrade, index: int) -> ReportBatch:
    batch = upgrade.batches[index]
    parts = [f"UD{batch.update_domain}"] if batch.update_domain is not None else []
    parts += [f"zone {batch.zone}"] if batch.zone else []
    return ReportBatch(
        batch.number,
        batch.direction.value,
        ", ".join(parts) or "all",
        len(batch.members),
        batch.began_at,
        batch.ended_at,
        batch.failed,
        batch.why,
    )


def settings_of(upgrade: Upgrade) -> tuple[tuple[str, str], ...]:
    """Every setting of a run by its name in Azure, or ours."""
    policy, own = upgrade.settings.policy, upgrade.settings
    return (
        ("maxBatchInstancePercent", f"{policy.max_batch_instance_percent} %"),
        ("instances at once", "as the policy says" if own.batch_count is None else str(own.batch_count)),
        ("maxUnhealthyInstancePercent", f"{policy.max_unhealthy_instance_percent} %"),
        ("maxUnhealthyUpgradedInstancePercent", f"{policy.max_unhealthy_upgraded_instance_percent} %"),
        ("pauseTimeBetweenBatches", f"{policy.pause_between_batches_s:g} s"),
        ("enableCrossZoneUpgrade", str(policy.enable_cross_zone_upgrade).lower()),
        ("prioritizeUnhealthyInstances", str(policy.prioritize_unhealthy_instances).lower()),
        ("rollbackFailedInstancesOnPolicyBreach", str(policy.rollback_failed_instances_on_policy_breach).lower()),
        ("restore failed instances", own.restore_failed.value.replace("_", " ")),
        ("health window", f"{own.health_window_s:g} s"),
        ("upgradeTimeout", f"{own.upgrade_timeout_s:g} s"),
    )


def both_limits(error: ApiError) -> tuple[tuple[str, Share], ...]:
    """The numbers that an error of a broken limit was made with, in words; none for another error."""
    if error.shares is None:
        return ()
    return ("unhealthy of the whole set", error.shares.unhealthy), (
        "unhealthy of those upgraded",
        error.shares.upgraded,
    )


def report_document(report: Report) -> dict[str, Any]:
    """The report as a JSON value; times are Unix seconds."""
    return {"rollset_report": 1, **asdict(report)}


def chart(report: Report, width: int, until_at: float) -> list[tuple[int, int]]:
    """Where each batch stands on a line of `width` cells from start to end: its first cell and how many."""
    all_s = max(1e-9, report.took_s(until_at))
    found = []
    for batch in report.batches:
        ended_at = batch.ended_at if batch.ended_at is not None else until_at
        first = min(width - 1, int((batch.began_at - report.started_at) / all_s * width))
        last = min(width, round((ended_at - report.started_at) / all_s * width))
        found.append((max(0, first), max(1, last - first)))
    return found
