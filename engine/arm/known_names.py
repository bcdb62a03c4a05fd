"""Names Azure knows in the resources we read; a name that is none of them is refused with the nearest right one.

Source: Azure's public API specification, virtualMachineScaleSets (2024-11-01) and loadBalancers, as data. `None` means
that what lies below is kept as it is and not looked into.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from engine.model.errors import InputError
from engine.model.safe_text import printable
from engine.model.shown_value import shown_value

_FREE = None
_POLICY: dict[str, Any] = dict.fromkeys(
    (
        "maxBatchInstancePercent",
        "maxUnhealthyInstancePercent",
        "maxUnhealthyUpgradedInstancePercent",
        "pauseTimeBetweenBatches",
        "enableCrossZoneUpgrade",
        "prioritizeUnhealthyInstances",
        "rollbackFailedInstancesOnPolicyBreach",
        "maxSurge",
    )
)
_EXTENSION: dict[str, Any] = dict.fromkeys(
    (
        "forceUpdateTag",
        "publisher",
        "type",
        "typeHandlerVersion",
        "autoUpgradeMinorVersion",
        "enableAutomaticUpgrade",
        "settings",
        "protectedSettings",
        "provisioningState",
        "provisionAfterExtensions",
        "suppressFailures",
        "protectedSettingsFromKeyVault",
    )
)
_PROFILE: dict[str, Any] = {
    "osProfile": _FREE,
    "storageProfile": {
        "imageReference": dict.fromkeys(
            (
                "id",
                "publisher",
                "offer",
                "sku",
                "version",
                "exactVersion",
                "sharedGalleryImageId",
                "communityGalleryImageId",
            )
        ),
        "osDisk": _FREE,
        "dataDisks": _FREE,
        "diskControllerType": _FREE,
    },
    "networkProfile": {
        "healthProbe": {"id": _FREE},
        "networkInterfaceConfigurations": _FREE,
        "networkApiVersion": _FREE,
    },
    "extensionProfile": {
        "extensions": [{"name": _FREE, "id": _FREE, "type": _FREE, "properties": _EXTENSION}],
        "extensionsTimeBudget": _FREE,
    },
    **dict.fromkeys(
        (
            "securityProfile",
            "diagnosticsProfile",
            "licenseType",
            "priority",
            "evictionPolicy",
            "billingProfile",
            "scheduledEventsProfile",
            "userData",
            "capacityReservation",
            "applicationProfile",
            "hardwareProfile",
            "serviceArtifactReference",
            "securityPostureReference",
            "timeCreated",
        )
    ),
}
_ENVELOPE: dict[str, Any] = dict.fromkeys(
    ("type", "apiVersion", "name", "id", "location", "tags", "etag", "dependsOn", "comments", "condition", "kind")
)
SCALE_SET: dict[str, Any] = {
    **_ENVELOPE,
    "sku": dict.fromkeys(("name", "tier", "capacity")),
    "zones": _FREE,
    "plan": _FREE,
    "identity": _FREE,
    "extendedLocation": _FREE,
    "placement": _FREE,
    "properties": {
        "upgradePolicy": {
            "mode": _FREE,
            "rollingUpgradePolicy": _POLICY,
            "automaticOSUpgradePolicy": dict.fromkeys(
                (
                    "enableAutomaticOSUpgrade",
                    "disableAutomaticRollback",
                    "useRollingUpgradePolicy",
                    "osRollingUpgradeDeferral",
                )
            ),
        },
        "virtualMachineProfile": _PROFILE,
        **dict.fromkeys(
            (
                "scheduledEventsPolicy",
                "automaticRepairsPolicy",
                "provisioningState",
                "overprovision",
                "doNotRunExtensionsOnOverprovisionedVMs",
                "uniqueId",
                "singlePlacementGroup",
                "zoneBalance",
                "platformFaultDomainCount",
                "proximityPlacementGroup",
                "hostGroup",
                "additionalCapabilities",
                "scaleInPolicy",
                "orchestrationMode",
                "spotRestorePolicy",
                "priorityMixPolicy",
                "timeCreated",
                "constrainedMaximumCapacity",
                "resiliencyPolicy",
                "zonalPlatformFaultDomainAlignMode",
                "skuProfile",
                "highSpeedInterconnectPlacement",
                "lifecycleHooksProfile",
            )
        ),
    },
}
_PROBE: dict[str, Any] = dict.fromkeys(
    (
        "protocol",
        "port",
        "requestPath",
        "intervalInSeconds",
        "numberOfProbes",
        "probeThreshold",
        "noHealthyBackendsBehavior",
        "provisioningState",
        "loadBalancingRules",
    )
)
LOAD_BALANCER: dict[str, Any] = {
    **_ENVELOPE,
    "sku": _FREE,
    "extendedLocation": _FREE,
    "properties": {
        "probes": [{"name": _FREE, "id": _FREE, "etag": _FREE, "type": _FREE, "properties": _PROBE}],
        **dict.fromkeys(
            (
                "frontendIPConfigurations",
                "backendAddressPools",
                "loadBalancingRules",
                "inboundNatRules",
                "inboundNatPools",
                "outboundRules",
                "resourceGuid",
                "provisioningState",
                "scope",
            )
        ),
    },
}


POLICY_DOCUMENT: dict[str, Any] = dict.fromkeys(
    (
        "kind",
        "name",
        "scaleSets",
        "healthWindow",
        "upgradeTimeout",
        "restoreFailed",
        "pauseTimeBetweenBatches",
        "maxBatchInstancePercent",
        "maxUnhealthyInstancePercent",
        "maxUnhealthyUpgradedInstancePercent",
        "previousDiskRetention",
    )
)


def check_names(value: object, known: Any, file: str, path: str = "", *, whose: str = "Azure") -> None:
    """Raise InputError for the first name that `whose` does not know, or for an object or list that is neither."""
    if known is None:
        return
    where = path or "the document"
    if isinstance(known, list):
        if value is not None and not isinstance(value, list):
            raise wrong(file, where, value, "a list")
        for index, item in enumerate(value or ()):
            check_names(item, known[0], file, f"{path}[{index}]", whose=whose)
        return
    if value is None and path:
        return
    if not isinstance(value, dict):
        raise wrong(file, where, value, "an object")
    for name, below in value.items():
        full = f"{path}.{name}" if path else str(name)
        if name not in known:
            raise _unknown(file, full, name, known, whose)
        check_names(below, known[name], file, full, whose=whose)


def _unknown(file: str, full: str, name: str, known: dict[str, Any], whose: str) -> InputError:
    shown = full if len(full) <= 300 else full[:297] + "..."
    place = next((x for x, below in known.items() if isinstance(below, dict) and name in below), None)
    if place is not None:
        right = f"{full.removesuffix(str(name))}{place}.{name}"
        said = f"{printable(file)}: {printable(shown)} is not a name {whose} knows; its place is {printable(right)}."
        return InputError("InvalidParameter", said, f"Move it below {place}.")
    lowered = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).lower()[:200], lowered, n=1, cutoff=0.3)
    hint = f"did you mean {lowered[near[0]]}?" if near else f"names here: {', '.join(sorted(known))}."
    way_out = f"Write {lowered[near[0]]}, or take the name out." if near else "Take the name out."
    return InputError(
        "InvalidParameter",
        f"{printable(file)}: {printable(shown)} is not a name {whose} knows; {hint}",
        way_out,
    )


def wrong(file: str, path: str, value: object, want: str, way_out: str = "Correct it and apply again.") -> InputError:
    """The error for a value that does not fit its field."""
    shown = "absent" if value is None else printable(shown_value(value))
    what = f"{printable(file)}: {printable(path)} is {shown}; it must be {want}."
    return InputError("InvalidParameter", what, way_out)


_REQUEST_PATH = re.compile(r"/[\x21-\x7e]*")
REQUEST_PATH = "a path that begins with / and has neither blanks nor letters beyond ASCII (write them as %20)"


def is_request_path(path: str) -> bool:
    """Whether a probe can ask for it as it stands (RFC 9112, 3.2: the request target is ASCII without blanks)."""
    return _REQUEST_PATH.fullmatch(path) is not None
