"""A scale set as the ARM resource that describes it now: what was applied, with what changed since."""

from __future__ import annotations

import json
from typing import Any

from engine.model.scale_set import ScaleSet

Json = dict[str, Any]


def scale_set_resource(scale_set: ScaleSet) -> Json:
    """The resource that, applied again, changes nothing. Secrets are not in it: they were never kept.

    Capacity and image are those of now: `scale` and a start on a pinned set change them without a document.
    """
    resource: Json = json.loads(scale_set.document)
    resource |= {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": scale_set.name,
        "id": scale_set.resource_id,
        "location": scale_set.location,
        "sku": (resource.get("sku") or {}) | {"capacity": scale_set.capacity},
    }
    properties = resource.setdefault("properties", {})
    storage = properties.setdefault("virtualMachineProfile", {}).setdefault("storageProfile", {})
    image = scale_set.model.image
    storage["imageReference"] = {
        "publisher": image.publisher,
        "offer": image.offer,
        "sku": image.sku,
        "version": image.version,
    }
    return resource


def scale_set_answer(scale_set: ScaleSet) -> Json:
    """The resource as Azure answers it, with its `provisioningState`."""
    resource = scale_set_resource(scale_set)
    ready = all(instance.provisioned for instance in scale_set.instances.values())
    state = "Deleting" if scale_set.deleting else "Succeeded" if ready else "Updating"
    resource["properties"]["provisioningState"] = state
    return resource
