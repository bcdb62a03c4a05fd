"""What of the present database outlives a restore: the halt that stands, and which instances stay down."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.halt import pause_all
from engine.decide.stay_down import goes_on_by_itself
from engine.model.errors import RollsetError
from engine.model.events import Event, HaltBegan, InstanceStopped
from engine.model.halt import Halt
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, Upgrade
from engine.store.reading import reading, unsound
from engine.store.standing_halt import standing_halt
from engine.store.store import Store, StoredState

UNKNOWN = "the database was damaged; whether a halt stood is not known"
_CAUSE = "restore"
Noted = tuple[str, Event, str, str]
"""Stream, event, actor, cause."""


@dataclass(frozen=True, slots=True)
class Present:
    """`stopped`: who ended an instance together with the engine, by the key of its set and its id.

    `halt_known` is false where a database that is damaged or newer cannot tell; `halt` is then one that begins for it.
    """

    halt: Halt | None = None
    halt_known: bool = True
    stopped: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Carried:
    """Events that make the same true in another store, and what they change there; `halt` then stands there."""

    events: Sequence[Noted]
    scale_sets: Sequence[ScaleSet]
    upgrades: Sequence[Upgrade]
    halt: Halt | None


def read_present(database: Path, actor: str, at: float) -> Present:
    """What a database says that a restore must not undo. Where it cannot be trusted, everything is to be halted."""
    if not database.exists():
        return Present()
    halt, stopped, whole = None, {}, False
    try:
        with reading(database) as connection:
            store = Store(connection)
            halt = standing_halt(store)
            sets = store.load_state().scale_sets
            stopped = {(s.key, i.instance_id): i.stopped_by for s in sets for i in s.instances.values() if i.stopped_by}
            whole = unsound(connection, thoroughly=True) is None
    except (RollsetError, sqlite3.Error, ValueError, LookupError, TypeError, AssertionError):
        whole = False
    if halt is not None or whole:
        return Present(halt, True, stopped)
    return Present(Halt(actor, at, UNKNOWN), False, stopped)


def carry_over(present: Present, store: Store, actor: str, now: Now) -> Carried:
    """What makes the present halt stand in another store too, its live upgrades paused, and the same instances down.

    A halt that stands there already, where the present one is not known or the same, stays as it is.
    """
    state, halt = store.load_state(), standing_halt(store)
    events: list[Noted] = []
    paused: list[Upgrade] = []
    if present.halt is not None and present.halt != halt and (present.halt_known or halt is None):
        halt = present.halt
        events.append(("engine", HaltBegan(halt), actor, _CAUSE))
        paused = _paused(state, halt, events, actor, now)
    live = {u.scale_set: u for u in (*state.upgrades, *paused) if u.live}
    down = []
    for scale_set in state.scale_sets:
        if not goes_on_by_itself(live.get(scale_set.key)):
            down += _kept_down(scale_set, present, events, actor, now)
    return Carried(events, down, paused, halt)


def _paused(state: StoredState, halt: Halt, events: list[Noted], actor: str, now: Now) -> list[Upgrade]:
    known = {upgrade.id: upgrade for upgrade in state.upgrades}
    found = pause_all(known.values(), halt.by, halt.reason, now)
    for name, its in found.items():
        for event in its:
            known[name] = evolve_upgrade(known[name], event, now)
            events.append((f"upgrade/{name}", event, actor, _CAUSE))
    return [known[name] for name in found]


def _kept_down(scale_set: ScaleSet, present: Present, events: list[Noted], actor: str, now: Now) -> list[ScaleSet]:
    """The set with its stopped instances stopped, where that changes it."""
    after: ScaleSet | None = scale_set
    for instance in scale_set.instances.values():
        by = present.stopped.get((scale_set.key, instance.instance_id))
        if by is None or not instance.provisioned or not (instance.running or instance.trying is not None):
            continue
        event = InstanceStopped(instance.instance_id, by)
        after = evolve_scale_set(after, event, now)
        events.append((f"scale_set/{scale_set.key}", event, actor, _CAUSE))
    return [after] if after is not None and after is not scale_set else []
