"""The halt that the log tells of, and how it outlives a restore."""

from __future__ import annotations

from collections.abc import Sequence

from engine.decide.evolve import evolve_upgrade
from engine.decide.halt import halt_after, pause_all
from engine.model.events import Event, HaltBegan, HaltEnded
from engine.model.halt import Halt
from engine.model.upgrade import Now, Upgrade
from engine.store.store import Store

_TYPES = (HaltBegan.__name__, HaltEnded.__name__)
_CAUSE = "restore"
Noted = tuple[str, Event, str, str]
"""Stream, event, actor, cause."""


def standing_halt(store: Store, seq: int | None = None) -> Halt | None:
    """The halt that had begun and was not lifted up to the event `seq` (up to the last one); None for none."""
    last = store.head if seq is None else seq
    for recorded in store.last_events(last, 1, streams=("engine",), types=_TYPES):
        if isinstance(recorded.event, HaltBegan | HaltEnded):
            return halt_after(recorded.event)
    return None


def carried_over(halt: Halt | None, store: Store, actor: str, now: Now) -> tuple[Sequence[Noted], Sequence[Upgrade]]:
    """Events that make a halt stand in another store too, its live upgrades paused, and those upgrades after them.

    Nothing where there is none, or where the same stands there already.
    """
    if halt is None or standing_halt(store) == halt:
        return (), ()
    noted: list[Noted] = [("engine", HaltBegan(halt), actor, _CAUSE)]
    known = {upgrade.id: upgrade for upgrade in store.load_state().upgrades}
    paused = pause_all(known.values(), halt.by, halt.reason, now)
    for name, events in paused.items():
        for event in events:
            known[name] = evolve_upgrade(known[name], event, now)
            noted.append((f"upgrade/{name}", event, actor, _CAUSE))
    return noted, [known[name] for name in paused]
