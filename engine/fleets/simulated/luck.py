"""What chance and the tags decide: how long an act takes, whether it works, who is unhealthy when."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide.draws import chance, lognormal
from engine.fleets.simulated.instances import SimulatedInstance
from engine.model.effects import Effect, EffectKind
from engine.model.health import Health
from engine.model.simulated import SimulatedBehaviour

CAPTURE_PART, DISK_PART, EXTENSION_PART, HEALTH_PART = 0.02, 0.58, 0.1, 0.3
SICK_PART = 0.2
"""The part of each of its periods in which a flapping instance is unhealthy."""


@dataclass(frozen=True, slots=True)
class Fate:
    """`takes_s` until the act ends, `healthy_after_s` from then to the first verdict; `trouble` says why it fails."""

    takes_s: float
    healthy_after_s: float = 0.0
    trouble: str = ""


def version_of(effect: Effect) -> str:
    """The image version that an effect is about; empty when it names no image."""
    return effect.image.rsplit(":", 1)[-1]


def fate_of(effect: Effect, behaviour: SimulatedBehaviour) -> Fate:
    """How an effect goes. The same effect always goes the same way."""
    seed, name, version = behaviour.seed, effect.instance_id, version_of(effect)
    if effect.kind is EffectKind.CREATE_INSTANCE:
        takes = lognormal(behaviour.create_seconds, behaviour.spread, seed, "create", name)
        return Fate(takes, takes / 2)
    if effect.kind is EffectKind.DELETE_INSTANCE:
        return Fate(behaviour.create_seconds / 10)
    pace = behaviour.member_seconds * behaviour.slow_versions.get(version, 1.0)
    way = "back" if effect.kind is EffectKind.RESTORE_OS_DISK else "forward"
    whole = lognormal(pace, behaviour.spread, seed, way, name, version, effect.attempt)
    if effect.kind is EffectKind.CAPTURE_RESTORE_POINT:
        return Fate(whole * CAPTURE_PART)
    if effect.kind is EffectKind.RUN_EXTENSION:
        failed = _hits(behaviour.failing_extensions, seed, "extension", effect.step, name, version, effect.attempt)
        return Fate(whole * EXTENSION_PART, trouble="the simulated script failed" if failed else "")
    share = behaviour.failing_restores if way == "back" else behaviour.failing_disks
    failed = _hits(share, seed, "disk", way, name, version, effect.attempt)
    trouble = f"simulated: the OS disk of instance {name} could not be made" if failed else ""
    return Fate(whole * DISK_PART, whole * HEALTH_PART, trouble)


def _hits(share: float, *parts: object) -> bool:
    return share > 0 and chance(*parts) < share


def health_of(
    name: str, instance: SimulatedInstance, behaviour: SimulatedBehaviour, at: float
) -> tuple[Health, str, float | None]:
    """Health at a moment, what a probe would say, and when to look again (None: only something else changes it)."""
    if at < instance.verdict_at:
        return Health.NOT_OBSERVED, "", instance.verdict_at
    seed, version, sick = behaviour.seed, instance.version, behaviour.unhealthy
    chosen = name in sick.instances or instance.zone in sick.zones or _hits(sick.share, seed, "unhealthy", name)
    if chosen:
        return Health.UNHEALTHY, "simulated: GET /health answered 503 Service Unavailable", None
    upgraded = instance.last_disk > 1 and instance.disk == instance.last_disk
    if _hits(behaviour.broken_versions.get(version, 0.0), seed, "broken", version, name) or (
        upgraded and _hits(behaviour.failing_share, seed, "failing", version, name)
    ):
        return Health.UNHEALTHY, f"simulated: GET /health of {version} answered 503 Service Unavailable", None
    if _hits(behaviour.flapping, seed, "flaps", name):
        return _flapping(name, behaviour, at)
    return Health.HEALTHY, "simulated: GET /health answered 200", None


def _flapping(name: str, behaviour: SimulatedBehaviour, at: float) -> tuple[Health, str, float | None]:
    period = behaviour.flap_seconds * (0.5 + chance(behaviour.seed, "period", name))
    place = (at / period + chance(behaviour.seed, "phase", name)) % 1.0
    if place < 1 - SICK_PART:
        return Health.HEALTHY, "simulated: GET /health answered 200", at + (1 - SICK_PART - place) * period + 1e-6
    return Health.UNHEALTHY, "simulated: GET /health timed out", at + (1 - place) * period + 1e-6
