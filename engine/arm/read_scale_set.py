"""Read scale sets and load balancers as Azure writes them (ARM resource JSON)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.arm.fields import Fields
from engine.arm.known_names import LOAD_BALANCER, REQUEST_PATH, SCALE_SET, check_names, is_request_path, wrong
from engine.arm.read_extensions import check_file_uris, read_extensions, read_time_budget_s
from engine.arm.read_file import check_bounds
from engine.arm.read_rolling_policy import read_rolling_policy, stated_settings
from engine.model import error_texts
from engine.model.errors import InputError
from engine.model.health import HealthSource, HealthSourceKind
from engine.model.image import ImageReference, parse_reference
from engine.model.safe_text import printable
from engine.model.scale_set import OrchestrationMode, ScaleSet, ScaleSetModel, UpgradeMode
from engine.model.simulated import read_behaviour

SCALE_SET_TYPE = "microsoft.compute/virtualmachinescalesets"
LOAD_BALANCER_TYPE = "microsoft.network/loadbalancers"
DEFAULT_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rollset"
PORT_TAG = "rollset-port"
FLEET_TAG = "rollset-fleet"
NOT_BY_ITSELF = (
    "enableAutomaticOSUpgrade starts no upgrade by itself here: after publishing an image run `rollset start` (a timer "
    "may do that; with nothing to upgrade it ends at once)"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_RESOURCE_ID = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/(.+)", re.IGNORECASE)
READ_ONLY = ("etag", "provisioningState", "uniqueId", "timeCreated")
SECRETS = ("adminPassword", "customData")
MOST_CAPACITY = 1000
HEALTH_WINDOW_S = 300.0
SLOWEST_PROBE_S = 120.0
# Azure: manage fault domains page; (orchestration, zonal) to the counts allowed, the default first.
FAULT_DOMAINS = {
    (OrchestrationMode.UNIFORM, False): (5, 1, 2, 3),
    (OrchestrationMode.UNIFORM, True): (1, 5),
    (OrchestrationMode.FLEXIBLE, False): (1, 2, 3),
    (OrchestrationMode.FLEXIBLE, True): (1,),
}


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
    check_bounds(document, file)
    kind = document.get("type")
    lowered = kind.lower() if isinstance(kind, str) else ""
    if lowered == SCALE_SET_TYPE:
        check_names(document, SCALE_SET, file)
        return ScaleSetDocument(document, file)
    if lowered == LOAD_BALANCER_TYPE:
        check_names(document, LOAD_BALANCER, file)
        return _read_balancer(document, file)
    names = "Microsoft.Compute/virtualMachineScaleSets or Microsoft.Network/loadBalancers"
    way_out = "Take other resources out and apply again; a policy has no type, but kind rollset.policy/v1."
    raise wrong(file, "type", kind, names, way_out)


def _resource_id(fields: Fields, name: str, kind: str) -> str:
    given = fields.optional_text("id")
    if given is None:
        return f"{DEFAULT_GROUP}/providers/{kind}/{name}"
    found = _RESOURCE_ID.fullmatch(given)
    if found is None or found[1].lower() != f"{kind}/{name}".lower() or len(given) > 512:
        want = f"/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/{kind}/{name}"
        raise wrong(fields.file, "id", given, want)
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
        if protocol != "tcp" and (path is None or not is_request_path(path)):
            raise wrong(file, values.at("requestPath"), path, REQUEST_PATH)
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
    tags = fields.mapping("tags")
    model, warnings = _model(properties, probes, _port_of(tags, document.file))
    if orchestration is OrchestrationMode.FLEXIBLE and _is_probe(model.health):
        problem = "A Flexible scale set takes its health from the health extension; remove the health probe."
        model = replace(model, problems=(*model.problems, problem))
        warnings = [*warnings, problem]
    fleet = _fleet(tags, document.file)
    if fleet == "local":
        warnings = [*warnings, *check_file_uris(model.extensions, document.file)]
    return ScaleSet(
        key=resource_id.lower(),
        resource_id=resource_id,
        name=name,
        location=fields.text("location"),
        sku=sku.optional_text("name") or "",
        capacity=sku.whole("capacity", 0, MOST_CAPACITY, None),
        model=model,
        zones=zones,
        fault_domains=_fault_domains(properties, orchestration, zonal=bool(zones)),
        orchestration=orchestration,
        fleet=fleet,
        tags=tags,
        document=_kept(document.body),
        warnings=tuple(warnings),
    )


def probe_of(scale_set: ScaleSet) -> str | None:
    """The lower-cased id of the load balancer's probe that the set's document points to."""
    found: Any = json.loads(scale_set.document or "{}")
    for name in ("properties", "virtualMachineProfile", "networkProfile", "healthProbe", "id"):
        found = found.get(name) if isinstance(found, dict) else None
    return found.lower() if isinstance(found, str) else None


def _is_probe(health: HealthSource | None) -> bool:
    return health is not None and health.kind is HealthSourceKind.LOAD_BALANCER_PROBE


def _fleet(tags: Mapping[str, str], file: str) -> str:
    """What the instances are: local processes, or simulated (docs/simulated-fleets.md)."""
    fleet = tags.get(FLEET_TAG, "local")
    if fleet not in ("local", "simulated"):
        raise wrong(file, f"tags.{FLEET_TAG}", fleet, "local or simulated")
    try:
        read_behaviour(tags if fleet == "simulated" else {})
    except InputError as error:
        raise InputError(error.code, f"{printable(file)}: tags: {error.message}", error.next_step) from None
    return fleet


def _port_of(tags: Mapping[str, str], file: str) -> int | None:
    text = tags.get(PORT_TAG)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65_535:
        raise wrong(file, f"tags.{PORT_TAG}", text, "a port from 1 to 65535, as a text")
    return int(text)


def _fault_domains(properties: Fields, orchestration: OrchestrationMode, *, zonal: bool) -> int:
    allowed = FAULT_DOMAINS[orchestration, zonal]
    count = properties.whole("platformFaultDomainCount", 1, 5, allowed[0])
    if count not in allowed:
        counts = ", ".join(str(x) for x in sorted(allowed))
        where = f"a {'zonal' if zonal else 'regional'} {orchestration.value} scale set"
        raise wrong(properties.file, properties.at("platformFaultDomainCount"), count, f"one of {counts} in {where}")
    return count


def _kept(body: Mapping[str, Any]) -> str:
    """The document as JSON text, without secrets (Azure never gives them back) and without what only answers carry."""
    document = json.loads(json.dumps(body))
    for name in READ_ONLY:
        document.pop(name, None)
    properties = document.get("properties") or {}
    for name in READ_ONLY:
        properties.pop(name, None)
    system = (properties.get("virtualMachineProfile") or {}).get("osProfile")
    if isinstance(system, dict):
        for name in SECRETS:
            system.pop(name, None)
    return json.dumps(document, sort_keys=True)


def _model(properties: Fields, probes: Mapping[str, HealthSource], port: int | None) -> tuple[ScaleSetModel, list[str]]:
    file = properties.file
    profile = properties.below("virtualMachineProfile")
    upgrade = properties.below("upgradePolicy")
    automatic = upgrade.below("automaticOSUpgradePolicy")
    extensions, health_extension, warnings = read_extensions(profile.below("extensionProfile"), file)
    probe = _probe(profile, probes, file)
    problems = [error_texts.BOTH_HEALTH_SOURCES] if probe is not None and health_extension is not None else []
    health = probe or health_extension
    mode = UpgradeMode(upgrade.one_of("mode", ("Automatic", "Manual", "Rolling"), "Manual"))
    if mode is UpgradeMode.ROLLING and health is None:
        raise InputError(
            "BadRequest",
            f"{printable(file)}: {error_texts.NO_HEALTH_SOURCE_FOR_ROLLING}",
            "Give networkProfile.healthProbe or the application health extension.",
        )
    storage = profile.below("storageProfile")
    image = _image(storage.below("imageReference"), file)
    warnings += problems + _health_warnings(health, (probe, health_extension))
    if isinstance(system := profile.raw("osProfile"), dict) and system.get("customData"):
        warnings.append("osProfile.customData is neither kept nor handed to instances yet")
    if automatic.truth("enableAutomaticOSUpgrade"):
        warnings.append(NOT_BY_ITSELF)
        warnings += [] if image.is_latest else [error_texts.NOT_LATEST]
        warnings += [] if health is not None else [error_texts.NO_HEALTH_SOURCE]
    disks = storage.raw("dataDisks")
    extension_profile = profile.below("extensionProfile")
    budget_stated = ("extension_budget_s",) if extension_profile.raw("extensionsTimeBudget") is not None else ()
    model = ScaleSetModel(
        image=image,
        health=health,
        extensions=extensions,
        policy=read_rolling_policy(upgrade.below("rollingUpgradePolicy"), file),
        stated=stated_settings(upgrade.below("rollingUpgradePolicy")) + budget_stated,
        mode=mode,
        disable_automatic_rollback=automatic.truth("disableAutomaticRollback"),
        data_disks=len(disks) if isinstance(disks, list) else 0,
        port=port or (health.port if health is not None else 0) or 8080,
        extension_budget_s=read_time_budget_s(extension_profile, file),
        problems=tuple(problems),
    )
    return model, warnings


def _health_warnings(health: HealthSource | None, given: tuple[HealthSource | None, ...]) -> list[str]:
    warnings: list[str] = []
    grace = max((source.grace_period_s for source in given if source is not None), default=0.0)
    if grace > HEALTH_WINDOW_S:
        warnings.append(
            f"gracePeriod is {grace:g} s, longer than the health window of {HEALTH_WINDOW_S:g} s: "
            "an instance that needs all of it fails its upgrade"
        )
    if health is not None and health.interval_s >= SLOWEST_PROBE_S:
        warnings.append(f"the probe asks every {health.interval_s:g} s; Azure wants less than {SLOWEST_PROBE_S:g} s")
    return warnings


def _image(fields: Fields, file: str) -> ImageReference:
    if fields.raw("id") is not None:
        raise wrong(file, fields.at("id"), fields.raw("id"), "left out: name publisher, offer, sku and version")
    parts = [fields.text(name) for name in ("publisher", "offer", "sku")]
    parts.append(fields.optional_text("version") or "latest")
    try:
        return parse_reference(":".join(parts))
    except InputError as error:
        raise InputError(error.code, f"{printable(file)}: {fields.path}: {error.message}", error.next_step) from None


def _probe(profile: Fields, probes: Mapping[str, HealthSource], file: str) -> HealthSource | None:
    reference = profile.below("networkProfile").below("healthProbe").optional_text("id")
    if reference is None:
        return None
    found = probes.get(reference.lower())
    if found is None:
        known = ", ".join(sorted(probes)) or "none; apply the load balancer first, or in the same file"
        path = "properties.virtualMachineProfile.networkProfile.healthProbe.id"
        raise InputError(
            "InvalidParameter", f"{printable(file)}: {path} {reference!r} is not a known probe.", f"Known: {known}."
        )
    return found
