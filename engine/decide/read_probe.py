"""What one probe's answer says, and when answers change an instance's health."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from engine.model.health import Health, HealthSource, HealthSourceKind


def read_answer(source: HealthSource, answered: bool, status: int | None, body: bytes) -> Health:
    """Azure's reading of one answer.

    Probe and binary extension: HTTP 200 or a TCP connection is Healthy, all else Unhealthy. Rich extension: 2xx with
    a JSON object whose ApplicationHealthState is Healthy or Unhealthy; anything else is Unknown (TCP has no Unknown).
    """
    if source.protocol == "tcp":
        return Health.HEALTHY if answered else Health.UNHEALTHY
    if source.kind is not HealthSourceKind.APPLICATION_HEALTH_RICH:
        return Health.HEALTHY if answered and status == 200 else Health.UNHEALTHY
    if not answered or status is None or not 200 <= status < 300:
        return Health.UNKNOWN
    return _rich(body)


def _rich(body: bytes) -> Health:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return Health.UNKNOWN
    if not isinstance(value, dict):
        return Health.UNKNOWN
    said = next((v for k, v in value.items() if k.lower() == "applicationhealthstate"), None)
    names = {"healthy": Health.HEALTHY, "unhealthy": Health.UNHEALTHY}
    return names.get(said.lower(), Health.UNKNOWN) if isinstance(said, str) else Health.UNKNOWN


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """What was seen of one instance since its disk was last changed or the engine started. Times: observed seconds."""

    state: Health = Health.NOT_OBSERVED
    candidate: Health | None = None
    streak: int = 0
    first_clock: float = 0.0
    been_healthy: bool = False


def track(record: HealthRecord, sample: Health, clock: float, source: HealthSource) -> HealthRecord:
    """The record after one more sample: numberOfProbes equal answers in a row change the state, the first one too.

    Inside the grace period an instance of the rich extension that gave no answer that counts, and has not been healthy
    yet, is Initializing (over TCP no connection is no answer).
    """
    if record.streak == 0:
        record = replace(record, first_clock=clock)
    streak = record.streak + 1 if sample is record.candidate else 1
    record = replace(record, candidate=sample, streak=streak)
    if streak < source.number_of_probes:
        return record
    rich = source.kind is HealthSourceKind.APPLICATION_HEALTH_RICH
    young = clock - record.first_clock < source.grace_period_s
    silent = sample is Health.UNKNOWN or (source.protocol == "tcp" and sample is Health.UNHEALTHY)
    if rich and young and silent and not record.been_healthy:
        return replace(record, state=Health.INITIALIZING)
    return replace(record, state=sample, been_healthy=record.been_healthy or sample is Health.HEALTHY)
