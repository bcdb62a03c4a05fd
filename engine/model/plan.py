"""What an upgrade would do: computed before anything moves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What an operator asked for; None means: not said, the policy or a default decides.

    `batch` is a count ("3") or a share ("20%"); durations are seconds; `at` is Unix seconds.
    """

    to: str | None = None
    batch: str | None = None
    pause_between_batches_s: float | None = None
    max_unhealthy_percent: int | None = None
    max_unhealthy_upgraded_percent: int | None = None
    restore_failed: str | None = None
    health_window_s: float | None = None
    timeout_s: float | None = None
    step: bool = False
    at: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    number: int
    zone: str
    update_domain: int
    members: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """`level` is passed, warned or refused; `cure` says what to do about it."""

    level: str
    words: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class PlannedInstance:
    """`disk` names the kept OS disk that is put back; empty where a new one is made from the image."""

    instance_id: str
    image: str
    zone: str
    update_domain: int
    left_out: str = ""
    disk: str = ""


@dataclass(frozen=True, slots=True)
class PlanSetting:
    """An effective value and where it comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Batches after the first are a forecast: each is decided when it begins. `hash` names fleet, target and settings.

    `previous` is what the instances to upgrade run now: `a:b:c:1.1.0`, or `a:b:c:1.1.0 (10), a:b:c:1.2.0 (2)`.
    `request` is what the plan was asked for: `start --plan` asks for the same again.
    ETA is seconds, `eta_origin` says in words what it is drawn from. `room_needed_bytes` is
    for the new OS disks beside the old ones, which are kept.
    """

    scale_set: str
    target: str
    target_digest: str
    previous: str
    hash: str
    model_version: int
    batches: tuple[PlannedBatch, ...]
    instances: tuple[PlannedInstance, ...]
    checks: tuple[PlanCheck, ...]
    settings: tuple[PlanSetting, ...]
    restore_point: str
    room_needed_bytes: int
    room_free_bytes: int | None
    eta_low_s: float
    eta_high_s: float
    eta_origin: str = ""
    request: StartRequest = StartRequest()

    @property
    def refusals(self) -> tuple[PlanCheck, ...]:
        return tuple(check for check in self.checks if check.level == "refused")
