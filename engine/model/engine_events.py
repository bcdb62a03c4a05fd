"""What happened to images, load balancers, policies and the engine itself, and who asked for what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model.attached import Attached as Attached
from engine.model.event import Event
from engine.model.halt import Halt
from engine.model.health import HealthSource
from engine.model.image import ImageReference, ImageVersion
from engine.model.policy_document import PolicyDocument


@dataclass(frozen=True, slots=True)
class ImagePublished(Event):
    image: ImageVersion


@dataclass(frozen=True, slots=True)
class ImageExclusionChanged(Event):
    reference: ImageReference
    excluded: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LoadBalancerApplied(Event):
    """Probes by their lower-cased resource id, for scale sets that point to them."""

    name: str
    probes: Mapping[str, HealthSource]


@dataclass(frozen=True, slots=True)
class PolicyApplied(Event):
    """A policy document was created or changed: the whole of it."""

    policy: PolicyDocument


@dataclass(frozen=True, slots=True)
class PolicyDeleted(Event):
    name: str


@dataclass(frozen=True, slots=True)
class EngineStarted(Event):
    """`away_s` is how long no engine ran since the last one was seen; 0 when unknown."""

    pid: int
    version: str
    epoch: int
    away_s: float
    clean: bool


@dataclass(frozen=True, slots=True)
class InstancesUnknown(Event):
    """Instances that are there, and that no scale set has: `SET/ID` of the first few, and how many in all.

    An engine says so when it starts and finds others than the last time. `count` 0: none any more.
    """

    names: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class EngineStopped(Event):
    reason: str


@dataclass(frozen=True, slots=True)
class ClockJumped(Event):
    """The wall clock went so many seconds further (back, where negative) than the machine ran."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HaltBegan(Event):
    """Every live upgrade was paused, and none begins or goes on forward from now on."""

    halt: Halt


@dataclass(frozen=True, slots=True)
class HaltEnded(Event):
    """Upgrades may begin again; those that are paused stay so."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoreRestored(Event):
    """A backup took the database's place; `head` is its last event, `aside` where the one before is kept."""

    backup: str
    head: int
    aside: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UpgradeRetired(Event):
    """An upgrade that ended long ago left the store; `file` of the state directory holds its recording."""

    upgrade: str
    file: str


@dataclass(frozen=True, slots=True)
class CommandJudged(Event):
    """The audit trail: every command, accepted or refused. `refusal` is None when it was accepted.

    `uid`, `role` and `login` (who logged in, which sudo leaves) are the kernel's word, `claimed` is the caller's.
    `before`: what the command found, where it changes a value. `number` and the hashes make the stream a chain; they
    are given when the entry is committed.
    """

    verb: str
    subject: str
    actor: str
    claimed: Mapping[str, str]
    reason: str
    arguments: Mapping[str, str]
    seen_version: int | None
    refusal: str | None
    key: str
    uid: int = -1
    role: str = ""
    login: str = ""
    before: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    previous_hash: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class PresenceChanged(Event):
    """Who is attached now; the whole list each time."""

    attached: tuple[Attached, ...]
