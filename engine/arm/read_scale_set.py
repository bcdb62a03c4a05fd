"""Read scale sets and load balancers as Azure writes them (ARM resource JSON)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.arm.fields import Fields
from engine.arm.iso8601 import parse_duration_s
from engine.arm.known_names import LOAD_BALANCER, SCALE_SET, check_names, wrong
from engine.arm.read_extensions import read_extensions
from engine.model.errors import InputError
from engine.model.health import HealthSource, HealthSourceKind
from engine.model.image import ImageReference, check_version
from engine.model.policy import RollingUpgradePolicy, check_policy
from engine.model.scale_set import OrchestrationMode, ScaleSet, ScaleSetModel, UpgradeMode

SCALE_SET_TYPE = "microsoft.compute/virtualmachinescalesets"
LOAD_BALANCER_TYPE = "microsoft.network/loadbalancers"
DEFAULT_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rollset"
BOTH_SOURCES = (
    "both a health probe and a health extension were provided; remove the health probe or the health extension"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
MOST_CAPACITY = 1000


@dataclass(frozen=True, slots=True)
class ScaleSetDocument:
    """A checked scale set resource and the file it came from."""

    body: Mapping[str, Any]
    file: str


@dataclass(frozen=True, slots=True)
class LoadBalancerDocument:
    """A load balancer's probes by lower-cased resource id."""

    name: str
    probes: Mapping[str, HealthSource]


def read_document(document: object, file: str) -> ScaleSetDocument | LoadBalancerDocument:
    """Read one resource. Raises InputError that names the file, the field, the value and the way out."""
    if not isinstance(document, dict):
        raise wrong(file, "the document", document, "a JSON object")
    kind = document.get("type")
    lowered = kind.lower() if isinstance(kind, str) else ""
    if lowered == SCALE_SET_TYPE:
        check_names(document, SCALE_SET, file)
        return ScaleSetDocument(document, file)
    if lowered == LOAD_BALANCER_TYPE:
        check_names(document, LOAD_BALANCER, file)
        return _read_balancer(document, file)
    names = "Microsoft.Compute/virtualMachineScaleSets or Microsoft.Network/loadBalancers"
    raise wrong(file, "type", kind, names)


def _resource_id(fields: Fields, name: str, kind: str) -> str:
    given = fields.optional_text("id")
    if given is None:
        return f"{DEFAULT_GROUP}/providers/{kind}/{name}"
    if not given.startswith("/") or not given.isprintable() or len(given) > 512:
        raise wrong(fields.file, "id", given, "a resource id that begins with /subscriptions/")
    return given


def _name(fields: Fields) -> str:
    name = fields.text("name")
    if not _NAME.fullmatch(name):
        raise wrong(fields.file, "name", name, "1 to 63 letters, digits, dots, dashes or underscores")
    return name


def _read_balancer(document: dict[str, Any], file: str) -> LoadBalancerDocument:
    fields = Fields(document, file)
    name = _name(fields)
    own = _resource_id(fields, name, "Microsoft.Network/loadBalancers")
    probes: dict[str, HealthSource] = {}
    for probe in fields.below("properties").items("probes"):
        values = probe.below("properties")
        protocol = values.one_of("protocol", ("Http", "Https", "Tcp")).lower()
        path = values.optional_text("requestPath")
        if protocol == "tcp" and path is not None:
            raise wrong(file, values.at("requestPath"), path, "left out for a Tcp probe")
        if protocol != "tcp" and (path is None or not path.startswith("/")):
            raise wrong(file, values.at("requestPath"), path, "a path that begins with /")
        interval = values.whole("intervalInSeconds", 5, 2_147_483, 15)
        count = values.whole("numberOfProbes", 1, 100, 0) or values.whole("probeThreshold", 1, 100, 1)
        port = values.whole("port", 1, 65_535, None)
        kind = HealthSourceKind.LOAD_BALANCER_PROBE
        source = HealthSource(kind, protocol, port, path or "", float(interval), count, 0.0)
        probes[f"{own}/probes/{probe.text('name')}".lower()] = source
    return LoadBalancerDocument(name, probes)


