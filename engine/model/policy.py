"""The rolling upgrade policy and the settings of one run."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum

from engine.model.errors import InputError


class RestoreFailed(StrEnum):
    """When a failed member gets its previous OS disk back (decided once, at start)."""

    AZURE = "azure"
    ALWAYS = "always"
    ON_BREACH = "on_breach"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class RollingUpgradePolicy:
    """Azure's rolling upgrade policy. Percentages are whole numbers; `pause_between_batches_s` is seconds.

    Limits (Azure SDK 33 validation): batch and unhealthy 5-100, unhealthy upgraded 0-100; all default to 20.
    """

    max_batch_instance_percent: int = 20
    max_unhealthy_instance_percent: int = 20
    max_unhealthy_upgraded_instance_percent: int = 20
    pause_between_batches_s: float = 0.0
    enable_cross_zone_upgrade: bool = False
    prioritize_unhealthy_instances: bool = False
    rollback_failed_instances_on_policy_breach: bool = False
    max_surge: bool = False


PERCENT_LIMITS = {
    "max_batch_instance_percent": ("maxBatchInstancePercent", 5, 100),
    "max_unhealthy_instance_percent": ("maxUnhealthyInstancePercent", 5, 100),
    "max_unhealthy_upgraded_instance_percent": ("maxUnhealthyUpgradedInstancePercent", 0, 100),
}


MOST_PAUSE_S = 31_536_000.0


def check_policy(policy: RollingUpgradePolicy) -> None:
    """Raise InputError when a field is out of Azure's limits, or asks for what is not offered yet."""
    for known in fields(policy):
        if known.name not in PERCENT_LIMITS:
            continue
        name, low, high = PERCENT_LIMITS[known.name]
        value = getattr(policy, known.name)
        if not low <= value <= high:
            raise InputError(
                "InvalidParameter",
                f"{name} is {value}; it must be a whole number from {low} to {high}.",
                "Correct it in upgradePolicy.rollingUpgradePolicy, or in the option of this run.",
            )
    if not 0 <= policy.pause_between_batches_s <= MOST_PAUSE_S:
        raise InputError(
            "InvalidParameter",
            f"pauseTimeBetweenBatches is {policy.pause_between_batches_s:g} seconds; it must be from 0 to a year.",
            "Write it as PT30S, for example.",
        )
    if policy.max_surge:
        raise InputError(
            "InvalidParameter",
            "maxSurge is true; upgrades that create extra instances are not offered yet.",
            "Set maxSurge to false: instances are then upgraded in place.",
        )


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Everything that binds one upgrade, frozen when it starts. Durations in seconds of observed time."""

    policy: RollingUpgradePolicy = field(default_factory=RollingUpgradePolicy)
    restore_failed: RestoreFailed = RestoreFailed.ALWAYS
    health_window_s: float = 300.0
    upgrade_timeout_s: float = 86_400.0
    extension_budget_s: float = 5_400.0
    batch_count: int | None = None
    previous_disk_retention_s: float = 1_209_600.0
