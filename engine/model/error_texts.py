"""Azure's wording of errors, with the numbers filled in.

Source: recorded operations of 2019-2022 and user reports, as quoted in Azure's public repositories. Percentages are
whole numbers.
"""

from __future__ import annotations

NOTHING_TO_CANCEL = "There is no ongoing Rolling Upgrade to cancel."
OUTSIDE_WINDOWS = (
    "Rolling Upgrade failed because the current time is no longer within any of the Automatic OS Upgrade scheduled "
    "windows."
)
BOTH_HEALTH_SOURCES = (
    "Automatic OS Upgrade is not supported for this Virtual Machine Scale Set because both a health probe and a health "
    "extension were provided. Remove the health probe or health extension prior to enabling automatic OS upgrade."
)
NO_HEALTH_SOURCE = (
    "Automatic OS Upgrade is not supported for this Virtual Machine Scale Set because a health probe or health "
    "extension was not specified."
)
NO_HEALTH_SOURCE_FOR_ROLLING = (
    "Rolling Upgrade mode is not supported for this Virtual Machine Scale Set because a health probe or health "
    "extension was not provided."
)
NOT_LATEST = (
    "virtualMachineScaleSets with Automatic OS Upgrade enabled must use Platform or Gallery Image with version set to "
    "'latest'."
)


def instance_unhealthy() -> str:
    """The detail of one instance (Azure: RollingUpgradeInstanceUnhealthyError)."""
    return "Instance found to be unhealthy or unreachable."


def before_rolling_upgrade(percent: int | str, threshold: int | str, detail: str) -> str:
    """The pre-check failed; nothing was touched. Azure writes two blanks after "is:"."""
    return (
        "Rolling Upgrade failed due to exceeding the MaxUnhealthyInstancePercent value "
        "(defined in the RollingUpgradePolicy) before any batch was attempted. "
        f"{percent}% of instances are in an unhealthy state, more than the threshold of {threshold}% "
        f"configured in the RollingUpgradePolicy. The most impactful error is:  {detail} "
        "For details on rolling upgrades, use http://aka.ms/AzureVMSSRollingUpgrade"
    )


def in_rolling_upgrade(percent: int | str, threshold: int | str) -> str:
    """Too many of all instances are unhealthy between batches."""
    return (
        "Rolling Upgrade failed after exceeding the MaxUnhealthyInstancePercent value "
        f"defined in the RollingUpgradePolicy. {percent}% of instances are in an unhealthy state "
        f"- more than the threshold of {threshold}%. "
        "To apply upgrades, consider increasing the MaxUnhealthyInstancePercent value."
    )


def upgraded(percent: int | str, threshold: int | str, detail: str, first_failed: str) -> str:
    """Too many of the upgraded instances are unhealthy."""
    cause = detail.removesuffix(".")
    return (
        "Rolling Upgrade failed after exceeding the MaxUnhealthyUpgradedInstancePercent value "
        f"defined in the RollingUpgradePolicy. {percent}% of instances are in an unhealthy state after being upgraded "
        f"- more than the threshold of {threshold}%. "
        f"The most impactful error is: {cause}. First failed instance ID is: {first_failed}."
    )
