"""Whether two plans would do the same, and in words what is different."""

from __future__ import annotations

import hashlib

from engine.model.errors import RefusedError
from engine.model.plan import Plan, PlannedInstance


def plan_hash(plan: Plan) -> str:
    """Names fleet, target and settings: two plans with one hash would do the same."""
    parts = [plan.scale_set, plan.target_digest, plan.target, str(plan.model_version)]
    parts += [f"{i.instance_id}|{i.image}|{i.zone}|{i.update_domain}|{i.left_out}" for i in plan.instances]
    parts += [f"{i.instance_id} {i.disk}" for i in plan.instances if i.disk]
    parts += [f"{s.name}={s.value}" for s in plan.settings]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def plan_differences(saved: Plan, fresh: Plan) -> list[str]:
    """In words, what has drifted between a saved plan and one made now."""
    found: list[str] = []
    for name in ("scale_set", "target", "target_digest", "model_version"):
        before, after = getattr(saved, name), getattr(fresh, name)
        if before != after:
            found.append(f"{name} was {before}, is {after}")
    old = {i.instance_id: i for i in saved.instances}
    new = {i.instance_id: i for i in fresh.instances}
    found += [f"instance {name} has left" for name in old if name not in new]
    found += [f"instance {name} is new" for name in new if name not in old]
    for name, was in old.items():
        now = new.get(name)
        if now is None or now == was:
            continue
        if (now.image, now.left_out) != (was.image, was.left_out):
            found.append(
                f"instance {name} was {was.image} {was.left_out}".rstrip() + f", is {now.image} {now.left_out}".rstrip()
            )
        else:
            found.append(f"instance {name} was in {_place(was)}, is in {_place(now)}")
    return found + setting_differences(saved, fresh)


def setting_differences(saved: Plan, fresh: Plan) -> list[str]:
    """In words, which settings are others."""
    values = {s.name: s.value for s in fresh.settings}
    return [f"{s.name} was {s.value}, is {values.get(s.name)}" for s in saved.settings if values.get(s.name) != s.value]


def _place(instance: PlannedInstance) -> str:
    return f"zone {instance.zone or 'none'}, update domain {instance.update_domain}"


def refuse_if_drifted(saved: Plan, fresh: Plan) -> None:
    """Raise RefusedError with the differences unless both plans would do the same."""
    if saved.hash == fresh.hash:
        return
    differences = plan_differences(saved, fresh) or ["the plan file was changed by hand"]
    if differences == setting_differences(saved, fresh):
        raise RefusedError(
            "PlanDrifted",
            f"the settings are not those of the plan: {'; '.join(differences)}.",
            f"Give no option beside --plan that changes them, or make a fresh plan: rollset plan {fresh.scale_set}",
        )
    raise RefusedError(
        "PlanDrifted",
        f"the fleet is not as it was when the plan was made: {'; '.join(differences)}.",
        "Look at a fresh plan: rollset plan " + fresh.scale_set,
    )
