"""One upgrade: a run of an image over a scale set, its batches and its members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.model.codes import ApiError
from engine.model.image import ImageReference
from engine.model.policy import RunSettings
from engine.model.record_copy import replace


@dataclass(frozen=True, slots=True)
class Now:
    """An instant: `at` is Unix seconds; `clock` counts only seconds in which the engine ran and could observe."""

    at: float
    clock: float


class Outcome(StrEnum):
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"
    FAULTED = "Faulted"
    ROLLED_BACK = "RolledBack"


class UpgradeState(StrEnum):
    """The name shown for an upgrade; derived from its facts, never stored."""

    CHECKING = "Checking"
    ROLLING_FORWARD = "RollingForward"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    CANCELLING = "Cancelling"
    ROLLING_BACK = "RollingBack"
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"
    FAULTED = "Faulted"
    ROLLED_BACK = "RolledBack"


class Direction(StrEnum):
    FORWARD = "Forward"
    BACK = "Back"


class MemberState(StrEnum):
    PENDING = "Pending"
    CAPTURING = "CapturingRestorePoint"
    REPLACING = "ReplacingDisk"
    EXTENDING = "RunningExtension"
    AWAITING_HEALTH = "AwaitingHealth"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    RESTORING = "RestoringDisk"
    AWAITING_HEALTH_AFTER_RESTORE = "AwaitingHealthAfterRestore"
    ROLLED_BACK = "RolledBack"
    ROLLED_BACK_UNHEALTHY = "RolledBackUnhealthy"
    RESTORE_FAILED = "RestoreFailed"
    LEFT_OUT = "LeftOut"
    GONE = "Gone"


DOING = frozenset(
    {
        MemberState.CAPTURING,
        MemberState.REPLACING,
        MemberState.EXTENDING,
        MemberState.AWAITING_HEALTH,
        MemberState.RESTORING,
        MemberState.AWAITING_HEALTH_AFTER_RESTORE,
    }
)
AWAITING = frozenset({MemberState.AWAITING_HEALTH, MemberState.AWAITING_HEALTH_AFTER_RESTORE})
FAILED_STATES = frozenset(
    {
        MemberState.FAILED,
        MemberState.ROLLED_BACK,
        MemberState.ROLLED_BACK_UNHEALTHY,
        MemberState.RESTORE_FAILED,
    }
)


class LeftOut(StrEnum):
    """Why a member is in no batch."""

    ALREADY_CURRENT = "alreadyCurrent"
    PROTECTED = "protected"
    HELD = "held"
    SKIPPED = "skipped"


class HoldKind(StrEnum):
    """Why nothing new begins. Operator and RestoreFailed are soft: what has begun finishes."""

    OPERATOR = "Operator"
    RESTORE_FAILED = "RestoreFailed"
    STORE_NOT_WRITABLE = "StoreNotWritable"
    STORE_SUSPECT = "StoreSuspect"
    FLEET_UNREACHABLE = "FleetUnreachable"
    CLOCK_UNTRUSTED = "ClockUntrusted"
    INVARIANT_BROKEN = "InvariantBroken"


SOFT_HOLDS = frozenset({HoldKind.OPERATOR, HoldKind.RESTORE_FAILED})


@dataclass(frozen=True, slots=True)
class Hold:
    kind: HoldKind
    since_at: float
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RestorePoint:
    """What a member goes back to: image, content digest and the fleet's name of the old OS disk."""

    image: ImageReference
    digest: str
    disk: str


