"""A policy as the document that describes it."""

from __future__ import annotations

from typing import Any

from engine.arm.iso8601 import format_duration
from engine.arm.read_policy import KIND
from engine.model.policy import PERCENT_LIMITS
from engine.model.policy_document import PolicyDocument


def policy_document(policy: PolicyDocument) -> dict[str, Any]:
    """The document that, applied again, changes nothing."""
    durations = {
        "healthWindow": policy.health_window_s,
        "upgradeTimeout": policy.upgrade_timeout_s,
        "pauseTimeBetweenBatches": policy.pause_between_batches_s,
        "previousDiskRetention": policy.previous_disk_retention_s,
    }
    said: dict[str, Any] = {name: format_duration(value) for name, value in durations.items() if value is not None}
    said |= {
        azure: value for field, (azure, _, _) in PERCENT_LIMITS.items() if (value := getattr(policy, field)) is not None
    }
    if policy.restore_failed is not None:
        said["restoreFailed"] = policy.restore_failed.value
    return {"kind": KIND, "name": policy.name, "scaleSets": list(policy.scale_sets)} | said
