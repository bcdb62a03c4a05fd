"""Acts on a fleet: what is wanted, and what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.model.scale_set import Extension


class EffectKind(StrEnum):
    CAPTURE_RESTORE_POINT = "CaptureRestorePoint"
    REPLACE_OS_DISK = "ReplaceOsDisk"
    RUN_EXTENSION = "RunExtension"
    RESTORE_OS_DISK = "RestoreOsDisk"
    CREATE_INSTANCE = "CreateInstance"
    DELETE_INSTANCE = "DeleteInstance"
    START_INSTANCE = "StartInstance"
    DISCARD_PREVIOUS_DISK = "DiscardPreviousDisk"


DISK_EFFECTS = frozenset({EffectKind.REPLACE_OS_DISK, EffectKind.RESTORE_OS_DISK})


@dataclass(frozen=True, slots=True)
class Effect:
    """One act on one instance. The id is the same for the same wish, so a fleet can refuse to do it twice.

    `digest` names the image content for create and replace (and for a restore whose old disk is gone); `disk` the
    fleet's name of the disk to restore or to discard. `deadline_s` bounds the act. `born` tells the instance that is
    created from any other that had its place before; every try of one creation has the same.
    """

    id: str
    kind: EffectKind
    operation: str
    scale_set: str
    instance_id: str
    member: str
    attempt: int = 1
    step: str = ""
    digest: str = ""
    image: str = ""
    disk: str = ""
    port: int = 0
    data_disks: int = 0
    zone: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    extension: Extension | None = None
    deadline_s: float = 600.0
    born: str = ""


def effect_id(operation: str, member: str, kind: EffectKind, step: str, attempt: int) -> str:
    """The key of an effect: the same wish always has the same id (idempotency key at every fleet)."""
    text = "\0".join((operation, member, kind.value, step, str(attempt)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class OutcomeKind(StrEnum):
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class EffectOutcome:
    """What became of an effect. `Unknown` is never repeated before an observation settles it; where its `message`
    says what the fleet lacks for the moment, that is shown until an act succeeds again.

    `disk`, `digest`: the OS disk in use afterwards. `from_image`: the disk to restore was gone, so a new one was made
    from the image, on which no extension has run. `exit_code`, `stdout`, `stderr`: of an extension, tails only.
    `aside`: where what lay in the place of a new instance is kept.
    """

    effect_id: str
    kind: OutcomeKind
    code: str = ""
    message: str = ""
    disk: str = ""
    digest: str = ""
    address: str = ""
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    took_s: float = 0.0
    from_image: bool = False
    aside: str = ""


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """What a fleet sees of an instance now. `disks` are the kept OS disks, oldest first: (name, digest)."""

    instance_id: str
    exists: bool
    running: bool
    address: str = ""
    port: int = 0
    disk: str = ""
    digest: str = ""
    disks: tuple[tuple[str, str], ...] = ()
    detail: str = ""
