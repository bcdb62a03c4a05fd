"""Apply ARM documents: all of a file is checked before any of it changes anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.arm.read_scale_set import LoadBalancerDocument, read_document, to_scale_set
from engine.decide.plan_upgrade import resolve_target
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.errors import RefusedError
from engine.model.health import HealthSource
from engine.model.scale_set import ScaleSet
from engine.runtime.confirm import confirm
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.scaling import scale_into


def apply_documents(
    engine: Engine, documents: list[Any], file: str, caller: Caller, confirmed: str | None
) -> dict[str, Any]:
    """Create or change what the documents describe. Raises InputError or RefusedError; then nothing was changed."""
    read = [read_document(document, file) for document in documents]
    balancers = [document for document in read if isinstance(document, LoadBalancerDocument)]
    probes: dict[str, HealthSource] = dict(engine.probes())
    for balancer in balancers:
        probes.update(balancer.probes)
    wanted = [
        to_scale_set(document, probes=probes) for document in read if not isinstance(document, LoadBalancerDocument)
    ]
    turn = engine.turn(caller.user)
    results: list[dict[str, Any]] = []
    for balancer in balancers:
        turn.note(f"load_balancer/{balancer.name.lower()}", e.LoadBalancerApplied(balancer.name, balancer.probes))
        results.append({"name": balancer.name, "action": "applied", "warnings": []})
    for scale_set in wanted:
        before = engine.state.scale_sets.get(scale_set.key)
        merged, action = _merge(engine, before, scale_set)
        if action != "unchanged":
            if before is not None:
                confirm(before, "apply", confirmed)
            turn.on_scale_set(merged.key, e.ScaleSetApplied(merged))
            scale_into(turn, engine, merged, merged.capacity)
        results.append({"name": merged.name, "action": action, "warnings": list(merged.warnings)})
    engine.commit(turn)
    engine.remember_probes(probes)
    return {"results": results}


def _merge(engine: Engine, before: ScaleSet | None, wanted: ScaleSet) -> tuple[ScaleSet, str]:
    if before is None:
        resolve_target(wanted, engine.state.images, None)
        return wanted, "created"
    if before.deleting:
        raise RefusedError(ErrorCode.CONFLICT, f"{before.name} is being deleted.", "Apply again once it is gone.")
    same_model = before.model == wanted.model
    if same_model and before.capacity == wanted.capacity and before.document == wanted.document:
        return before, "unchanged"
    live = engine.state.live_upgrade(before.key)
    if live is not None and not same_model:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"the model of {before.name} cannot change: upgrade {live.id} is {live.state.value}.",
            "Let it end, or cancel it first.",
        )
    if wanted.model.image.family != before.model.image.family:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"publisher and offer of {before.name} cannot change ({before.model.image} to {wanted.model.image}).",
            "Create another scale set for another image.",
        )
    resolve_target(wanted, engine.state.images, None)
    current = same_model
    instances = before.instances
    if not current:
        instances = {key: replace(i, latest_model_applied=False) for key, i in before.instances.items()}
    merged = replace(
        wanted,
        capacity=wanted.capacity,
        instances=instances,
        next_instance=before.next_instance,
        model_version=before.model_version + (0 if current else 1),
        blocked_versions=before.blocked_versions,
        good_version=before.good_version if current else None,
        fleet=before.fleet,
    )
    return merged, "changed"
