"""Random upgrades on the pure core: fleets, policies, faults and commands from a seed; invariants after each event."""

from __future__ import annotations

from random import Random

import pytest

from engine.decide.accept_command import accept_command, needs_new_upgrade
from engine.decide.advance import advance
from engine.decide.blocked_by import upgrade_blocked_by
from engine.decide.count_members import count_members
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.interpret_observation import interpret_effect
from engine.decide.invariants import check_upgrade
from engine.decide.plan_effects import plan_effects
from engine.decide.plan_upgrade import make_plan, new_upgrade
from engine.model import events as e
from engine.model.commands import Command, Verb
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.errors import RefusedError
from engine.model.health import Health
from engine.model.image import ImageReference, ImageVersion
from engine.model.plan import StartRequest
from engine.model.policy import RestoreFailed, RollingUpgradePolicy
from engine.model.scale_set import Extension, Instance, ScaleSet, ScaleSetModel
from engine.model.upgrade import Now, Upgrade

OLD = ImageReference("contoso", "web", "stable", "1.0.0")
NEW = OLD.with_version("1.1.0")
IMAGES = {str(r): ImageVersion(r, f"sha256:{r.version}", 1000, 0.0) for r in (OLD, NEW)}
BOUND = 20_000


class PureWorld:
    """One scale set and one upgrade, driven without a loop, a store or a clock of the machine."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.count = min(60, int(self.dice.lognormvariate(2.3, 0.9)))
        self.t = 0.0
        self.bad = {str(i) for i in range(self.count) if self.dice.random() < self.dice.choice((0.0, 0.1, 0.6))}
        self.fault_share = self.dice.choice((0.0, 0.0, 0.1))
        self.noise = self.dice.choice((0.0, 0.0, 0.05))
        self.meddling = self.dice.choice((0.0, 0.02, 0.1))
        self.done: set[str] = set()
        self.scale_set = self._scale_set()
        request = StartRequest(
            to="1.1.0", restore_failed=self.dice.choice(list(RestoreFailed)).value, step=self.dice.random() < 0.1
        )
        _, settings, members = make_plan(self.scale_set, IMAGES, request, room_free_bytes=10**12)
        now = Now(0.0, 0.0)
        started = new_upgrade(
            self.scale_set,
            IMAGES[str(NEW)],
            settings,
            members,
            upgrade_id="u",
            actor="ana",
            reason="",
            request=request,
            now=now,
        )
        self.upgrade: Upgrade = evolve_upgrade(None, e.UpgradeStarted(started), now)

    def _scale_set(self) -> ScaleSet:
        zones = self.dice.choice(((), ("1", "2"), ("1", "2", "3")))
        instances = {}
        for i in range(self.count):
            image = NEW if self.dice.random() < 0.1 else OLD
            instances[str(i)] = Instance(
                str(i),
                zones[i % len(zones)] if zones else "",
                (i // max(1, len(zones))) % 5,
                0,
                image,
                f"sha256:{image.version}",
                "1",
                0.0,
                protected_from_actions=self.dice.random() < 0.05,
                health=Health.HEALTHY,
            )
        policy = RollingUpgradePolicy(
            max_batch_instance_percent=self.dice.choice((5, 20, 50, 100)),
            max_unhealthy_instance_percent=self.dice.choice((5, 20, 50, 100)),
            max_unhealthy_upgraded_instance_percent=self.dice.choice((0, 20, 100)),
            pause_between_batches_s=self.dice.choice((0.0, 60.0)),
            enable_cross_zone_upgrade=self.dice.random() < 0.3,
            prioritize_unhealthy_instances=self.dice.random() < 0.3,
        )
        extensions = (Extension("setup", "p", "CustomScript", "2.0"),) if self.dice.random() < 0.5 else ()
        model = ScaleSetModel(OLD, policy=policy, extensions=extensions)
        return ScaleSet("k", "/k", "web", "eu", "s", self.count, model, zones=zones, instances=instances)

    def fold(self, *found: e.Event) -> None:
        for event in found:
            self.upgrade = evolve_upgrade(self.upgrade, event, self.now)

    def fold_set(self, *found: e.Event) -> None:
        for event in found:
            after = evolve_scale_set(self.scale_set, event, self.now)
            assert after is not None
            self.scale_set = after

    @property
    def now(self) -> Now:
        return Now(self.t, self.t)

    def settle(self) -> None:
        while found := advance(self.upgrade, self.scale_set, self.now):
            self.fold(*found)
            assert check_upgrade(self.upgrade, self.scale_set) == [], found
        counters = count_members(self.upgrade)
        if self.upgrade.batches:
            parts = [getattr(counters, name) for name in counters.__slots__]
            assert sum(parts) == len(self.upgrade.members)
        assert (upgrade_blocked_by(self.upgrade, self.scale_set, self.now) is None) == (not self.upgrade.live)

    def act(self, calm: bool) -> bool:
        acted = False
        for effect in plan_effects(self.upgrade, self.scale_set):
            if effect.id in self.done or (not calm and self.dice.random() < 0.3):
                continue
            self.done.add(effect.id)
            outcome = self._outcome(effect, calm)
            for _ in range(self.dice.choice((1, 1, 2))):  # an answer may come twice
                mine, its = interpret_effect(self.upgrade, self.scale_set, effect, outcome, self.now)
                self.fold(*mine)
                self.fold_set(*its)
            acted = True
        return acted

    def _outcome(self, effect: Effect, calm: bool) -> EffectOutcome:
        if not calm and self.dice.random() < self.fault_share:
            return EffectOutcome(effect.id, OutcomeKind.FAILED, "InternalExecutionError", "it broke", exit_code=1)
        instance = self.scale_set.instances[effect.instance_id]
        capture = effect.kind is EffectKind.CAPTURE_RESTORE_POINT
        disk = instance.disk if capture else effect.disk or "2"
        digest = instance.digest if capture else effect.digest
        return EffectOutcome(effect.id, OutcomeKind.SUCCEEDED, disk=disk, digest=digest, exit_code=0)

    def observe(self, calm: bool) -> None:
        for instance in list(self.scale_set.instances.values()):
            sick = instance.image == NEW and instance.instance_id in self.bad
            health = Health.UNHEALTHY if sick else Health.HEALTHY
            if not calm and self.dice.random() < self.noise:
                health = self.dice.choice(list(Health))
            if health is not instance.health:
                self.fold_set(e.InstanceHealthChanged(instance.instance_id, instance.health, health, "probe"))

    def meddle(self) -> None:
        verb = self.dice.choice([v for v in Verb if v is not Verb.START])
        names = tuple(self.dice.sample(sorted(self.scale_set.instances), min(1, len(self.scale_set.instances))))
        if needs_new_upgrade(self.upgrade, verb):
            return
        command = Command(verb, "omar", instances=names if verb is Verb.SKIP else ())
        try:
            self.fold(*accept_command(self.upgrade, command, self.now))
        except RefusedError:
            return

    def run(self) -> Upgrade:
        for step in range(BOUND):
            calm = step > 400
            self.settle()
            if not self.upgrade.live:
                return self.upgrade
            if not calm and self.dice.random() < self.meddling:
                self.meddle()
            if calm:
                self.free()
            self.act(calm)
            self.observe(calm)
            self.t += self.dice.choice((1.0, 10.0, 60.0))
        raise AssertionError(f"it does not end: {self.upgrade.state} {self.upgrade.holds}")

    def free(self) -> None:
        """Faults have stopped: an operator lifts what is held."""
        for verb in (Verb.ACCEPT_LOSS, Verb.RESUME):
            try:
                self.fold(*accept_command(self.upgrade, Command(verb, "ana"), self.now))
            except RefusedError:
                continue


@pytest.mark.timeout(600)
def test_every_random_upgrade_ends_and_no_invariant_falls(long_run: bool) -> None:
    for seed in range(20_000 if long_run else 500):
        try:
            ended = PureWorld(seed).run()
        except Exception as error:
            raise AssertionError(f"PureWorld({seed}).run()") from error
        assert ended.outcome is not None
        assert not ended.in_flight()
