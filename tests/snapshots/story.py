"""Upgrades on the pure core, told to any moment: the state behind each picture, the same on every machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from engine.decide.accept_command import accept_command
from engine.decide.advance import advance
from engine.decide.fold_overview import tell_health_it_leaves, tell_what_it_leaves
from engine.decide.interpret_observation import interpret_effect
from engine.decide.outlook import batches_to_come, look_ahead
from engine.decide.plan_effects import plan_effects
from engine.decide.plan_upgrade import make_plan, new_upgrade
from engine.model import events as e
from engine.model.commands import Command, Verb
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.health import Health, HealthSource, HealthSourceKind
from engine.model.image import ImageReference, ImageVersion
from engine.model.overview import EngineFacts
from engine.model.plan import StartRequest
from engine.model.policy import RollingUpgradePolicy
from engine.model.scale_set import Extension, Instance, ScaleSet, ScaleSetModel
from engine.model.upgrade import MemberState, Now
from engine.wire.events import recorded_to_dict
from engine.wire.plan import plan_to_dict
from engine.wire.recording import Header, Record, header_line, record_line
from tui.scene import Scene, fold

BEGAN_AT = 1_767_275_960.0  # 2026-01-01 13:59:20 UTC
OLD = ImageReference("contoso", "web", "stable", "1.0.3")
NEW = OLD.with_version("1.1.0")
IMAGES = {str(r): ImageVersion(r, f"sha256:{r.version}", 48_000_000, BEGAN_AT - 9 * 86_400.0) for r in (OLD, NEW)}
FACTS = EngineFacts(4242, "0.1.0", "jump-1", "rollset", BEGAN_AT - 41 * 3600, 7)


def key_of(name: str, group: str = "prod") -> str:
    """A set's key."""
    return f"/subscriptions/s/resourcegroups/{group}/providers/microsoft.compute/virtualmachinescalesets/{name}"


