"""What happened to an upgrade, from its start to the one event that ends it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.codes import ApiError
from engine.model.event import Event
from engine.model.upgrade import Batch, Hold, HoldKind, LeftOut, MemberState, Outlook, RestorePoint, Upgrade


@dataclass(frozen=True, slots=True)
class UpgradeStarted(Event):
    """The whole initial record: settings, target, members chosen and left out."""

    upgrade: Upgrade


@dataclass(frozen=True, slots=True)
class StartTimeReached(Event):
    """The start time that was asked for has come: limits of time count from here."""


@dataclass(frozen=True, slots=True)
class CheckPassed(Event):
    unhealthy: int
    total: int


@dataclass(frozen=True, slots=True)
class BatchBegan(Event):
    batch: Batch


@dataclass(frozen=True, slots=True)
class BatchEnded(Event):
    """Judged: upgraded-and-unhealthy of ended, unhealthy of total; `next_clock` is when the next batch may begin.

    `back`: it was a batch of the way back, in which nothing is upgraded.
    """

    number: int
    failed: bool
    upgraded_unhealthy: int
    upgraded: int
    unhealthy: int
    total: int
    next_clock: float
    back: bool = False


@dataclass(frozen=True, slots=True)
class MemberMoved(Event):
    """A member left one state for another. `error` says why it failed; `step` which extension runs.

    `replaced`: the disk of this upgrade is in place since now. `left_bucket`: the counter it was in, where its state
    alone does not tell (it had been left out).
    """

    member: str
    instance_id: str
    left: MemberState
    entered: MemberState
    why: str = ""
    step: int = 0
    replaced: bool = False
    restore_point: RestorePoint | None = None
    error: ApiError | None = None
    left_bucket: str = ""


@dataclass(frozen=True, slots=True)
class MemberReconciling(Event):
    member: str
    reconciling: bool


@dataclass(frozen=True, slots=True)
class MemberLeftOut(Event):
    """`left_bucket` is the counter it was in."""

    member: str
    instance_id: str
    left_out: LeftOut
    reason: str
    left_bucket: str = "pending"


@dataclass(frozen=True, slots=True)
class MemberJoined(Event):
    """An instance was released, or appeared during the run; `left_out` is set when it is already on the target.

    `left_bucket` is the counter it was in, empty for one that is new.
    """

    member: str
    instance_id: str
    zone: str
    update_domain: int
    fault_domain: int
    left_out: LeftOut | None = None
    left_bucket: str = ""


@dataclass(frozen=True, slots=True)
class MemberRetried(Event):
    member: str
    instance_id: str
    left: MemberState
    entered: MemberState


@dataclass(frozen=True, slots=True)
class LossAccepted(Event):
    member: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class HoldRaised(Event):
    hold: Hold


@dataclass(frozen=True, slots=True)
class HoldLifted(Event):
    kind: HoldKind
    by: str


@dataclass(frozen=True, slots=True)
class UpgradePaused(Event):
    """Nothing is in flight any more; deadlines stop."""


@dataclass(frozen=True, slots=True)
class UpgradeResumed(Event):
    """`paused_s` is the observed time for which deadlines stood still."""

    paused_s: float


@dataclass(frozen=True, slots=True)
class StepGranted(Event):
    by: str


@dataclass(frozen=True, slots=True)
class CancelRequested(Event):
    by: str


@dataclass(frozen=True, slots=True)
class RollBackRequested(Event):
    by: str


@dataclass(frozen=True, slots=True)
class LimitExceeded(Event):
    """The run will end Faulted with `error` once what is in flight (restores included) has ended."""

    error: ApiError


@dataclass(frozen=True, slots=True)
class FailuresNoticed(Event):
    """RollingUpgradeInProgressWithFailedUpgradedVMs: shows while rolling; None clears it."""

    notice: ApiError | None


@dataclass(frozen=True, slots=True)
class UpgradeOutlookChanged(Event):
    """What an operator may expect changed: batches to come, time of the end, what it waits for."""

    outlook: Outlook


@dataclass(frozen=True, slots=True)
class UpgradeCompleted(Event):
    pass


@dataclass(frozen=True, slots=True)
class UpgradeCancelled(Event):
    pass


@dataclass(frozen=True, slots=True)
class UpgradeFaulted(Event):
    error: ApiError


@dataclass(frozen=True, slots=True)
class UpgradeRolledBack(Event):
    pass
