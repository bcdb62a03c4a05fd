"""Health as Azure names it, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """What is known of an instance's application. NotObserved is ours: no verdict since the engine started."""

    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    INITIALIZING = "Initializing"
    UNKNOWN = "Unknown"
    NOT_OBSERVED = "NotObserved"


READ_AS_UNHEALTHY = frozenset({Health.UNHEALTHY, Health.UNKNOWN})
"""Azure's rolling upgrade reads these two alike."""


class HealthSourceKind(StrEnum):
    LOAD_BALANCER_PROBE = "load_balancer_probe"
    APPLICATION_HEALTH_BINARY = "application_health_binary"
    APPLICATION_HEALTH_RICH = "application_health_rich"


@dataclass(frozen=True, slots=True)
class HealthSource:
    """How health is asked. `protocol` is http, https or tcp; durations are seconds.

    `number_of_probes` equal answers in a row change the state (Azure: application health extension).
    """

    kind: HealthSourceKind
    protocol: str
    port: int
    path: str
    interval_s: float
    number_of_probes: int
    grace_period_s: float
    timeout_s: float = 5.0
