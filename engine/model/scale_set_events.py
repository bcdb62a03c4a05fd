"""What happened to a scale set and its instances."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.event import Event
from engine.model.health import Health
from engine.model.image import ImageReference
from engine.model.scale_set import ExtensionResult, Instance, InstanceHold, ScaleSet


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
class InstanceMadeAnew(Event):
    """The fleet does not have an instance that was there: it is created once more from its image, its data disks empty.

    What the old one was is forgotten: its address, its previous OS disk, what its extensions gave.
    """

    instance_id: str
    why: str


@dataclass(frozen=True, slots=True)
class InstanceStopped(Event):
    """An instance is ended together with the engine, as `by` asked; it stays down until somebody asks for it."""

    instance_id: str
    by: str


@dataclass(frozen=True, slots=True)
class InstanceStarting(Event):
    """An instance is booted again: it ran when an engine saw it last and does not, or somebody asks for it."""

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
