"""What happened: one frozen record per kind of event, past tense. `wire` gives them their JSON form.

Streams: `upgrade/<id>`, `scale_set/<key>`, `image/<family>`, `policy/<name>`, `engine`, `audit`.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.codes import ApiError
from engine.model.engine_events import ClockJumped as ClockJumped
from engine.model.engine_events import CommandJudged as CommandJudged
from engine.model.engine_events import EngineStarted as EngineStarted
from engine.model.engine_events import EngineStopped as EngineStopped
from engine.model.engine_events import ImageExclusionChanged as ImageExclusionChanged
from engine.model.engine_events import ImagePublished as ImagePublished
from engine.model.engine_events import InstancesUnknown as InstancesUnknown
from engine.model.engine_events import LoadBalancerApplied as LoadBalancerApplied
from engine.model.engine_events import PolicyApplied as PolicyApplied
from engine.model.engine_events import PolicyDeleted as PolicyDeleted
from engine.model.engine_events import PresenceChanged as PresenceChanged
from engine.model.engine_events import StoreRestored as StoreRestored
from engine.model.engine_events import UpgradeRetired as UpgradeRetired
from engine.model.event import Event as Event
from engine.model.health import Health
from engine.model.image import ImageReference
from engine.model.scale_set import ExtensionResult, Instance, InstanceHold, ScaleSet
from engine.model.upgrade import Batch, Hold, HoldKind, LeftOut, MemberState, Outlook, RestorePoint, Upgrade
from engine.model.upgrade_ends import UpgradeCancelled as UpgradeCancelled
from engine.model.upgrade_ends import UpgradeCompleted as UpgradeCompleted
from engine.model.upgrade_ends import UpgradeFaulted as UpgradeFaulted
from engine.model.upgrade_ends import UpgradeRolledBack as UpgradeRolledBack

# --- upgrade/<id> ---------------------------------------------------------------------------------------------


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


# --- scale_set/<key> ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ScaleSetApplied(Event):
    """A scale set was created or its model changed: the whole record, instances as they are."""

    scale_set: ScaleSet


@dataclass(frozen=True, slots=True)
class ModelImageChanged(Event):
    """The image of the model was written (start on a pinned set, rollback), or a version blocked or unblocked."""

    image: ImageReference
    blocked_versions: tuple[str, ...]
    good_version: str | None
    why: str


@dataclass(frozen=True, slots=True)
class CapacityChanged(Event):
    capacity: int


@dataclass(frozen=True, slots=True)
class InstanceAdded(Event):
    """`instance` as it begins; the fleet still has to create it (`provisioned` false)."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class InstanceProvisioned(Event):
    instance_id: str
    disk: str
    digest: str
    address: str


@dataclass(frozen=True, slots=True)
class InstanceCreationFailed(Event):
    """The fleet could not create an instance; it is tried again, more and more slowly, until it can."""

    instance_id: str
    message: str
    attempt: int


@dataclass(frozen=True, slots=True)
class InstanceSetAside(Event):
    """Another instance lay in the place of a new one: it was ended, and is kept in `folder` with all its disks."""

    instance_id: str
    folder: str


@dataclass(frozen=True, slots=True)
class InstanceStarting(Event):
    """An instance that ran when an engine saw it last does not: it is booted again."""

    instance_id: str
    why: str


@dataclass(frozen=True, slots=True)
class InstanceStarted(Event):
    instance_id: str
    address: str


@dataclass(frozen=True, slots=True)
class InstanceStartFailed(Event):
    """`tries_on` says whether it is tried again; else the instance stays down."""

    instance_id: str
    message: str
    attempt: int
    tries_on: bool


@dataclass(frozen=True, slots=True)
class InstanceRemoved(Event):
    """`health` is the last that was known of it, `version` what it was on; empty in old events."""

    instance_id: str
    why: str
    health: Health = Health.NOT_OBSERVED
    version: str = ""


@dataclass(frozen=True, slots=True)
class InstanceDeletionFailed(Event):
    """The fleet could not take an instance away that has left the set; `tries_on` says whether it is tried again."""

    instance_id: str
    message: str
    attempt: int
    tries_on: bool


@dataclass(frozen=True, slots=True)
class InstanceDiskChanged(Event):
    """The OS disk was replaced or restored; health begins anew as NotObserved, and `left` is what it was.

    `left_version` is the version it was on; empty in old events.
    """

    instance_id: str
    image: ImageReference
    digest: str
    disk: str
    previous_disk: str | None
    previous_image: ImageReference | None
    latest_model_applied: bool
    address: str
    left: Health = Health.NOT_OBSERVED
    left_version: str = ""


@dataclass(frozen=True, slots=True)
class PreviousDiskDiscarded(Event):
    """The previous OS disk is gone (or could not be let go, as `problem` says, and goes with the next swap)."""

    instance_id: str
    disk: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ExtensionRan(Event):
    instance_id: str
    result: ExtensionResult


@dataclass(frozen=True, slots=True)
class InstanceHealthChanged(Event):
    """`detail` is the last probe's answer in words."""

    instance_id: str
    left: Health
    entered: Health
    detail: str


@dataclass(frozen=True, slots=True)
class InstancePowerChanged(Event):
    instance_id: str
    running: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ProtectionChanged(Event):
    instance_id: str
    from_actions: bool
    from_scale_in: bool


@dataclass(frozen=True, slots=True)
class InstanceHeld(Event):
    instance_id: str
    hold: InstanceHold


@dataclass(frozen=True, slots=True)
class InstanceReleased(Event):
    instance_id: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScaleSetDeleting(Event):
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScaleSetDeleted(Event):
    pass


# --- the place in the log --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the one log. `seq` counts over all streams, `stream_seq` within its own.

    `at` is Unix seconds, `clock` observed engine seconds, `cause` the seq of the event or the key of the command
    that led to it (may be empty).
    """

    seq: int
    stream: str
    stream_seq: int
    at: float
    clock: float
    epoch: int
    actor: str
    cause: str
    event: Event
