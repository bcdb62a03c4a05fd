"""Read a scale set's `rollingUpgradePolicy`."""

from __future__ import annotations

from engine.arm.fields import Fields
from engine.arm.iso8601 import parse_duration_s
from engine.model.errors import InputError
from engine.model.policy import PERCENT_LIMITS, RollingUpgradePolicy, check_policy
from engine.model.safe_text import printable

STATED = {name: azure for name, (azure, _, _) in PERCENT_LIMITS.items()} | {
    "pause_between_batches_s": "pauseTimeBetweenBatches",
    "enable_cross_zone_upgrade": "enableCrossZoneUpgrade",
    "prioritize_unhealthy_instances": "prioritizeUnhealthyInstances",
}


def stated_settings(fields: Fields) -> tuple[str, ...]:
    """Names of the engine for what a `rollingUpgradePolicy` states itself."""
    return tuple(name for name, azure in STATED.items() if fields.raw(azure) is not None)


def read_rolling_policy(fields: Fields, file: str) -> RollingUpgradePolicy:
    """The policy, Azure's defaults where it states nothing. Raises InputError that names file and field."""
    pause = fields.raw("pauseTimeBetweenBatches")
    policy = RollingUpgradePolicy(
        max_batch_instance_percent=fields.whole("maxBatchInstancePercent", 5, 100, 20),
        max_unhealthy_instance_percent=fields.whole("maxUnhealthyInstancePercent", 5, 100, 20),
        max_unhealthy_upgraded_instance_percent=fields.whole("maxUnhealthyUpgradedInstancePercent", 0, 100, 20),
        pause_between_batches_s=0.0
        if pause is None
        else parse_duration_s(pause, f"{printable(file)}: {fields.at('pauseTimeBetweenBatches')}"),
        enable_cross_zone_upgrade=fields.truth("enableCrossZoneUpgrade"),
        prioritize_unhealthy_instances=fields.truth("prioritizeUnhealthyInstances"),
        rollback_failed_instances_on_policy_breach=fields.truth("rollbackFailedInstancesOnPolicyBreach"),
        max_surge=fields.truth("maxSurge"),
    )
    try:
        check_policy(policy)
    except InputError as error:
        raise InputError(error.code, f"{printable(file)}: {fields.path}: {error.message}", error.next_step) from None
    return policy
