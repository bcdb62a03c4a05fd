"""The pure core and the store: events per second, and the time a plan takes."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from time import perf_counter

from engine.decide.estimate import ASSUMED
from engine.decide.interpret_observation import interpret_effect
from engine.decide.plan_upgrade import make_plan, new_upgrade
from engine.decide.rehearse import Ground, rehearse
from engine.model import events as e
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.health import Health
from engine.model.image import ImageReference, ImageVersion
from engine.model.plan import StartRequest
from engine.model.rehearsal import read_trouble
from engine.model.scale_set import Instance, ScaleSet, ScaleSetModel
from engine.model.upgrade import Now
from engine.runtime.turn import EngineState, Turn
from engine.store.connection import open_store
from engine.store.store import Store, Transaction
from tests.benchmarks.figure import Figure, middle, seconds

OLD = ImageReference("contoso", "web", "stable", "1.0.0")
NEW = OLD.with_version("1.1.0")
IMAGES = {str(r): ImageVersion(r, f"sha256:{r.version}", 1000, 0.0) for r in (OLD, NEW)}
REQUEST = StartRequest(to="1.1.0")
GROUP = 256
"""Facts taken into one transaction, as the engine does under load."""


def scale_set(name: str, count: int) -> ScaleSet:
    """A healthy set on the old image, in three zones and five update domains."""
    instances = {
        str(i): Instance(str(i), str(i % 3 + 1), (i // 3) % 5, 0, OLD, "sha256:1.0.0", "1", 0.0, health=Health.HEALTHY)
        for i in range(count)
    }
    return ScaleSet(
        name, f"/{name}", name, "eu", "s", count, ScaleSetModel(OLD), zones=("1", "2", "3"), instances=instances
    )


class InstantFleet:
    """Upgrades whose effects succeed at once: what is left is deciding, folding and storing."""

    def __init__(self, path: Path, sets: int, count: int) -> None:
        self.store: Store = open_store(path)
        self.store.begin_epoch(1, "benchmark", 0.0)
        self.state = EngineState(images=dict(IMAGES))
        self.t = 0.0
        turn = self.turn()
        for number in range(sets):
            made = scale_set(f"web{number}", count)
            turn.on_scale_set(made.key, e.ScaleSetApplied(made))
            _, settings, members = make_plan(made, IMAGES, REQUEST, room_free_bytes=10**12)
            upgrade = new_upgrade(
                made,
                IMAGES[str(NEW)],
                settings,
                members,
                upgrade_id=f"u{number}",
                actor="ana",
                reason="",
                request=REQUEST,
                now=turn.now,
            )
            turn.on_upgrade(upgrade.id, e.UpgradeStarted(upgrade))
        self.events = self.commit(turn)

    def turn(self) -> Turn:
        return Turn(self.state, Now(self.t, self.t))

    def commit(self, turn: Turn) -> int:
        for upgrade_id in [u.id for u in self.state.upgrades.values() if u.live] or list(turn.upgrades):
            turn.advance(upgrade_id)
        turn.plan(everything=False)
        recorded = self.store.commit(
            Transaction(
                turn.events,
                self.t,
                self.t,
                [s for s in turn.scale_sets.values() if s is not None],
                (),
                list(turn.upgrades.values()),
                (),
                turn.intents,
                turn.outcomes,
            )
        )
        turn.adopt()
        return len(recorded)

    def run(self) -> int:
        """Run every upgrade to its end; gives the number of events."""
        while any(u.live for u in self.state.upgrades.values()):
            self.t += 1.0
            turn = self.turn()
            effects = list(self.state.open_effects.values())[:GROUP]
            for effect in effects:
                self._settle(turn, effect)
            if not effects:
                self._heal(turn)
            self.events += self.commit(turn)
        return self.events

    def _settle(self, turn: Turn, effect: Effect) -> None:
        upgrade, its_set = turn.upgrade(effect.operation), turn.scale_set(effect.scale_set)
        assert upgrade is not None and its_set is not None
        instance = its_set.instances[effect.instance_id]
        capture = effect.kind is EffectKind.CAPTURE_RESTORE_POINT
        outcome = EffectOutcome(
            effect.id,
            OutcomeKind.SUCCEEDED,
            disk=instance.disk if capture else "2",
            digest=instance.digest if capture else effect.digest,
            exit_code=0,
        )
        turn.settle(outcome)
        mine, its = interpret_effect(upgrade, its_set, effect, outcome, turn.now)
        turn.on_upgrade(upgrade.id, *mine)
        turn.on_scale_set(its_set.key, *its)

    def _heal(self, turn: Turn) -> None:
        for key in list(self.state.scale_sets):
            for instance in self.state.scale_sets[key].instances.values():
                if instance.health is not Health.HEALTHY:
                    turn.on_scale_set(
                        key, e.InstanceHealthChanged(instance.instance_id, instance.health, Health.HEALTHY, "200")
                    )


def bare_inserts(folder: Path, count: int, size: int) -> float:
    """Seconds that plain SQLite takes for as many rows of that size, in transactions of the same group."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE row(seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT")
    began = perf_counter()
    for start in range(0, count, GROUP):
        connection.execute("BEGIN IMMEDIATE")
        rows = [(n, "x" * size) for n in range(start, min(count, start + GROUP))]
        connection.executemany("INSERT INTO row VALUES(?, ?)", rows)
        connection.execute("COMMIT")
    took = perf_counter() - began
    connection.close()
    return took


def events_per_second() -> Figure:
    """Events decided, folded and made durable in a second: 10 upgrades of 120 instances at once."""
    with tempfile.TemporaryDirectory() as name:
        fleet = InstantFleet(Path(name) / "rollset.db", sets=10, count=120)
        before = fleet.events
        began = perf_counter()
        count = fleet.run() - before
        took = perf_counter() - began
        bare = bare_inserts(Path(name), count, 400)
        fleet.store.close()
    rate = count / took
    return Figure(
        "events per second through decide and the store",
        f"{rate:,.0f}/s",
        ">= 20,000/s",
        rate >= 20_000,
        f"bare SQLite inserts {count / bare:,.0f}/s; {took / bare:.1f} times their time",
    )


def plan_of_thousand() -> Figure:
    """The plan of a set of 1,000 instances."""
    made = scale_set("web", 1000)
    took = middle(seconds(lambda: make_plan(made, IMAGES, REQUEST, room_free_bytes=10**12), 9))
    hundred = scale_set("small", 100)
    small = middle(seconds(lambda: make_plan(hundred, IMAGES, REQUEST, room_free_bytes=10**12), 9))
    return Figure(
        "plan of 1,000 instances",
        f"{took * 1000:.0f} ms",
        "<= 100 ms",
        took <= 0.1,
        f"of 100 instances {small * 1000:.1f} ms; {took / small:.1f} times",
    )


def rehearsal_of_thousand() -> Figure:
    """A rehearsal of 1,000 instances; beside it one in which 5 % of them fail."""
    made = scale_set("web", 1000)
    ground = Ground(made, IMAGES, ASSUMED, (), 10**12, Now(0.0, 0.0))
    took = middle(seconds(lambda: rehearse(ground, REQUEST, read_trouble([])), 3))
    failing = middle(seconds(lambda: rehearse(ground, REQUEST, read_trouble(["5%"])), 3))
    return Figure(
        "rehearsal of 1,000 instances",
        f"{took:.2f} s",
        "<= 2 s",
        took <= 2.0 and failing <= 2.0,
        f"{failing:.2f} s where 5 % of them fail",
    )


FIGURES = (events_per_second, plan_of_thousand, rehearsal_of_thousand)
