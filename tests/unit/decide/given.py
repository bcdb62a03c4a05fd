"""What the scenarios of the pure core begin with, and how they go on: a set, an upgrade, facts, commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.decide.accept_command import accept_command
from engine.decide.advance import advance
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.interpret_observation import interpret_effect
from engine.decide.invariants import check_upgrade
from engine.decide.plan_effects import plan_effects
from engine.decide.plan_upgrade import make_plan, new_upgrade
from engine.decide.take_up import TakeUp, take_up_retry, take_up_roll_back
from engine.model import events as e
from engine.model.commands import Command, Verb
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.health import Health, HealthSource, HealthSourceKind
from engine.model.image import ImageReference, ImageVersion
from engine.model.plan import StartRequest
from engine.model.policy import RollingUpgradePolicy
from engine.model.scale_set import Extension, Instance, InstanceHold, OrchestrationMode, ScaleSet, ScaleSetModel
from engine.model.upgrade import Member, MemberState, Now, Upgrade

V1 = ImageReference("contoso", "web", "stable", "1.0.0")
V2 = V1.with_version("2.0.0")
V3 = V1.with_version("3.0.0")
PROBE = HealthSource(HealthSourceKind.LOAD_BALANCER_PROBE, "http", 8080, "/health", 5.0, 2, 0.0)
SETUP = Extension("setup", "Contoso", "CustomScript", "2.0")
AGENT = Extension("agent", "Contoso", "CustomScript", "2.0", provision_after=("setup",))
ENOUGH_BYTES = 10**12
TOLERANT = {"max_unhealthy_instance_percent": 100, "max_unhealthy_upgraded_instance_percent": 100}


def version(reference: ImageReference, **more: Any) -> ImageVersion:
    return ImageVersion(reference, f"sha256:{reference.version}", 1000, 0.0, **more)


def images(*references: ImageReference) -> dict[str, ImageVersion]:
    return {str(r): version(r) for r in references}


def instance(name: str, **more: Any) -> Instance:
    image = more.pop("image", V1)
    facts: dict[str, Any] = {
        "zone": "",
        "update_domain": 0,
        "fault_domain": 0,
        "digest": f"sha256:{image.version}",
        "disk": "1",
        "created_at": 0.0,
        "health": Health.HEALTHY,
        "address": "127.0.0.1:8080",
    }
    return Instance(name, image=image, **(facts | more))


def scale_set(
    instances: int | Iterable[Instance] = 10,
    *,
    policy: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    **more: Any,
) -> ScaleSet:
    """A Uniform set called web on V1, by default in one zone and one update domain, all healthy."""
    made = [instance(str(i)) for i in range(instances)] if isinstance(instances, int) else list(instances)
    rules = RollingUpgradePolicy(**(policy or {}))
    facts: dict[str, Any] = {"image": V1, "health": PROBE, "policy": rules} | dict(model or {})
    return ScaleSet(
        "/subscriptions/s/web",
        "/subscriptions/S/web",
        "web",
        "westeurope",
        "Standard_B1s",
        len(made),
        ScaleSetModel(**facts),
        instances={i.instance_id: i for i in made},
        next_instance=len(made),
        **({"orchestration": OrchestrationMode.UNIFORM} | more),
    )


class Run:
    """One upgrade of one set from its start. Every invariant is asked after every event."""

    def __init__(
        self,
        over: ScaleSet | None = None,
        *,
        earlier: tuple[Upgrade, ...] = (),
        take_up: TakeUp | None = None,
        t: float = 1000.0,
        **request: Any,
    ) -> None:
        self.t = t
        self.clock = t - 900.0
        self.earlier = earlier
        self.set = over if over is not None else scale_set()
        asked = StartRequest(**({"to": "2.0.0"} | request))
        published = images(V1, V2, V3)
        rollback_of = take_up.rollback_of if take_up is not None else None
        self.plan, settings, members = make_plan(
            self.set,
            published,
            asked,
            room_free_bytes=ENOUGH_BYTES,
            rollback=rollback_of is not None,
            earlier=earlier,
            take_up=take_up,
        )
        target = next(i for i in published.values() if i.digest == self.plan.target_digest)
        started = new_upgrade(
            self.set,
            target,
            settings,
            members,
            upgrade_id=f"web-{len(earlier) + 1}",
            actor="ana",
            reason="patch day",
            request=asked,
            now=self.now,
            continues=take_up.ended if take_up is not None else None,
            is_rollback_of=rollback_of,
            only_chosen=take_up is not None,
        )
        self.heard_clock: float | None = None
        """When health was last answered for; None: all the time."""
        self.events: list[e.Event] = []
        self.reported: list[EffectOutcome] = []
        self.upgrade = evolve_upgrade(None, e.UpgradeStarted(started), self.now)
        self.settle()

    @property
    def now(self) -> Now:
        return Now(self.t, self.clock)

    # --- what happens ----------------------------------------------------------------------------------------

    def fold(self, *found: e.Event) -> None:
        for event in found:
            self.upgrade = evolve_upgrade(self.upgrade, event, self.now)
            self.events.append(event)

    def fold_set(self, *found: e.Event) -> None:
        for event in found:
            after = evolve_scale_set(self.set, event, self.now)
            assert after is not None
            self.set = after

    def settle(self) -> None:
        for _ in range(5000):
            found = advance(self.upgrade, self.set, self.now, self.heard)
            if not found:
                return
            self.fold(*found)
            assert check_upgrade(self.upgrade, self.set) == [], found
        raise AssertionError(f"it does not settle: {found}")

    def heard(self, instance_id: str) -> float:
        assert instance_id in self.set.instances
        return self.clock if self.heard_clock is None else self.heard_clock

    def command(self, verb: Verb, *instances: str, actor: str = "omar", reason: str = "") -> None:
        self.fold(*accept_command(self.upgrade, Command(verb, actor, reason, instances), self.now))
        self.settle()

    def wait(self, seconds: float) -> None:
        """Time goes by while the engine runs."""
        self.t += seconds
        self.clock += seconds
        self.settle()

    def effects(self, kind: EffectKind | None = None) -> list[Effect]:
        return [x for x in plan_effects(self.upgrade, self.set) if kind is None or x.kind is kind]

    def report(self, effect: Effect, outcome: EffectOutcome) -> None:
        self.reported.append(outcome)
        mine, its = interpret_effect(self.upgrade, self.set, effect, outcome, self.now)
        self.fold(*mine)
        self.fold_set(*its)
        self.settle()

    def succeed(self, effect: Effect, **more: Any) -> None:
        self.report(effect, replace(succeeded(effect, self.set), **more))

    def fail(self, effect: Effect, code: str = "", message: str = "it broke", **more: Any) -> None:
        self.report(effect, EffectOutcome(effect.id, OutcomeKind.FAILED, code, message, **more))

    def act(self, kind: EffectKind | None = None) -> None:
        """Every effect that is wanted now succeeds."""
        for effect in self.effects(kind):
            self.succeed(effect)

    def swap(self) -> None:
        """The whole open batch gets its new disks (and extensions), and waits for health."""
        while self.effects():
            self.act()

    def health(self, state: Health, *names: str, detail: str = "") -> None:
        for name in names:
            was = self.set.instances[name].health
            self.fold_set(e.InstanceHealthChanged(name, was, state, detail))
        self.settle()

    def healthy(self, *names: str) -> None:
        """These, or all whose health is not known, are healthy."""
        unknown = [n for n, i in self.set.instances.items() if i.health is Health.NOT_OBSERVED]
        self.health(Health.HEALTHY, *(names or unknown))

    def sick(self, *names: str, detail: str = "HTTP 503") -> None:
        self.health(Health.UNHEALTHY, *names, detail=detail)

    def batch(self, *bad: str) -> None:
        """The open batch goes through: all of it healthy but `bad`, which wait out the health window."""
        names = [self.member(m).instance_id for m in self.open_members]
        self.swap()
        self.sick(*(n for n in names if n in bad))
        self.healthy(*(n for n in names if n not in bad))
        if bad:
            self.wait(self.upgrade.settings.health_window_s)

    def run(self) -> None:
        """Everything goes well until the end."""
        for _ in range(2000):
            if not self.upgrade.live:
                return
            self.swap()
            self.healthy()
            self.wait(60.0)
        raise AssertionError(f"it does not end: {self.upgrade.state}")

    def hold(self, name: str, reason: str = "debugging") -> None:
        self.fold_set(e.InstanceHeld(name, InstanceHold(reason, "ana", self.t)))
        self.settle()

    def release(self, name: str) -> None:
        self.fold_set(e.InstanceReleased(name, "ana", ""))
        self.settle()

    def remove(self, name: str) -> None:
        self.fold_set(e.InstanceRemoved(name, "scaled in"))
        self.settle()

    def add(self, made: Instance) -> None:
        self.fold_set(e.InstanceAdded(made))
        self.settle()

    # --- what comes after ------------------------------------------------------------------------------------

    def start(self, to: str = "2.0.0") -> Run:
        """Another upgrade of the set, a minute later."""
        return Run(self.set, earlier=(*self.earlier, self.upgrade), t=self.t + 60.0, to=to)

    def retry(self, *names: str) -> Run:
        """Retry after the end."""
        take_up = take_up_retry(self.upgrade, self.earlier, self.set, names)
        every = (*self.earlier, self.upgrade)
        return Run(self.set, earlier=every, take_up=take_up, t=self.t + 60.0, to=self.upgrade.target.version)

    def back(self) -> Run:
        """Roll back after the end."""
        take_up, to = take_up_roll_back(self.upgrade, self.earlier, self.set)
        every = (*self.earlier, self.upgrade)
        return Run(self.set, earlier=every, take_up=take_up, t=self.t + 60.0, to=to.version)

    # --- what is seen ----------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return self.upgrade.state.value

    @property
    def error(self) -> str:
        return self.upgrade.error.code if self.upgrade.error is not None else ""

    @property
    def open_members(self) -> tuple[str, ...]:
        return self.upgrade.open_batch.members if self.upgrade.open_batch is not None else ()

    def member(self, name: str) -> Member:
        found = [m for m in self.upgrade.members.values() if name in (m.id, m.instance_id)]
        assert len(found) == 1, name
        return found[0]

    def names(self, state: MemberState) -> list[str]:
        return [m.instance_id for m in self.upgrade.members.values() if m.state is state]

    def seen(self, kind: type[e.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def succeeded(effect: Effect, over: ScaleSet) -> EffectOutcome:
    """What a fleet without faults says of an effect."""
    disk, digest = effect.disk or f"{effect.kind.value}-{effect.attempt}", effect.digest
    if effect.kind is EffectKind.CAPTURE_RESTORE_POINT:
        there = over.instances[effect.instance_id]
        disk, digest = there.disk, there.digest
    return EffectOutcome(effect.id, OutcomeKind.SUCCEEDED, disk=disk, digest=digest, exit_code=0, took_s=1.0)


def with_instances(over: ScaleSet, **changes: Any) -> ScaleSet:
    """The set with the same change on every instance."""
    return replace(over, instances={k: replace(i, **changes) for k, i in over.instances.items()})


def started(over: ScaleSet, now: Now, **request: Any) -> Upgrade:
    """An upgrade as it begins, without anything that follows from it."""
    asked = StartRequest(**({"to": "2.0.0"} | request))
    plan, settings, members = make_plan(over, images(V1, V2, V3), asked, room_free_bytes=ENOUGH_BYTES)
    target = next(i for i in images(V1, V2, V3).values() if i.digest == plan.target_digest)
    return new_upgrade(over, target, settings, members, upgrade_id="u", actor="ana", reason="", request=asked, now=now)


def upgrade_of(run: Run, **changes: Any) -> Upgrade:
    """The run's upgrade with facts put in by hand, however impossible."""
    return replace(run.upgrade, **changes)
