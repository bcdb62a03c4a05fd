"""What happened: one frozen record per kind of event, past tense. `wire` gives them their JSON form.

Streams: `upgrade/<id>`, `scale_set/<key>`, `image/<family>`, `policy/<name>`, `engine`, `audit`.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.engine_events import ClockJumped as ClockJumped
from engine.model.engine_events import CommandJudged as CommandJudged
from engine.model.engine_events import EngineStarted as EngineStarted
from engine.model.engine_events import EngineStopped as EngineStopped
from engine.model.engine_events import HaltBegan as HaltBegan
from engine.model.engine_events import HaltEnded as HaltEnded
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
from engine.model.scale_set_events import CapacityChanged as CapacityChanged
from engine.model.scale_set_events import ExtensionRan as ExtensionRan
from engine.model.scale_set_events import InstanceAdded as InstanceAdded
from engine.model.scale_set_events import InstanceCreationFailed as InstanceCreationFailed
from engine.model.scale_set_events import InstanceDeletionFailed as InstanceDeletionFailed
from engine.model.scale_set_events import InstanceDiskChanged as InstanceDiskChanged
from engine.model.scale_set_events import InstanceHealthChanged as InstanceHealthChanged
from engine.model.scale_set_events import InstanceHeld as InstanceHeld
from engine.model.scale_set_events import InstanceMadeAnew as InstanceMadeAnew
from engine.model.scale_set_events import InstancePowerChanged as InstancePowerChanged
from engine.model.scale_set_events import InstanceProvisioned as InstanceProvisioned
from engine.model.scale_set_events import InstanceReleased as InstanceReleased
from engine.model.scale_set_events import InstanceRemoved as InstanceRemoved
from engine.model.scale_set_events import InstanceSetAside as InstanceSetAside
from engine.model.scale_set_events import InstanceStarted as InstanceStarted
from engine.model.scale_set_events import InstanceStartFailed as InstanceStartFailed
from engine.model.scale_set_events import InstanceStarting as InstanceStarting
from engine.model.scale_set_events import InstanceStopped as InstanceStopped
from engine.model.scale_set_events import ModelImageChanged as ModelImageChanged
from engine.model.scale_set_events import PreviousDiskDiscarded as PreviousDiskDiscarded
from engine.model.scale_set_events import ProtectionChanged as ProtectionChanged
from engine.model.scale_set_events import ScaleSetApplied as ScaleSetApplied
from engine.model.scale_set_events import ScaleSetDeleted as ScaleSetDeleted
from engine.model.scale_set_events import ScaleSetDeleting as ScaleSetDeleting
from engine.model.upgrade_events import BatchBegan as BatchBegan
from engine.model.upgrade_events import BatchEnded as BatchEnded
from engine.model.upgrade_events import CancelRequested as CancelRequested
from engine.model.upgrade_events import CheckPassed as CheckPassed
from engine.model.upgrade_events import FailuresNoticed as FailuresNoticed
from engine.model.upgrade_events import HoldLifted as HoldLifted
from engine.model.upgrade_events import HoldRaised as HoldRaised
from engine.model.upgrade_events import LimitExceeded as LimitExceeded
from engine.model.upgrade_events import LossAccepted as LossAccepted
from engine.model.upgrade_events import MemberJoined as MemberJoined
from engine.model.upgrade_events import MemberLeftOut as MemberLeftOut
from engine.model.upgrade_events import MemberMoved as MemberMoved
from engine.model.upgrade_events import MemberReconciling as MemberReconciling
from engine.model.upgrade_events import MemberRetried as MemberRetried
from engine.model.upgrade_events import RollBackRequested as RollBackRequested
from engine.model.upgrade_events import StartTimeReached as StartTimeReached
from engine.model.upgrade_events import StepGranted as StepGranted
from engine.model.upgrade_events import UpgradeCancelled as UpgradeCancelled
from engine.model.upgrade_events import UpgradeCompleted as UpgradeCompleted
from engine.model.upgrade_events import UpgradeFaulted as UpgradeFaulted
from engine.model.upgrade_events import UpgradeOutlookChanged as UpgradeOutlookChanged
from engine.model.upgrade_events import UpgradePaused as UpgradePaused
from engine.model.upgrade_events import UpgradeResumed as UpgradeResumed
from engine.model.upgrade_events import UpgradeRolledBack as UpgradeRolledBack
from engine.model.upgrade_events import UpgradeStarted as UpgradeStarted


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