@dataclass(frozen=True, slots=True)
class Member:
    """A place in an upgrade. `id` is its own; `instance_id` the instance that fills it now.

    `replaced` says this upgrade put a new OS disk there at some time, `on_new_disk` that it is (or may be) there now,
    or is not wholly back from it; `judged_failed` stays through a restore (a successful Retry takes it back).
    `since_at`/`since_clock`: when the present state began. `step` is the index of the extension.

    `again`: it is upgraded though its instance is on the target already, where an earlier run left it failed.
    `back_to`: the kept OS disk that this run puts back instead of making a new one (a rollback after the end).
    `extends_since_clock`: when the first extension on its present disk began; all of them share one budget of time.
    `restoring`: its extensions run on the way back, on a disk made anew because the previous one is gone.
    """

    id: str
    instance_id: str
    zone: str
    update_domain: int
    fault_domain: int
    state: MemberState = MemberState.PENDING
    left_out: LeftOut | None = None
    left_out_reason: str = ""
    restore_point: RestorePoint | None = None
    batch: int | None = None
    attempt: int = 1
    restore_attempt: int = 0
    step: int = 0
    replaced: bool = False
    on_new_disk: bool = False
    reconciling: bool = False
    judged_failed: bool = False
    again: bool = False
    back_to: RestorePoint | None = None
    restoring: bool = False
    extends_since_clock: float = 0.0
    error: ApiError | None = None
    since_at: float = 0.0
    since_clock: float = 0.0
    rollback_batch: int | None = None

    @property
    def is_held(self) -> bool:
        """Left out by a hold on its instance: released, it joins the run again."""
        return self.state is MemberState.LEFT_OUT and self.left_out is LeftOut.HELD


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch: `why` tells how its size came about. `ended_at` is None while it runs."""

    number: int
    direction: Direction
    zone: str
    update_domain: int | None
    members: tuple[str, ...]
    cap: int
    why: str
    began_at: float
    ended_at: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes, as forecast when it last changed. Times are Unix seconds.

    `eta_low_at` and `eta_high_at` bound the end with 80 % confidence; None where nothing can be said (a pause).
    `blocked_kind` is empty when nothing is waited for.
    """

    batches_to_come: int
    blocked_kind: str
    blocked_words: str
    blocked_since_at: float
    blocked_until_at: float | None = None
    eta_low_at: float | None = None
    eta_high_at: float | None = None
    late: str = ""


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many members are in one state; `left_out` tells LeftOut ones apart."""

    state: MemberState
    left_out: LeftOut | None
    count: int


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One run over one scale set, folded from its events.

    `delayed`: the start time that was asked for has not come yet; `started_clock` and `paused_s` count from then on.
    `pause_after_batch`: it pauses after this batch, because `stepped_by` asked for a single one.
    `only_chosen`: it was begun for certain instances; those that appear while it runs stay out.
    `version` goes up with what an operator decides on (commands, holds, stops, ends); members moving on leaves it.
    `counted` is set in an ended one whose members are left aside: the store has them.
    """

    id: str
    scale_set: str
    scale_set_name: str
    settings: RunSettings
    target: ImageReference
    target_digest: str
    extensions: tuple[str, ...]
    previous_image: ImageReference
    started_by: str
    actor: str
    reason: str
    started_at: float
    started_clock: float
    starts_not_before_at: float | None = None
    delayed: bool = False
    continues: str | None = None
    is_rollback_of: str | None = None
    only_chosen: bool = False
    rollout_id: str | None = None
    checking: bool = True
    direction: Direction = Direction.FORWARD
    cancelling: bool = False
    holds: Mapping[HoldKind, Hold] = field(default_factory=dict)
    outcome: Outcome | None = None
    error: ApiError | None = None
    faulting: ApiError | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    batches: tuple[Batch, ...] = ()
    pause_after_batch: bool = False
    stepped_by: str = ""
    paused_since_clock: float | None = None
    paused_s: float = 0.0
    next_batch_clock: float = 0.0
    last_action: str = "Start"
    last_action_at: float = 0.0
    ended_at: float | None = None
    version: int = 0
    outlook: Outlook | None = None
    counted: tuple[StateCount, ...] | None = None

    def states(self) -> tuple[StateCount, ...]:
        """How many members are in each state, also where they themselves are left aside."""
        if self.counted is not None:
            return self.counted
        states = Counter([(member.state, member.left_out) for member in self.members.values()])
        return tuple(StateCount(state, left_out, count) for (state, left_out), count in states.items())

    def without_members(self) -> Upgrade:
        """The same, light: no members, and batches that name none."""
        batches = tuple(replace(batch, members=()) for batch in self.batches)
        return replace(self, members={}, batches=batches, counted=self.states())

    @property
    def live(self) -> bool:
        return self.outcome is None

    @property
    def goes_back(self) -> bool:
        """Whether it is on its way to the restore point, or came to it."""
        return self.direction is Direction.BACK or self.state is UpgradeState.ROLLED_BACK

    @property
    def roll_back_words(self) -> str:
        """`roll back of web-7` for a run that takes another's instances back after its end; empty for any other."""
        return f"roll back of {self.is_rollback_of}" if self.is_rollback_of is not None else ""

    @property
    def takes_pending(self) -> bool:
        """Whether members that have not begun may still have their turn.

        Not on the way back, nor while it is cancelled, nor once a limit is broken and it only restores what failed.
        """
        return self.live and not self.cancelling and not self.goes_back and self.faulting is None

    @property
    def had_nothing_to_do(self) -> bool:
        """Whether it ended at once, as nobody had to go; one that took up another may have put the model back."""
        return self.outcome is Outcome.COMPLETED and not self.batches and self.continues is None

    def is_since(self, created_clock: float) -> bool:
        """Whether it is of the set that was created at this clock, not of one of its name that was deleted before."""
        return self.live or self.started_clock >= created_clock

    @property
    def open_batch(self) -> Batch | None:
        return self.batches[-1] if self.batches and self.batches[-1].ended_at is None else None

    def in_flight(self) -> list[Member]:
        return [m for m in self.members.values() if m.state in DOING]

    def held(self) -> list[Member]:
        """Those that the run waits for at its end, until they are released or skipped."""
        return [m for m in self.members.values() if m.is_held]

    @property
    def state(self) -> UpgradeState:
        """The one name for the present facts (engine: Argo's way, derive the phase, do not store it)."""
        if self.outcome is not None:
            return UpgradeState(self.outcome.value)
        if self.cancelling:
            return UpgradeState.CANCELLING
        if self.holds:
            return UpgradeState.PAUSED if self.paused_since_clock is not None else UpgradeState.PAUSING
        if self.direction is Direction.BACK:
            return UpgradeState.ROLLING_BACK
        return UpgradeState.CHECKING if self.checking else UpgradeState.ROLLING_FORWARD
