"""Apply ARM documents: all of a file is checked before any of it changes anything."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.arm.read_policy import is_policy, read_policy
from engine.arm.read_scale_set import LoadBalancerDocument, ScaleSetDocument, probe_of, read_document, to_scale_set
from engine.arm.write_scale_set import scale_set_resource
from engine.decide.plan_upgrade import resolve_target
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.errors import InputError, NotFoundError, RefusedError
from engine.model.health import HealthSource
from engine.model.policy_document import PolicyDocument, fit
from engine.model.safe_text import printable
from engine.model.scale_set import ScaleSet
from engine.runtime.confirm import confirm_all
from engine.runtime.decided import Decided
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.image_warnings import image_warnings
from engine.runtime.scaling import scale_into
from engine.runtime.turn import Turn

Document = ScaleSetDocument | LoadBalancerDocument | PolicyDocument


def apply_documents(
    engine: Engine, documents: list[Any], files: Sequence[str], caller: Caller, confirmed: str | None
) -> Decided:
    """Create or change what the documents describe; `files` names where each came from.

    Raises InputError or RefusedError; then nothing is changed.
    """
    read = _read(documents, files)
    probes: dict[str, HealthSource] = dict(engine.probes)
    for document in read:
        if isinstance(document, LoadBalancerDocument):
            probes.update(document.probes)
    wanted = [to_scale_set(document, probes=probes) for document in read if isinstance(document, ScaleSetDocument)]
    merging = [(*_merge(engine, engine.state.scale_sets.get(s.key), s), s.key) for s in wanted]
    changing = [engine.state.scale_sets[key] for _, action, key in merging if action == "changed"]
    probed = _probed_otherwise(engine, probes, {s.key for s in wanted})
    ruled = [s for d in read if isinstance(d, PolicyDocument) for s in _ruled_otherwise(engine, d.name, d)]
    needed = {s.key: s for s in (*changing, *probed, *ruled)}
    confirm_all(list(needed.values()), "apply", confirmed)
    turn = engine.turn(caller.user)
    results: list[dict[str, Any]] = []
    for document in read:
        if isinstance(document, LoadBalancerDocument):
            turn.note(f"load_balancer/{document.name.lower()}", e.LoadBalancerApplied(document.name, document.probes))
            results.append({"name": document.name, "action": "applied", "warnings": []})
        elif isinstance(document, PolicyDocument):
            results.append(_policy(engine, turn, document, wanted))
    for scale_set in probed:
        turn.on_scale_set(scale_set.key, e.ScaleSetApplied(scale_set))
        words = "it is probed otherwise from now on"
        results.append({"name": scale_set.name, "action": "changed", "warnings": [words]})
    for known, action, _ in merging:
        merged = replace(known, created_clock=turn.now.clock) if action == "created" else known
        if action != "unchanged":
            turn.on_scale_set(merged.key, e.ScaleSetApplied(merged))
            scale_into(turn, engine, merged, merged.capacity)
        warnings = [*merged.warnings, *image_warnings(merged, engine.state.last_upgrade(merged.key))]
        results.append({"name": merged.name, "action": action, "warnings": warnings})

    def answer() -> dict[str, Any]:
        engine.probes = probes
        return {"results": results}

    return Decided(turn, answer)


def _probed_otherwise(engine: Engine, probes: Mapping[str, HealthSource], besides: Container[str]) -> list[ScaleSet]:
    """Sets whose load balancer probes them otherwise now. Their model is what it was: no instance needs an upgrade.

    Raises RefusedError while an upgrade of one of them is live, which judges by the probe it began with.
    """
    before = engine.probes
    changed = {name: probe for name, probe in probes.items() if before.get(name, probe) != probe}
    found = []
    for scale_set in engine.state.scale_sets.values() if changed else ():
        probe = changed.get(probe_of(scale_set) or "")
        if probe is None or scale_set.key in besides or scale_set.deleting:
            continue
        live = engine.state.live_upgrade(scale_set.key)
        if live is not None:
            raise RefusedError(
                ErrorCode.OPERATION_NOT_ALLOWED,
                f"the health probe of {scale_set.name} cannot change: upgrade {live.id} is {live.state.value}.",
                "Let it end, or cancel it first.",
            )
        found.append(replace(scale_set, model=replace(scale_set.model, health=probe)))
    return found


def _read(documents: list[Any], files: Sequence[str]) -> list[Document]:
    """Every document, checked; two that describe the same thing are refused."""
    read: list[Document] = []
    seen: dict[tuple[str, str], str] = {}
    for index, (document, file) in enumerate(zip(documents, files, strict=True)):
        where = f"{file}[{index - files.index(file)}]" if files.count(file) > 1 else file
        found = read_policy(document, where) if is_policy(document) else read_document(document, where)
        read.append(found)
        same = (type(found).__name__, str(_identity(found, document)))
        if same in seen:
            raise InputError(
                ErrorCode.INVALID_PARAMETER,
                f"{printable(where)}: {printable(same[1])} is in {printable(seen[same])} already.",
                "Keep one of the two.",
            )
        seen[same] = where
    return read


def _identity(found: Document, document: Any) -> str:
    if isinstance(found, PolicyDocument):
        return f"policy {found.name.lower()}"
    return str(document.get("id") or document.get("name")).lower()


def _ruled_otherwise(engine: Engine, name: str, wanted: PolicyDocument | None) -> list[ScaleSet]:
    """Sets for which other rules hold once the policy of this name is as wanted (None: gone)."""
    before = engine.state.policies.get(name.lower())
    if before is not None and wanted is not None and replace(wanted, version=before.version) == before:
        return []
    patterns = [p for policy in (before, wanted) if policy is not None for p in policy.scale_sets]
    return [s for s in engine.state.scale_sets.values() if any(fit(p, s.name, s.key) for p in patterns)]


def _policy(engine: Engine, turn: Turn, wanted: PolicyDocument, coming: list[ScaleSet]) -> dict[str, Any]:
    before = engine.state.policies.get(wanted.name.lower())
    sets = {**engine.state.scale_sets, **{s.key: s for s in coming}}.values()
    unused = [p for p in wanted.scale_sets if not any(fit(p, s.name, s.key) for s in sets)]
    warnings = [f"{pattern} fits no scale set yet" for pattern in unused]
    after = replace(wanted, version=before.version + 1 if before is not None else 1)
    if before is not None and replace(before, version=after.version) == after:
        return {"name": before.words, "action": "unchanged", "warnings": warnings}
    turn.on_policy(after.name, e.PolicyApplied(after))
    return {"name": after.words, "action": "created" if before is None else "changed", "warnings": warnings}


def delete_policy(engine: Engine, name: str, caller: Caller, confirmed: str | None) -> Decided:
    """Take a policy away; live upgrades keep what they copied. Raises NotFoundError, RefusedError."""
    policy = engine.state.policies.get(name.lower())
    if policy is None:
        known = ", ".join(sorted(p.name for p in engine.state.policies.values())) or "none yet"
        raise NotFoundError(
            ErrorCode.NOT_FOUND, f"no policy is called {name!r}; there are: {known}.", "See rollset policy list."
        )
    confirm_all(_ruled_otherwise(engine, name, None), "policy delete", confirmed)
    turn = engine.turn(caller.user)
    turn.on_policy(policy.name, e.PolicyDeleted(policy.name))
    said = f"{policy.words} is deleted; upgrades that run keep its values"
    return Decided(turn, lambda: {"message": said})


def _other_fleet(before: ScaleSet, wanted: ScaleSet) -> list[str]:
    if wanted.fleet == before.fleet:
        return []
    return [
        f"tag rollset-fleet: a scale set cannot move to another fleet, its instances stay on {before.fleet}; "
        f"for {wanted.fleet} delete the set and apply again"
    ]


def _merge(engine: Engine, before: ScaleSet | None, wanted: ScaleSet) -> tuple[ScaleSet, str]:
    if before is None:
        resolve_target(wanted, engine.state.images, None)
        return wanted, "created"
    if before.deleting:
        raise RefusedError(ErrorCode.CONFLICT, f"{before.name} is being deleted.", "Apply again once it is gone.")
    same_model = before.model == wanted.model
    if same_model and scale_set_resource(before) == scale_set_resource(wanted):
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
        warnings=(*wanted.warnings, *_other_fleet(before, wanted)),
        capacity=wanted.capacity,
        instances=instances,
        next_instance=before.next_instance,
        model_version=before.model_version + (0 if current else 1),
        blocked_versions=before.blocked_versions,
        good_version=before.good_version if wanted.model.image == before.model.image else None,
        fleet=before.fleet,
        created_clock=before.created_clock,
    )
    return merged, "changed"