def scale_set(name: str, count: int, location: str, *, production: bool = False, pause_s: float = 0.0) -> ScaleSet:
    """Healthy instances on the old image, in three zones and five update domains."""
    instances = {
        str(i): Instance(
            str(i), str(1 + i % 3), (i // 3) % 5, 0, OLD, "sha256:1.0.3", "1", BEGAN_AT - 86_400.0,
            health=Health.HEALTHY, address=f"127.9.1.{1 + i % 250}:8080",
        )
        for i in range(count)
    }  # fmt: skip
    probe = HealthSource(HealthSourceKind.LOAD_BALANCER_PROBE, "http", 8080, "/health", 5.0, 2, 0.0)
    model = ScaleSetModel(
        OLD,
        health=probe,
        policy=RollingUpgradePolicy(pause_between_batches_s=pause_s),
        extensions=(Extension("configure", "Microsoft.Azure.Extensions", "CustomScript", "2.1"),),
    )
    key = key_of(name)
    return ScaleSet(
        key, key, name, location, "Standard_B2s", count, model, zones=("1", "2", "3"), instances=instances,
        tags={"environment": "production"} if production else {}, document='{"name": "web", "tags": {"stadt": "서울"}}',
    )  # fmt: skip


class Story:
    """One scale set and one upgrade, driven by hand; `scene` is what a cockpit shows of it, `recording` its lines."""

    def __init__(self, start: ScaleSet, *, bad: frozenset[str] = frozenset()) -> None:
        self.t = 0.0
        self.bad = bad
        self.key = start.key
        self.run = f"{start.name}-7"
        self._done: set[str] = set()
        self._seq = 100
        header = Header(start.key, self._seq, BEGAN_AT, 0.0, "rollset 0.1.0")
        self.scene = fold(Scene(""), header)
        records: tuple[Record, ...] = (FACTS, start, *IMAGES.values())
        self.events: list[e.Recorded] = []
        self.recording = [header_line(header), *map(record_line, records)]
        for record in records:
            self.scene = fold(self.scene, record)

    @property
    def now(self) -> Now:
        """The story's time."""
        return Now(BEGAN_AT + self.t, self.t)

    def tell(self, stream: str, *found: e.Event, actor: str = "engine") -> None:
        """Fold events, as a cockpit gets them."""
        for plain in found:
            self._seq += 1
            event = self._told(plain)
            line = e.Recorded(self._seq, stream, self._seq, self.now.at, self.now.clock, 7, actor, "", event)
            self.events.append(line)
            self.scene = fold(self.scene, line)
            self.recording.append(json.dumps(recorded_to_dict(line)))

    def judged(self, verb: str, actor: str, reason: str = "", refusal: str | None = None, **given: str) -> None:
        """A line of the audit trail."""
        self.tell(
            "audit",
            e.CommandJudged(
                verb, self.key, actor, {}, reason, given, None, refusal, f"{verb}-{self._seq}", 1000, "operator"
            ),
            actor=actor,
        )

    def _told(self, event: e.Event) -> e.Event:
        """As the engine writes it: with what those who only count must know."""
        own, upgrade = self.scene.scale_set, self.scene.upgrade
        told = tell_health_it_leaves(own, event) if own is not None else event
        return tell_what_it_leaves(upgrade, told) if upgrade is not None else told

    def plan(self, **asked: object) -> dict[str, object]:
        """What a start would do now, as the engine answers."""
        assert self.scene.scale_set is not None
        request = StartRequest(to=NEW.version, **asked)  # type: ignore[arg-type]  # the fields a test names
        found, _, _ = make_plan(self.scene.scale_set, IMAGES, request, room_free_bytes=80 * 10**9)
        return plan_to_dict(found)

    def start(self, actor: str = "ana", reason: str = "CVE-2026-1234", **asked: object) -> None:
        """Begin the upgrade to the new image."""
        request = StartRequest(to=NEW.version, **asked)  # type: ignore[arg-type]  # the fields a test names
        assert self.scene.scale_set is not None
        _, settings, members = make_plan(self.scene.scale_set, IMAGES, request, room_free_bytes=10**12)
        started = new_upgrade(
            self.scene.scale_set, IMAGES[str(NEW)], settings, members,
            upgrade_id=self.run, actor=actor, reason=reason, request=request, now=self.now,
        )  # fmt: skip
        self.judged("start", actor, reason, to=NEW.version)
        self.tell(f"upgrade/{self.run}", e.UpgradeStarted(started), actor=actor)
        self._settle()

    def command(self, verb: Verb, actor: str, reason: str = "") -> None:
        """An operator's verb."""
        assert self.scene.upgrade is not None
        found = accept_command(self.scene.upgrade, Command(verb, actor, reason), self.now)
        self.judged(verb.value.lower(), actor, reason)
        self.tell(f"upgrade/{self.run}", *found, actor=actor)
        self._settle()

    def until(self, reached: Callable[[Scene], bool]) -> None:
        """Go on, a few members at a time, until the scene is so."""
        for _ in range(3000):
            if reached(self.scene):
                break
            self.t += 4.0
            self._act(3)
            self._observe(2)
            self._settle()
        else:
            raise AssertionError("the story does not get there")
        self.look()

    def look(self) -> None:
        """Tell what to expect, as the engine does."""
        upgrade, own = self.scene.upgrade, self.scene.scale_set
        assert upgrade is not None and own is not None
        if upgrade.live:
            outlook = look_ahead(upgrade, own, self.now, len(batches_to_come(upgrade, own)))
            if not upgrade.holds:
                outlook = replace(outlook, eta_low_at=self.now.at + 420, eta_high_at=self.now.at + 720)
            self.tell(f"upgrade/{self.run}", e.UpgradeOutlookChanged(outlook))

    def _settle(self) -> None:
        while True:
            upgrade, own = self.scene.upgrade, self.scene.scale_set
            assert upgrade is not None and own is not None
            found = advance(upgrade, own, self.now)
            if not found:
                return
            self.tell(f"upgrade/{self.run}", *found)
            if any(isinstance(event, e.UpgradeCompleted) for event in found):
                self.tell(f"scale_set/{self.key}", e.ModelImageChanged(NEW, (), NEW.version, "the upgrade completed"))

    def _act(self, at_once: int) -> None:
        for _ in range(at_once):
            upgrade, own = self.scene.upgrade, self.scene.scale_set
            assert upgrade is not None and own is not None
            effect = next((x for x in plan_effects(upgrade, own) if x.id not in self._done), None)
            if effect is None:
                return
            self._done.add(effect.id)
            mine, its = interpret_effect(upgrade, own, effect, self._outcome(effect, own), self.now)
            self.tell(f"upgrade/{self.run}", *mine)
            self.tell(f"scale_set/{self.key}", *its)

    @staticmethod
    def _outcome(effect: Effect, own: ScaleSet) -> EffectOutcome:
        instance = own.instances[effect.instance_id]
        capture = effect.kind is EffectKind.CAPTURE_RESTORE_POINT
        disk = instance.disk if capture else effect.disk or "2"
        digest = instance.digest if capture else effect.digest
        return EffectOutcome(effect.id, OutcomeKind.SUCCEEDED, disk=disk, digest=digest, exit_code=0)

    def _observe(self, at_once: int) -> None:
        own = self.scene.scale_set
        assert own is not None
        unseen = [i for i in own.instances.values() if i.health is Health.NOT_OBSERVED][:at_once]
        for instance in unseen:
            sick = instance.image == NEW and instance.instance_id in self.bad
            answer = "503" if sick else "200"
            self.tell(
                f"scale_set/{self.key}",
                e.InstanceHealthChanged(
                    instance.instance_id,
                    instance.health,
                    Health.UNHEALTHY if sick else Health.HEALTHY,
                    f"GET http://{instance.address}/health answered {answer}",
                ),
            )


def batch_runs(number: int, done: int) -> Callable[[Scene], bool]:
    """Batch `number` is open, and that many members have succeeded."""

    def reached(scene: Scene) -> bool:
        upgrade = scene.upgrade
        if upgrade is None or len(upgrade.batches) < number or upgrade.open_batch is None:
            return False
        states = [m.state for m in upgrade.members.values()]
        return states.count(MemberState.SUCCEEDED) >= done

    return reached


def has_ended(scene: Scene) -> bool:
    """The upgrade is over."""
    return scene.upgrade is not None and not scene.upgrade.live


def has_failures(scene: Scene) -> bool:
    """It goes on, and a member has failed."""
    return scene.upgrade is not None and any(m.judged_failed for m in scene.upgrade.members.values())
