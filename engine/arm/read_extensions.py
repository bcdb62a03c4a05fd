"""Read the extension profile: custom scripts and others in a valid order, the health extension apart."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from urllib.parse import SplitResult, urlsplit

from engine.arm.fields import Fields
from engine.arm.iso8601 import parse_duration_s
from engine.arm.known_names import REQUEST_PATH, check_names, is_request_path, wrong
from engine.model.errors import InputError
from engine.model.health import HealthSource, HealthSourceKind
from engine.model.safe_text import printable
from engine.model.scale_set import Extension

HEALTH_TYPES = {"applicationhealthlinux", "applicationhealthwindows"}
HEALTH_PUBLISHER = "microsoft.managedservices"
HEALTH_SETTINGS = dict.fromkeys(
    ("protocol", "port", "requestPath", "intervalInSeconds", "numberOfProbes", "gracePeriod")
)
LONGEST_GRACE_S = 14_400
SHORTEST_BUDGET_S, LONGEST_BUDGET_S, DEFAULT_BUDGET_S = 900.0, 7_200.0, 5_400.0
_HANDLER_VERSION = re.compile(r"[12](\.[0-9]{1,9}){0,3}")


def read_extensions(profile: Fields, file: str) -> tuple[tuple[Extension, ...], HealthSource | None, list[str]]:
    """Extensions in the order in which they run, the health extension's source if any, and warnings."""
    found: list[Extension] = []
    health: HealthSource | None = None
    health_name = ""
    warnings: list[str] = []
    for item in profile.items("extensions"):
        properties = item.below("properties")
        extension = _extension(item.text("name"), properties, file)
        if any(x.name.lower() == extension.name.lower() for x in found):
            raise wrong(file, item.at("name"), extension.name, "a name that no other extension of the model has")
        found.append(extension)
        if extension.type.lower() in HEALTH_TYPES:
            if health is not None:
                raise wrong(file, item.at("name"), extension.name, "the only health extension")
            health, health_name = _health(extension, properties, file), extension.name
        elif extension.is_custom_script:
            _check_script(properties, file)
        else:
            warnings.append(f"extension {extension.name} of type {extension.type} is kept, but only custom scripts run")
    ordered = _ordered(found, profile, file)
    run = tuple(
        replace(x, provision_after=tuple(before for before in x.provision_after if before != health_name))
        for x in ordered
        if x.name != health_name
    )
    return run, health, warnings


def read_time_budget_s(profile: Fields, file: str) -> float:
    """`extensionsTimeBudget` in seconds; Azure's default is 90 minutes."""
    budget = profile.raw("extensionsTimeBudget")
    if budget is None:
        return DEFAULT_BUDGET_S
    where = profile.at("extensionsTimeBudget")
    seconds = parse_duration_s(budget, f"{printable(file)}: {where}")
    if not SHORTEST_BUDGET_S <= seconds <= LONGEST_BUDGET_S:
        raise wrong(file, where, budget, "from PT15M to PT2H")
    return seconds


def _extension(name: str, properties: Fields, file: str) -> Extension:
    for switch in ("autoUpgradeMinorVersion", "enableAutomaticUpgrade", "suppressFailures"):
        properties.truth(switch)
    for secret in ("protectedSettings", "protectedSettingsFromKeyVault"):
        if properties.raw(secret):
            what = f"{printable(file)}: {properties.at(secret)} is given, but secrets cannot be kept yet."
            raise InputError("InvalidParameter", what, "Take it out; let the script read its secret on the instance.")
    properties.below("settings")
    return Extension(
        name=name,
        publisher=properties.text("publisher"),
        type=properties.text("type"),
        type_handler_version=properties.optional_text("typeHandlerVersion") or "",
        settings_json=json.dumps(properties.raw("settings") or {}, sort_keys=True),
        provision_after=properties.texts("provisionAfterExtensions"),
        force_update_tag=properties.optional_text("forceUpdateTag"),
    )


def _check_script(properties: Fields, file: str) -> None:
    settings = properties.below("settings")
    command = settings.raw("commandToExecute")
    if not isinstance(command, str) or not command.strip() or "\0" in command or len(command) > 65_536:
        raise wrong(file, settings.at("commandToExecute"), command, "a command")
    for uri in settings.texts("fileUris"):
        if not _is_uri(uri):
            raise wrong(file, settings.at("fileUris"), uri, "a URI; write a blank as %20")


def _is_uri(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return bool(text) and not any(c.isspace() or not c.isprintable() for c in text)


def check_file_uris(extensions: tuple[Extension, ...], file: str) -> list[str]:
    """Warnings about files that are fetched only when a script runs.

    Raises InputError for one that no local instance could ever get.
    """
    warnings = []
    for extension in extensions:
        uris = json.loads(extension.settings_json).get("fileUris") or () if extension.is_custom_script else ()
        for uri in uris:
            parts = urlsplit(uri)
            web = parts.scheme in ("http", "https") and bool(parts.netloc) and not parts.path.endswith("/")
            here = parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/")
            if not (web and parts.path) and not here:
                want = "http://, https:// or, for a file on the engine's machine, file:/PATH"
                raise wrong(file, f"extension {extension.name}: fileUris", uri, want)
            if web and not _has_port(parts):
                raise wrong(
                    file, f"extension {extension.name}: fileUris", uri, "an address with a port from 1 to 65535"
                )
            if web:
                shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
                words = f"extension {extension.name}: {printable(shown)} is fetched each time the script runs, after "
                warnings.append(words + "the disk was replaced; `plan` and `start` ask before whether it answers")
    return warnings


def _has_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


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


def _health(extension: Extension, properties: Fields, file: str) -> HealthSource:
    if extension.publisher.lower() != HEALTH_PUBLISHER:
        raise wrong(file, properties.at("publisher"), extension.publisher, "Microsoft.ManagedServices")
    version = extension.type_handler_version or "1.0"
    if not _HANDLER_VERSION.fullmatch(version):
        raise wrong(file, properties.at("typeHandlerVersion"), version, "1.0 (binary states) or 2.0 (rich states)")
    rich = version.startswith("2")
    settings = properties.below("settings")
    check_names(properties.raw("settings") or {}, HEALTH_SETTINGS, file, properties.at("settings"))
    protocol = settings.one_of("protocol", ("http", "https", "tcp"))
    path = settings.optional_text("requestPath")
    if protocol == "tcp" and path is not None:
        raise wrong(file, settings.at("requestPath"), path, "left out for tcp")
    if protocol != "tcp" and (path is None or not is_request_path(path)):
        raise wrong(file, settings.at("requestPath"), path, REQUEST_PATH)
    defaults = {"http": 80, "https": 443}
    interval = settings.whole("intervalInSeconds", 5, 60, 5)
    probes = settings.whole("numberOfProbes", 1, 24, 1)
    grace = settings.whole("gracePeriod", 5, LONGEST_GRACE_S, interval * probes)
    return HealthSource(
        kind=HealthSourceKind.APPLICATION_HEALTH_RICH if rich else HealthSourceKind.APPLICATION_HEALTH_BINARY,
        protocol=protocol,
        port=settings.whole("port", 1, 65_535, defaults.get(protocol)),
        path="/" + path.lstrip("/") if path else "",
        interval_s=float(interval),
        number_of_probes=probes,
        grace_period_s=float(grace) if rich else 0.0,
    )