def to_scale_set(document: ScaleSetDocument, *, probes: Mapping[str, HealthSource]) -> ScaleSet:
    """The scale set a document describes, without instances. Raises InputError for any value that cannot be used."""
    fields = Fields(document.body, document.file)
    name = _name(fields)
    resource_id = _resource_id(fields, name, "Microsoft.Compute/virtualMachineScaleSets")
    properties = fields.below("properties")
    sku = fields.below("sku")
    orchestration = OrchestrationMode(properties.one_of("orchestrationMode", ("Uniform", "Flexible"), "Uniform"))
    zones = fields.texts("zones")
    if len(set(zones)) != len(zones) or len(zones) > 8:
        raise wrong(document.file, "zones", list(zones), "different zones, at most 8")
    model, warnings = _model(properties, probes, document.file)
    tags = fields.mapping("tags")
    return ScaleSet(
        key=resource_id.lower(),
        resource_id=resource_id,
        name=name,
        location=fields.text("location"),
        sku=sku.optional_text("name") or "",
        capacity=sku.whole("capacity", 0, MOST_CAPACITY, None),
        model=model,
        zones=zones,
        fault_domains=properties.whole("platformFaultDomainCount", 1, 5, 1 if zones else 5),
        orchestration=orchestration,
        fleet="simulated" if tags.get("rollset-fleet") == "simulated" else "local",
        tags=tags,
        document=json.dumps(document.body, sort_keys=True),
        warnings=tuple(warnings),
    )


def _model(properties: Fields, probes: Mapping[str, HealthSource], file: str) -> tuple[ScaleSetModel, list[str]]:
    profile = properties.below("virtualMachineProfile")
    upgrade = properties.below("upgradePolicy")
    automatic = upgrade.below("automaticOSUpgradePolicy")
    extensions, health_extension, warnings = read_extensions(profile.below("extensionProfile"), file)
    probe = _probe(profile, probes, file)
    problems: list[str] = []
    if probe is not None and health_extension is not None:
        problems.append(BOTH_SOURCES)
    health = probe or health_extension
    if health is not None and health.grace_period_s > 300:
        warnings.append(f"gracePeriod is {health.grace_period_s:g} s, longer than the health window of 300 s")
    mode = UpgradeMode(upgrade.one_of("mode", ("Automatic", "Manual", "Rolling"), "Manual"))
    if mode is UpgradeMode.ROLLING and health is None:
        raise InputError(
            "BadRequest",
            f"{file}: Rolling Upgrade mode is not supported for this Virtual Machine Scale Set because a health "
            "probe or health extension was not provided.",
            "Give networkProfile.healthProbe or the application health extension.",
        )
    disks = profile.below("storageProfile").raw("dataDisks")
    model = ScaleSetModel(
        image=_image(profile.below("storageProfile").below("imageReference"), file),
        health=health,
        extensions=extensions,
        policy=_policy(upgrade.below("rollingUpgradePolicy"), file),
        mode=mode,
        disable_automatic_rollback=automatic.truth("disableAutomaticRollback"),
        data_disks=len(disks) if isinstance(disks, list) else 0,
        port=health.port if health is not None and health.port else 8080,
        problems=tuple(problems),
    )
    return model, warnings


def _image(fields: Fields, file: str) -> ImageReference:
    if fields.raw("id") is not None:
        raise wrong(file, fields.at("id"), fields.raw("id"), "left out: name publisher, offer, sku and version")
    version = fields.optional_text("version") or "latest"
    check_version(version, f"{file}: {fields.at('version')}")
    return ImageReference(fields.text("publisher"), fields.text("offer"), fields.text("sku"), version)


def _probe(profile: Fields, probes: Mapping[str, HealthSource], file: str) -> HealthSource | None:
    reference = profile.below("networkProfile").below("healthProbe").optional_text("id")
    if reference is None:
        return None
    found = probes.get(reference.lower())
    if found is None:
        known = ", ".join(sorted(probes)) or "none; apply the load balancer first, or in the same file"
        path = "properties.virtualMachineProfile.networkProfile.healthProbe.id"
        raise InputError("InvalidParameter", f"{file}: {path} {reference!r} is not a known probe.", f"Known: {known}.")
    return found


def _policy(fields: Fields, file: str) -> RollingUpgradePolicy:
    pause = fields.raw("pauseTimeBetweenBatches")
    policy = RollingUpgradePolicy(
        max_batch_instance_percent=fields.whole("maxBatchInstancePercent", 5, 100, 20),
        max_unhealthy_instance_percent=fields.whole("maxUnhealthyInstancePercent", 5, 100, 20),
        max_unhealthy_upgraded_instance_percent=fields.whole("maxUnhealthyUpgradedInstancePercent", 0, 100, 20),
        pause_between_batches_s=0.0
        if pause is None
        else parse_duration_s(pause, f"{file}: {fields.at('pauseTimeBetweenBatches')}"),
        enable_cross_zone_upgrade=fields.truth("enableCrossZoneUpgrade"),
        prioritize_unhealthy_instances=fields.truth("prioritizeUnhealthyInstances"),
        rollback_failed_instances_on_policy_breach=fields.truth("rollbackFailedInstancesOnPolicyBreach"),
        max_surge=fields.truth("maxSurge"),
    )
    check_policy(policy)
    return policy
