"""What a command finds where it changes a value; the audit log keeps it beside what the command asked for."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.errors import NotFoundError
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.runtime.arguments import Arguments
from engine.runtime.engine import Engine

UPGRADE_VERBS = frozenset({"pause", "resume", "step", "cancel", "rollback", "retry", "skip", "accept-loss"})
MOST_SETS = 20


def found_before(engine: Engine, verb: str, arguments: Arguments) -> Mapping[str, str]:
    """Names and values as texts; empty for a verb that replaces nothing, or for what does not exist."""
    if verb == "apply":
        return _of_documents(engine, arguments.get("documents"))
    if verb in ("image-exclude", "image-include"):
        image = engine.state.images.get(str(arguments.get("reference")))
        return {"excluded_from_latest": _text(image.excluded_from_latest)} if image is not None else {}
    if verb in ("halt", "lift-halt"):
        return {"halt": engine.state.halt.words[:200] if engine.state.halt is not None else "none"}
    scale_set = _known(engine, arguments.get("set"))
    if scale_set is None:
        return {}
    upgrade = engine.state.last_upgrade(scale_set.key)
    if verb in ("rollback", "retry"):
        upgrade = engine.state.last_that_did(scale_set.key) or upgrade
    if verb in UPGRADE_VERBS:
        return _of_upgrade(upgrade) if upgrade is not None else {}
    return _of_set(scale_set, verb, str(arguments.get("instance")))


def _of_upgrade(upgrade: Upgrade) -> Mapping[str, str]:
    return {"upgrade": upgrade.id, "state": upgrade.state.value, "version": str(upgrade.version)}


def _of_set(scale_set: ScaleSet, verb: str, instance_id: str) -> Mapping[str, str]:
    if verb in ("scale", "delete"):
        return {"capacity": str(scale_set.capacity), "instances": str(len(scale_set.instances))}
    if verb == "start":
        return {"image": str(scale_set.model.image), "model_version": str(scale_set.model_version)}
    instance = scale_set.instances.get(instance_id)
    if instance is None:
        return {}
    if verb in ("hold", "release"):
        hold = instance.hold
        return {"hold": f"{hold.by}: {hold.reason}"[:200] if hold is not None else "none"}
    if verb == "protect":
        return {
            "from_actions": _text(instance.protected_from_actions),
            "from_scale_in": _text(instance.protected_from_scale_in),
        }
    return {}


def _of_documents(engine: Engine, documents: object) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for document in documents if isinstance(documents, list) else []:
        name = document.get("name") if isinstance(document, dict) else None
        scale_set = _known(engine, name)
        if scale_set is not None and len(found) < MOST_SETS:
            version, capacity = scale_set.model_version, scale_set.capacity
            found[scale_set.name] = f"model {version}, image {scale_set.model.image}, capacity {capacity}"
    return found


def _known(engine: Engine, name: object) -> ScaleSet | None:
    try:
        return engine.find_set(name) if isinstance(name, str) else None
    except NotFoundError:
        return None


def _text(value: bool) -> str:
    return "true" if value else "false"
