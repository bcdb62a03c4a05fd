"""Scale sets as Azure writes them, of one image, with what a test asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEALTH_SETTINGS = {"protocol": "http", "port": 8080, "requestPath": "/health"}


def scale_set(
    name: str,
    capacity: int,
    *extensions: Mapping[str, Any],
    sku: str = "Simulated",
    version: str = "1.0.0",
    mode: str = "Rolling",
    policy: Mapping[str, Any] | None = None,
    zones: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A set in westeurope on `contoso:web:stable`; what is not given is left out."""
    image = {"publisher": "contoso", "offer": "web", "sku": "stable", "version": version}
    profile: dict[str, Any] = {"storageProfile": {"imageReference": image}}
    if extensions:
        profile["extensionProfile"] = {"extensions": list(extensions)}
    upgrade = {"mode": mode} | ({"rollingUpgradePolicy": policy} if policy is not None else {})
    return {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": name,
        "location": "westeurope",
        "sku": {"name": sku, "capacity": capacity},
        **({"zones": list(zones)} if zones else {}),
        **({"tags": dict(tags)} if tags else {}),
        "properties": {"upgradePolicy": upgrade, "virtualMachineProfile": profile},
    }


def simulated(**tags: object) -> dict[str, str]:
    """Tags of a simulated fleet: `member_seconds=1` is `rollset-simulated-member-seconds`."""
    own = {f"rollset-simulated-{name.replace('_', '-')}": str(value) for name, value in tags.items()}
    return {"rollset-fleet": "simulated"} | own


def health() -> dict[str, Any]:
    """The application health extension, asking for /health."""
    return extension("health", "Microsoft.ManagedServices", "ApplicationHealthLinux", HEALTH_SETTINGS)


def script(command: str = "true", name: str = "setup") -> dict[str, Any]:
    """A Custom Script extension."""
    return extension(name, "Microsoft.Azure.Extensions", "CustomScript", {"commandToExecute": command})


def extension(name: str, publisher: str, kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """An extension of a scale set's model."""
    properties = {"publisher": publisher, "type": kind, "typeHandlerVersion": "2.0", "settings": dict(settings)}
    return {"name": name, "properties": properties}
