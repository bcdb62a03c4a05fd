"""The ARM documents of the demo: a load balancer with a health probe, and the scale set that points to it."""

from __future__ import annotations

from typing import Any

SET = "demo"
PUBLISHER, OFFER, SKU = "contoso", "demo", "web"
FIRST, SECOND = "1.0.0", "1.1.0"
PORT = 8080
_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/demo/providers"
_BALANCER = f"{_GROUP}/Microsoft.Network/loadBalancers/demo"
_LOCATION = "westeurope"


def reference(version: str) -> str:
    """The demo's image at a version."""
    return f"{PUBLISHER}:{OFFER}:{SKU}:{version}"


CONFIGURE = "date -u > ../../configured-by-extension"


def documents(
    instances: int,
    name: str = SET,
    image: tuple[str, str, str] = (PUBLISHER, OFFER, SKU),
    configure: str = CONFIGURE,
) -> list[dict[str, Any]]:
    """The load balancer, then the scale set of so many instances in two zones; `image` is publisher, offer and sku.

    `configure` is what the custom script of each instance runs after every swap of its OS disk.
    """
    return [_load_balancer(), _scale_set(instances, name, image, configure)]


def _load_balancer() -> dict[str, Any]:
    probe = {
        "protocol": "Http",
        "port": PORT,
        "requestPath": "/health",
        "intervalInSeconds": 5,
        "numberOfProbes": 1,
    }
    return {
        "type": "Microsoft.Network/loadBalancers",
        "apiVersion": "2024-05-01",
        "id": _BALANCER,
        "name": "demo",
        "location": _LOCATION,
        "properties": {"probes": [{"name": "health", "properties": probe}]},
    }


def _scale_set(instances: int, name: str, image: tuple[str, str, str], configure: str) -> dict[str, Any]:
    extension = {
        "publisher": "Microsoft.Azure.Extensions",
        "type": "CustomScript",
        "typeHandlerVersion": "2.1",
        "autoUpgradeMinorVersion": True,
        "settings": {"commandToExecute": configure},
    }
    reference = dict(zip(("publisher", "offer", "sku"), image, strict=True)) | {"version": FIRST}
    rolling = {
        "maxBatchInstancePercent": 20,
        "maxUnhealthyInstancePercent": 20,
        "maxUnhealthyUpgradedInstancePercent": 20,
        "pauseTimeBetweenBatches": "PT0S",
    }
    return {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "apiVersion": "2024-07-01",
        "id": f"{_GROUP}/Microsoft.Compute/virtualMachineScaleSets/{name}",
        "name": name,
        "location": _LOCATION,
        "zones": ["1", "2"],
        "tags": {"environment": "demo"},
        "sku": {"name": "Standard_B1s", "tier": "Standard", "capacity": instances},
        "properties": {
            "upgradePolicy": {"mode": "Manual", "rollingUpgradePolicy": rolling},
            "virtualMachineProfile": {
                "storageProfile": {"imageReference": reference, "osDisk": {"createOption": "FromImage"}},
                "networkProfile": {"healthProbe": {"id": f"{_BALANCER}/probes/health"}},
                "extensionProfile": {"extensions": [{"name": "configure", "properties": extension}]},
            },
        },
    }
