"""Read the extension profile: custom scripts and others in a valid order, the health extension apart."""

from __future__ import annotations

import json

from engine.arm.fields import Fields
from engine.arm.known_names import wrong
from engine.model.health import HealthSource, HealthSourceKind
from engine.model.scale_set import Extension

HEALTH_TYPES = {"applicationhealthlinux", "applicationhealthwindows"}
LONGEST_GRACE_S = 14_400


def read_extensions(profile: Fields, file: str) -> tuple[tuple[Extension, ...], HealthSource | None, list[str]]:
    """Extensions in the order in which they run, the health extension's source if any, and warnings."""
    found: list[Extension] = []
    health: HealthSource | None = None
    warnings: list[str] = []
    for item in profile.items("extensions"):
        properties = item.below("properties")
        name = item.text("name")
        if any(x.name == name for x in found):
            raise wrong(file, item.at("name"), name, "a name that no other extension of the model has")
        if properties.text("type").lower() in HEALTH_TYPES:
            health = _health(properties, file)
            continue
        extension = Extension(
            name=name,
            publisher=properties.text("publisher"),
            type=properties.text("type"),
            type_handler_version=properties.optional_text("typeHandlerVersion") or "",
            settings_json=json.dumps(properties.raw("settings") or {}, sort_keys=True),
            provision_after=properties.texts("provisionAfterExtensions"),
            force_update_tag=properties.optional_text("forceUpdateTag"),
        )
        if properties.raw("protectedSettings"):
            raise wrong(file, properties.at("protectedSettings"), "(hidden)", "left out: secrets are not kept yet")
        if extension.is_custom_script:
            _check_script(properties, file)
        else:
            warnings.append(f"extension {name} of type {extension.type} is kept, but only custom scripts are run")
        found.append(extension)
    return _ordered(found, profile, file), health, warnings


def _check_script(properties: Fields, file: str) -> None:
    settings = properties.below("settings")
    command = settings.raw("commandToExecute")
    if not isinstance(command, str) or not command.strip() or "\0" in command or len(command) > 65_536:
        raise wrong(file, settings.at("commandToExecute"), command, "a command")
    settings.texts("fileUris")


def _ordered(found: list[Extension], profile: Fields, file: str) -> tuple[Extension, ...]:
    path = profile.at("extensions")
    names = {x.name for x in found}
    for extension in found:
        for before in extension.provision_after:
            if before not in names:
                where = f"{path}[{extension.name}].provisionAfterExtensions"
                raise wrong(file, where, before, "a name of another extension of the model")
    ordered: list[Extension] = []
    left = list(found)
    while left:
        done = {x.name for x in ordered}
        ready = next((x for x in left if done.issuperset(x.provision_after)), None)
        if ready is None:
            raise wrong(file, path, [x.name for x in left], "free of cycles in provisionAfterExtensions")
        ordered.append(ready)
        left.remove(ready)
    return tuple(ordered)


def _health(properties: Fields, file: str) -> HealthSource:
    settings = properties.below("settings")
    rich = (properties.optional_text("typeHandlerVersion") or "1.0").startswith("2")
    protocol = settings.one_of("protocol", ("http", "https", "tcp"))
    path = settings.optional_text("requestPath")
    if protocol == "tcp" and path is not None:
        raise wrong(file, settings.at("requestPath"), path, "left out for tcp")
    if protocol != "tcp" and path is None:
        raise wrong(file, settings.at("requestPath"), path, "a path, as /health")
    defaults = {"http": 80, "https": 443}
    interval = settings.whole("intervalInSeconds", 5, 60, 5)
    probes = settings.whole("numberOfProbes", 1, 24, 1)
    return HealthSource(
        kind=HealthSourceKind.APPLICATION_HEALTH_RICH if rich else HealthSourceKind.APPLICATION_HEALTH_BINARY,
        protocol=protocol,
        port=settings.whole("port", 1, 65_535, defaults.get(protocol)),
        path="/" + path.lstrip("/") if path else "",
        interval_s=float(interval),
        number_of_probes=probes,
        grace_period_s=float(settings.whole("gracePeriod", 5, LONGEST_GRACE_S, interval * probes)) if rich else 0.0,
    )
