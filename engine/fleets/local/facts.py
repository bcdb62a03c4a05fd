"""What the local fleet's machinery tells its caller: facts about instances, extension runs, and its own errors."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.errors import NotFoundError, RefusedError


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """One instance as it is now.

    `running` is its power state: keeper and `boot` are alive, proved by lock, pid, start time and machine boot id.
    `generation` is the current OS disk's number (0: none yet), `generations` every (number, image digest) still on
    disk. `last_effect_phase`: `begun`, `swapped`, `done` for disks; `running`, `unknown`, `done` for extensions.
    `exit_code` is that of the last boot once it has ended (negative: the signal), None while it runs.
    """

    instance_id: str
    exists: bool
    running: bool
    pid: int | None
    keeper_pid: int | None
    address: str
    port: int
    generation: int
    image_digest: str
    generations: tuple[tuple[int, str], ...]
    last_effect_id: str | None
    last_effect_phase: str | None
    exit_code: int | None
    boot_log_tail: str


@dataclass(frozen=True, slots=True)
class ExtensionResult:
    """How one run of an extension ended.

    `outcome`: `completed` (with `exit_code`), `timed_out` (killed), `interrupted` (its instance was stopped), or
    `unknown` (it was begun and nobody saw its end; it is not run again). Outputs are the last 4 KiB, with the count of
    bytes dropped before them.
    """

    outcome: str
    exit_code: int | None
    stdout: str
    stderr: str
    stdout_dropped: int
    stderr_dropped: int
    started_at: float
    took_s: float


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """What is recorded of one effect; `result` is there for an extension whose end (or loss) is known."""

    effect_id: str
    kind: str
    phase: str
    result: ExtensionResult | None


class FencedError(RefusedError):
    """The call carries an older epoch than one already seen: a newer engine owns this instance. Changes nothing."""

    def __init__(self, instance_id: str, epoch: int, seen: int) -> None:
        super().__init__(
            "Fenced",
            f"instance {instance_id} has obeyed an engine of epoch {seen}; this call has epoch {epoch}.",
            "A newer engine owns this state directory; stop this one.",
        )


class DiskGoneError(NotFoundError):
    """The older OS disk asked for is no longer kept. Changes nothing; replace the disk from its image instead."""

    def __init__(self, instance_id: str, generation: int, kept: tuple[int, ...]) -> None:
        super().__init__(
            "PreviousDiskGone",
            f"instance {instance_id} no longer keeps OS disk generation {generation} (kept: {list(kept)}).",
            "Replace its disk from the recorded previous image.",
        )
