"""One turn of the engine: events are folded into a draft, and all of it is committed or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from engine.decide.advance import advance
from engine.decide.after_the_end import model_after
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.fold_overview import tell_health_it_leaves, tell_what_it_leaves
from engine.decide.halt import halt_after
from engine.decide.invariants import check_upgrade
from engine.decide.plan_effects import plan_effects, plan_instances
from engine.model import events as e
from engine.model.effects import Effect, EffectKind, EffectOutcome
from engine.model.halt import Halt
from engine.model.image import ImageVersion
from engine.model.policy_document import PolicyDocument
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Hold, HoldKind, Now, Upgrade
from engine.store.store import CommandRecord, Retired, Transaction

Noted = tuple[str, e.Event, str, str]
"""Stream, event, actor, cause."""

ADVANCE_BOUND = 20_000
"""More events than this out of one turn of one upgrade mean that it does not converge: a defect, not a load."""


@dataclass(slots=True)
class EngineState:
    """What the engine knows, as committed. Keys: scale set key, upgrade id, image reference, effect id, policy name."""

    scale_sets: dict[str, ScaleSet] = field(default_factory=dict)
    upgrades: dict[str, Upgrade] = field(default_factory=dict)
    images: dict[str, ImageVersion] = field(default_factory=dict)
    open_effects: dict[str, Effect] = field(default_factory=dict)
    policies: dict[str, PolicyDocument] = field(default_factory=dict)
    halt: Halt | None = None

    def fold_policy(self, event: e.PolicyApplied | e.PolicyDeleted) -> None:
        """Take a committed event of a policy in; names are compared without case."""
        if isinstance(event, e.PolicyApplied):
            self.policies[event.policy.name.lower()] = event.policy
        else:
            self.policies.pop(event.name.lower(), None)

    def in_hand(self, scale_set: str) -> frozenset[str]:
        """Instances with an open effect other than an extension: what is seen of them meanwhile is in passing."""
        found = self.open_effects.values()
        extension = EffectKind.RUN_EXTENSION
        return frozenset(x.instance_id for x in found if x.scale_set == scale_set and x.kind is not extension)

    def local_addresses(self) -> frozenset[str]:
        """`ADDRESS:PORT` of every instance of the local fleet that a scale set has. May be called in any thread."""
        local = [s for s in list(self.scale_sets.values()) if s.fleet == "local"]
        return frozenset(i.address for s in local for i in s.instances.values() if i.address)

    def acts_under_way(self) -> set[str]:
        """Ids of open effects that need this engine to end; extensions run without one."""
        return {x.id for x in self.open_effects.values() if x.kind is not EffectKind.RUN_EXTENSION}

    def live_upgrade(self, scale_set: str) -> Upgrade | None:
        """The set's one live upgrade."""
        return next((u for u in self.upgrades.values() if u.scale_set == scale_set and u.live), None)

    def upgrades_of(self, scale_set: str) -> list[Upgrade]:
        """Every upgrade of a set, in no order; also those of one of its name that was deleted before."""
        return [u for u in self.upgrades.values() if u.scale_set == scale_set]

    def own_upgrades(self, scale_set: str) -> list[Upgrade]:
        """The upgrades of a set since it was created, in no order."""
        known = self.scale_sets.get(scale_set)
        found = self.upgrades_of(scale_set)
        return [u for u in found if u.is_since(known.created_clock)] if known is not None else found

    def last_upgrade(self, scale_set: str) -> Upgrade | None:
        """The set's live upgrade, else the one that started last."""
        return max(self.own_upgrades(scale_set), key=_newest, default=None)

    def last_that_did(self, scale_set: str) -> Upgrade | None:
        """As `last_upgrade`, without those that had nothing to do: what Roll back and Retry are about."""
        did = (u for u in self.own_upgrades(scale_set) if not u.had_nothing_to_do)
        return max(did, key=_newest, default=None)


def _newest(upgrade: Upgrade) -> tuple[bool, float, str]:
    return upgrade.live, upgrade.started_at, upgrade.id


