"""One simulated instance and what it was asked to do. Times are seconds of the fleet's own clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.model.effects import EffectKind, EffectOutcome, InstanceFacts, OutcomeKind

REMEMBERED_ACTS = 16
"""Acts an instance remembers, so that a repeated wish gives the same outcome and does nothing."""

Kept = tuple[tuple[int, str, str], ...]
"""OS disks that are there: (number, image digest, image version), oldest first."""


@dataclass(frozen=True, slots=True)
class Act:
    """An effect as it was decided when it began: what will have become of it at `ends`."""

    id: str
    kind: EffectKind
    instance_id: str
    epoch: int
    ends: float
    took_s: float
    handle: str = ""
    code: str = ""
    message: str = ""
    disk: int = 0
    digest: str = ""
    version: str = ""
    zone: str = ""
    healthy_after_s: float = 0.0
    exit_code: int | None = None
    output: str = ""
    from_image: bool = False
    born: str = ""

    def outcome(self) -> EffectOutcome:
        """What a fleet reports once it has ended."""
        return EffectOutcome(
            self.id,
            OutcomeKind.FAILED if self.code else OutcomeKind.SUCCEEDED,
            self.code,
            self.message,
            disk=str(self.disk) if self.disk else "",
            digest=self.digest,
            exit_code=self.exit_code,
            stdout="" if self.code else self.output,
            stderr=self.output if self.code else "",
            took_s=self.took_s,
            from_image=self.from_image,
        )


@dataclass(slots=True)
class SimulatedInstance:
    """What is true of one instance. `verdict_at` is when its present disk has been judged for the first time."""

    zone: str
    disk: int
    disks: Kept
    last_disk: int
    verdict_at: float
    epoch: int = 0
    busy_until: float = 0.0
    born: str = ""
    acts: dict[str, Act] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The image version on the disk in use."""
        return next((version for number, _, version in self.disks if number == self.disk), "")

    @property
    def digest(self) -> str:
        return next((digest for number, digest, _ in self.disks if number == self.disk), "")

    def facts(self, instance_id: str) -> InstanceFacts:
        return InstanceFacts(
            instance_id=instance_id,
            exists=True,
            running=True,
            disk=str(self.disk),
            digest=self.digest,
            disks=tuple((str(number), digest) for number, digest, _ in self.disks),
        )

    def remember(self, act: Act) -> None:
        """Keep an act for repeats; the oldest beyond REMEMBERED_ACTS is forgotten."""
        self.acts[act.id] = act
        while len(self.acts) > REMEMBERED_ACTS:
            del self.acts[next(iter(self.acts))]

    def apply(self, act: Act) -> None:
        """The act has ended: let it take hold."""
        if act.kind is EffectKind.REPLACE_OS_DISK and not act.code:
            before = tuple(kept for kept in self.disks if kept[0] == self.disk)
            self.disks = (*before, (act.disk, act.digest, act.version))
            self._boot(act)
        elif act.kind is EffectKind.RESTORE_OS_DISK and not act.code:
            if all(number != act.disk for number, _, _ in self.disks):
                self.disks = (*self.disks, (act.disk, act.digest, act.version))
            self._boot(act)
        elif act.kind is EffectKind.DISCARD_PREVIOUS_DISK and not act.code:
            self.disks = tuple(kept for kept in self.disks if kept[0] == self.disk)

    def _boot(self, act: Act) -> None:
        self.disk = act.disk
        self.verdict_at = act.ends + act.healthy_after_s


def created(act: Act) -> SimulatedInstance:
    """The instance that a creation gives."""
    disks = ((act.disk, act.digest, act.version),)
    judged_at = act.ends + act.healthy_after_s
    return SimulatedInstance(act.zone, act.disk, disks, act.disk, judged_at, act.epoch, born=act.born)
