"""What one simulated upgrade is made of: everything is drawn from its seed, and can be made smaller by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from engine.decide.plan_upgrade import make_plan
from engine.model.errors import RefusedError
from engine.model.health import Health
from engine.model.image import ImageReference, ImageVersion
from engine.model.plan import Plan, StartRequest
from engine.model.policy import RestoreFailed, RollingUpgradePolicy, RunSettings
from engine.model.scale_set import Extension, Instance, InstanceHold, OrchestrationMode, ScaleSet, ScaleSetModel
from engine.model.upgrade import Member

OLD = ImageReference("contoso", "web", "stable", "1.0.0")
NEW = OLD.with_version("1.1.0")
IMAGES = {str(r): ImageVersion(r, f"sha256:{r.version}", 1000, 0.0) for r in (OLD, NEW)}
EXTENSIONS = tuple(Extension(name, "Contoso", "CustomScript", "2.0") for name in ("setup", "agent"))
MEDIAN_INSTANCES = 12
MOST_INSTANCES = 1000
ONE_IN = 200
"""One seed in so many has the largest fleet."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One simulated upgrade. Shares are 0 to 1 and hold for one step of one instance, or for one step of the world.

    Swarm: each seed enables some kinds of trouble only, since one kind masks another. `commands` bounds what operators
    ask; None is no bound.
    """

    seed: int
    instances: int
    broken_share: float = 0.0
    failed_acts: float = 0.0
    unknown_acts: float = 0.0
    late_answers: float = 0.0
    health_noise: float = 0.0
    fleet_changes: float = 0.0
    operators: float = 0.0
    restarts: float = 0.0
    hard_holds: float = 0.0
    lost_disks: float = 0.0
    commands: int | None = None

    def without(self, *troubles: str) -> Recipe:
        """The same with some kinds of trouble switched off."""
        off: dict[str, Any] = dict.fromkeys(troubles, 0.0)
        return replace(self, **off)

    def smaller(self) -> list[Recipe]:
        """Recipes with less in them, the boldest first."""
        found = [replace(self, instances=n) for n in (1, self.instances // 2, self.instances - 1) if n > 0]
        found += [self.without(name) for name in TROUBLES if getattr(self, name)]
        asked = 64 if self.commands is None else self.commands
        if self.operators and asked:
            found += [replace(self, commands=n) for n in (0, asked // 2, asked - 1)]
        return [recipe for recipe in found if recipe != self and recipe.instances <= self.instances]

    def words(self) -> str:
        """The options of scripts/simulate that make exactly this run."""
        usual = draw_recipe(self.seed)
        said = [f"--seed {self.seed}"]
        if self.instances != usual.instances:
            said.append(f"--instances {self.instances}")
        said += [f"--without {name}" for name in TROUBLES if getattr(usual, name) and not getattr(self, name)]
        if self.commands is not None:
            said.append(f"--commands {self.commands}")
        return " ".join(said)


TROUBLES = (
    "broken_share",
    "failed_acts",
    "unknown_acts",
    "late_answers",
    "health_noise",
    "fleet_changes",
    "operators",
    "restarts",
    "hard_holds",
    "lost_disks",
)


def draw_recipe(seed: int) -> Recipe:
    """The recipe of a seed. Fleet sizes are log-distributed around 12; one in 200 has 1,000."""
    dice = Random(f"recipe {seed}")
    count = min(200, int(dice.lognormvariate(math.log(MEDIAN_INSTANCES), 0.9)))
    return Recipe(
        seed=seed,
        instances=MOST_INSTANCES if dice.randrange(ONE_IN) == 0 else count,
        broken_share=dice.choice((0.0, 0.0, 0.1, 0.6, 1.0)),
        failed_acts=dice.choice((0.0, 0.0, 0.02, 0.1)),
        unknown_acts=dice.choice((0.0, 0.0, 0.1)),
        late_answers=dice.choice((0.0, 0.2)),
        health_noise=dice.choice((0.0, 0.0, 0.005, 0.05)),
        fleet_changes=dice.choice((0.0, 0.0, 0.02, 0.2)),
        operators=dice.choice((0.0, 0.02, 0.1, 0.4)),
        restarts=dice.choice((0.0, 0.0, 0.03)),
        hard_holds=dice.choice((0.0, 0.0, 0.03)),
        lost_disks=dice.choice((0.0, 0.0, 0.3)),
    )


def draw_scale_set(recipe: Recipe, dice: Random) -> ScaleSet:
    """A set of the recipe's size with any policy, zones, domains, protection and holds."""
    zones = dice.choice(((), ("1", "2"), ("1", "2", "3")))
    mode = dice.choice((OrchestrationMode.UNIFORM, OrchestrationMode.FLEXIBLE))
    domains = 5 if mode is OrchestrationMode.UNIFORM else 1
    current, protected, held = dice.choice((0.0, 0.1, 1.0)), dice.choice((0.0, 0.05)), dice.choice((0.0, 0.05))
    instances = {}
    for i in range(recipe.instances):
        image = NEW if dice.random() < current else OLD
        instances[str(i)] = Instance(
            str(i),
            zones[i % len(zones)] if zones else "",
            (i // max(1, len(zones))) % domains,
            dice.randrange(3),
            image,
            f"sha256:{image.version}",
            "d0",
            0.0,
            protected_from_actions=dice.random() < protected,
            hold=InstanceHold("debugging", "ana", 0.0) if dice.random() < held else None,
            health=Health.HEALTHY,
        )
    policy = RollingUpgradePolicy(
        max_batch_instance_percent=dice.choice((5, 20, 50, 100)),
        max_unhealthy_instance_percent=dice.choice((5, 20, 50, 100)),
        max_unhealthy_upgraded_instance_percent=dice.choice((0, 20, 100)),
        pause_between_batches_s=dice.choice((0.0, 60.0)),
        enable_cross_zone_upgrade=dice.random() < 0.3,
        prioritize_unhealthy_instances=dice.random() < 0.3,
        rollback_failed_instances_on_policy_breach=dice.random() < 0.5,
    )
    model = ScaleSetModel(
        dice.choice((OLD, OLD.with_version("latest"))), policy=policy, extensions=EXTENSIONS[: dice.randrange(3)]
    )
    return ScaleSet(
        "k", "/k", "web", "eu", "s", recipe.instances, model, zones=zones, orchestration=mode, instances=instances
    )


def draw_start(scale_set: ScaleSet, dice: Random) -> tuple[StartRequest, Plan, RunSettings, tuple[Member, ...]]:
    """A request to start and its plan."""
    request = StartRequest(
        to=NEW.version,
        restore_failed=dice.choice([*RestoreFailed, None]),
        step=dice.random() < 0.1,
        batch=dice.choice((None, None, "3", "1")),
        health_window_s=dice.choice((None, 60.0)),
        timeout_s=dice.choice((None, None, None, 2000.0)),
        at=dice.choice((None, None, 500.0)),
    )
    rollback = dice.random() < 0.1
    plan, settings, members = make_plan(scale_set, IMAGES, request, room_free_bytes=10**12, rollback=rollback)
    if plan.refusals:
        raise RefusedError("OperationNotAllowed", "a plan of a simulated set is never refused")
    return request, plan, settings, members
