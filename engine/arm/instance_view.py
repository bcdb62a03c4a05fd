"""Azure's views of a set's instances: the set's instance view, and each virtual machine with its own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.arm.times import format_time
from engine.model.scale_set import Instance, ScaleSet

Json = dict[str, Any]


def _status(code: str, shown: str, *, level: str = "Info", message: str | None = None, at: float | None = None) -> Json:
    return {"code": code, "level": level, "displayStatus": shown, "message": message, "time": format_time(at)}


def _provisioning(instance: Instance) -> str:
    return "succeeded" if instance.provisioned else "creating"


def _power(instance: Instance) -> str:
    return "running" if instance.running else "stopped"


def _health(instance: Instance) -> str:
    name = instance.health.value.lower()
    return "unknown" if name == "notobserved" else name


def _extension_code(exit_code: int | None) -> str:
    if exit_code is None:
        return "failed"
    return "succeeded" if exit_code == 0 else f"failed/{exit_code}"


def set_instance_view(scale_set: ScaleSet) -> Json:
    """The body of the set's instanceView."""
    counted = Counter(f"ProvisioningState/{_provisioning(i)}" for i in scale_set.instances.values())
    extensions: dict[str, Counter[str]] = {}
    for instance in scale_set.instances.values():
        for result in instance.extensions:
            code = "succeeded" if result.exit_code == 0 else "failed"
            extensions.setdefault(result.name, Counter())[f"ProvisioningState/{code}"] += 1
    return {
        "virtualMachine": {"statusesSummary": [{"code": c, "count": n} for c, n in sorted(counted.items())]},
        "extensions": [
            {"name": name, "statusesSummary": [{"code": c, "count": n} for c, n in sorted(codes.items())]}
            for name, codes in sorted(extensions.items())
        ],
        "statuses": [_status("ProvisioningState/succeeded", "Provisioning succeeded")],
        "orchestrationServices": [{"serviceName": "AutomaticRepairs", "serviceState": "NotRunning"}],
    }


def virtual_machine(scale_set: ScaleSet, instance: Instance) -> Json:
    """One item of the set's list of virtual machines, with its instance view."""
    name = f"{scale_set.name}_{instance.instance_id}"
    image = instance.image
    return {
        "name": name,
        "id": f"{scale_set.resource_id}/virtualMachines/{instance.instance_id}",
        "type": "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
        "location": scale_set.location,
        "instanceId": instance.instance_id,
        "sku": {"name": scale_set.sku},
        "zones": [instance.zone] if instance.zone else [],
        "tags": dict(scale_set.tags),
        "properties": {
            "latestModelApplied": instance.latest_model_applied,
            "modelDefinitionApplied": "VirtualMachineScaleSet",
            "provisioningState": _provisioning(instance).capitalize(),
            "timeCreated": format_time(instance.created_at),
            "storageProfile": {
                "imageReference": {
                    "publisher": image.publisher,
                    "offer": image.offer,
                    "sku": image.sku,
                    "version": image.version,
                    "exactVersion": image.version,
                },
                "osDisk": {"name": f"{name}_OsDisk_{instance.disk}", "createOption": "FromImage"},
            },
            "protectionPolicy": {
                "protectFromScaleIn": instance.protected_from_scale_in,
                "protectFromScaleSetActions": instance.protected_from_actions,
            },
            "instanceView": virtual_machine_view(scale_set, instance),
        },
    }


def virtual_machine_view(scale_set: ScaleSet, instance: Instance) -> Json:
    """The instanceView of one virtual machine."""
    health = _health(instance)
    handlers = {extension.name: extension for extension in scale_set.model.extensions}
    detail = instance.health_detail or None
    return {
        "platformUpdateDomain": instance.update_domain,
        "platformFaultDomain": instance.fault_domain,
        "computerName": f"{scale_set.name}{instance.instance_id}",
        "vmHealth": {
            "status": _status(
                f"HealthState/{health}", f"The VM is {health}", message=detail, at=instance.health_since_at
            )
        },
        "extensions": [
            {
                "name": result.name,
                "type": f"{handlers[result.name].publisher}.{handlers[result.name].type}"
                if result.name in handlers
                else None,
                "typeHandlerVersion": handlers[result.name].type_handler_version if result.name in handlers else None,
                "statuses": [
                    _status(
                        f"ProvisioningState/{_extension_code(result.exit_code)}",
                        "Provisioning succeeded" if result.exit_code == 0 else "Provisioning failed",
                        level="Info" if result.exit_code == 0 else "Error",
                        message=(result.stdout + result.stderr)[-4096:] or None,
                        at=result.at,
                    )
                ],
            }
            for result in instance.extensions
        ],
        "statuses": [
            _status(f"ProvisioningState/{_provisioning(instance)}", f"Provisioning {_provisioning(instance)}"),
            _status(f"PowerState/{_power(instance)}", f"VM {_power(instance)}"),
        ],
    }