class Turn:
    """A draft on top of the committed state. Nothing is visible outside before the caller commits it."""

    def __init__(
        self,
        state: EngineState,
        now: Now,
        actor: str = "engine",
        cause: str = "",
        heard: Callable[[str, str], float] | None = None,
    ) -> None:
        """`heard` gives, by scale set and instance, when its health was last answered for (see `advance`)."""
        self.state = state
        self._heard = heard
        self.now = now
        self.actor = actor
        self.cause = cause
        self.events: list[tuple[str, e.Event, str, str]] = []
        self.scale_sets: dict[str, ScaleSet | None] = {}
        self.upgrades: dict[str, Upgrade] = {}
        self.images: dict[str, ImageVersion] = {}
        self.policies: list[e.PolicyApplied | e.PolicyDeleted] = []
        self.halt: e.HaltBegan | e.HaltEnded | None = None
        self.intents: list[Effect] = []
        self.outcomes: list[EffectOutcome] = []
        self.retired: list[Retired] = []

    def scale_set(self, key: str) -> ScaleSet | None:
        return self.scale_sets[key] if key in self.scale_sets else self.state.scale_sets.get(key)

    def upgrade(self, upgrade_id: str) -> Upgrade | None:
        return self.upgrades.get(upgrade_id) or self.state.upgrades.get(upgrade_id)

    def live_upgrade(self, key: str) -> Upgrade | None:
        known = {**self.state.upgrades, **self.upgrades}
        return next((u for u in known.values() if u.scale_set == key and u.live), None)

    def on_upgrade(self, upgrade_id: str, *found: e.Event) -> None:
        """Fold events into an upgrade."""
        for plain in found:
            before = self.upgrade(upgrade_id)
            event = tell_what_it_leaves(before, plain) if before is not None else plain
            self.upgrades[upgrade_id] = evolve_upgrade(before, event, self.now)
            self.events.append((f"upgrade/{upgrade_id}", event, self.actor, self.cause))

    def on_scale_set(self, key: str, *found: e.Event) -> None:
        """Fold events into a scale set."""
        for plain in found:
            before = self.scale_set(key)
            event = tell_health_it_leaves(before, plain) if before is not None else plain
            self.scale_sets[key] = evolve_scale_set(before, event, self.now)
            self.events.append((f"scale_set/{key}", event, self.actor, self.cause))

    def on_image(self, image: ImageVersion, event: e.Event) -> None:
        self.images[str(image.reference)] = image
        self.events.append((f"image/{image.reference}", event, self.actor, self.cause))

    def on_policy(self, name: str, event: e.PolicyApplied | e.PolicyDeleted) -> None:
        """Fold an event into a policy."""
        self.policies.append(event)
        self.events.append((f"policy/{name.lower()}", event, self.actor, self.cause))

    def on_halt(self, event: e.HaltBegan | e.HaltEnded) -> None:
        """A halt begins or ends."""
        self.halt = event
        self.note("engine", event)

    def note(self, stream: str, event: e.Event) -> None:
        """An event that changes neither an upgrade nor a scale set."""
        self.events.append((stream, event, self.actor, self.cause))

    def retire(self, gone: Retired, file: str) -> None:
        """An ended upgrade leaves; `file` has its recording."""
        self.retired.append(gone)
        self.note("engine", e.UpgradeRetired(gone.upgrade, file))

    def release_due_holds(self) -> None:
        """Instances whose hold has a time that is over join again."""
        for scale_set in list(self.state.scale_sets.values()):
            for name, instance in scale_set.instances.items():
                until_at = instance.hold.until_at if instance.hold is not None else None
                if until_at is not None and until_at <= self.now.at:
                    why = "the time of its hold is over"
                    self.on_scale_set(scale_set.key, e.InstanceReleased(name, "engine", why))

    def caused_by(self, key: str, judged: e.Event) -> None:
        """A command's key becomes the cause of all that is here; its verdict stands before it, in the audit stream."""
        self.events = [("audit", judged, self.actor, key), *((s, x, who, key) for s, x, who, _ in self.events)]
        self.cause = key

    def settle(self, outcome: EffectOutcome) -> None:
        self.outcomes.append(outcome)

    def advance(self, upgrade_id: str) -> None:
        """Let an upgrade go as far as the present facts carry it."""
        before = self.state.upgrades.get(upgrade_id)
        was_live = before is None or before.live
        for _ in range(ADVANCE_BOUND):
            upgrade = self.upgrade(upgrade_id)
            scale_set = self.scale_set(upgrade.scale_set) if upgrade is not None else None
            if upgrade is None or scale_set is None:
                return
            heard = partial(self._heard, scale_set.key) if self._heard is not None else None
            found = advance(upgrade, scale_set, self.now, heard)
            if not found:
                self._assert(upgrade, scale_set)
                if was_live and not upgrade.live:
                    self.on_scale_set(scale_set.key, *model_after(upgrade, scale_set))
                return
            self.on_upgrade(upgrade_id, *found)
        raise RuntimeError(f"upgrade {upgrade_id} does not settle within {ADVANCE_BOUND} steps")

    def _assert(self, upgrade: Upgrade, scale_set: ScaleSet) -> None:
        broken = check_upgrade(upgrade, scale_set)
        if broken and HoldKind.INVARIANT_BROKEN not in upgrade.holds and upgrade.live:
            hold = Hold(HoldKind.INVARIANT_BROKEN, self.now.at, "engine", "; ".join(broken))
            self.on_upgrade(upgrade.id, e.HoldRaised(hold))

    def plan(self, everything: bool = True) -> None:
        """Intents for what should be in flight and is not open yet: of all there is, or of what this draft touched."""
        done = {outcome.effect_id for outcome in self.outcomes}
        wanted: list[Effect] = []
        for upgrade_id in self._all(self.upgrades, self.state.upgrades, everything):
            upgrade = self.upgrade(upgrade_id)
            scale_set = self.scale_set(upgrade.scale_set) if upgrade is not None else None
            if upgrade is not None and scale_set is not None and upgrade.live:
                wanted += plan_effects(upgrade, scale_set)
        for key in self._all(self.scale_sets, self.state.scale_sets, everything):
            scale_set = self.scale_set(key)
            if scale_set is not None:
                wanted += plan_instances(scale_set)
        known = {effect.id for effect in self.intents} | done
        still_open = self.state.open_effects
        self.intents += [x for x in wanted if x.id not in known and x.id not in still_open]

    def touched(self) -> list[str]:
        """Upgrades that this draft changed, and the live ones of sets that it changed."""
        sets = set(self.scale_sets)
        others = self.state.upgrades.values()
        return [*self.upgrades, *(u.id for u in others if u.live and u.id not in self.upgrades and u.scale_set in sets)]

    @staticmethod
    def _all(touched: Iterable[str], present: Iterable[str], everything: bool) -> list[str]:
        return list(dict.fromkeys([*touched, *present])) if everything else list(touched)

    @property
    def empty(self) -> bool:
        return not (self.events or self.intents or self.outcomes)

    def transaction(self, events: Sequence[Noted], command: CommandRecord | None) -> Transaction:
        """All of the draft, with its events as they are to be stored."""
        return Transaction(
            events=events,
            at=self.now.at,
            clock=self.now.clock,
            scale_sets=[s for s in self.scale_sets.values() if s is not None],
            deleted_sets=[key for key, s in self.scale_sets.items() if s is None],
            upgrades=list(self.upgrades.values()),
            images=list(self.images.values()),
            intents=self.intents,
            outcomes=self.outcomes,
            retired=self.retired,
            command=command,
        )

    def adopt(self) -> None:
        """Make the draft the committed state; called once the transaction is on disk."""
        for key, scale_set in self.scale_sets.items():
            if scale_set is None:
                self.state.scale_sets.pop(key, None)
            else:
                self.state.scale_sets[key] = scale_set
        self.state.upgrades.update(self.upgrades)
        for gone in self.retired:
            self.state.upgrades.pop(gone.upgrade, None)
        self.state.images.update(self.images)
        for event in self.policies:
            self.state.fold_policy(event)
        if self.halt is not None:
            self.state.halt = halt_after(self.halt)
        for outcome in self.outcomes:
            self.state.open_effects.pop(outcome.effect_id, None)
        for effect in self.intents:
            self.state.open_effects[effect.id] = effect
