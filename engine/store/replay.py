"""The log told again from its first event, and compared with the state that a start would load."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.model import events as e
from engine.model.image import ImageVersion
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, Upgrade
from engine.store.store import Store

_AT_ONCE = 2_000
_SHOWN = 5


def compare_with_log(connection: sqlite3.Connection) -> list[str]:
    """Differences between the log and the state, each in words; none in a sound store.

    All reading is in one transaction, so a running engine may go on writing.
    """
    connection.execute("BEGIN")
    try:
        store = Store(connection)
        state = store.load_state()
        told = Told()
        for item in every_event(store):
            told.fold(item)
        found = [
            *_holes(connection),
            *_differences("scale set", told.scale_sets, {s.key: s for s in state.scale_sets}),
            *_differences("upgrade", told.upgrades, {u.id: u for u in state.upgrades}),
            *_differences("image", told.images, {str(i.reference): i for i in state.images}),
        ]
    finally:
        connection.execute("ROLLBACK")
    return found if len(found) <= _SHOWN else [*found[:_SHOWN], f"and {len(found) - _SHOWN} more"]


def every_event(store: Store, after: int = 0, streams: Sequence[str] = ()) -> Iterator[e.Recorded]:
    """Events with a greater seq than `after`, oldest first; of the streams named, or of all."""
    while recorded := store.events(after, _AT_ONCE, streams=streams):
        after = recorded[-1].seq
        yield from recorded


class Told:
    """What a log tells, as far as it was folded; begin at its first event."""

    def __init__(self) -> None:
        self.scale_sets: dict[str, ScaleSet] = {}
        self.upgrades: dict[str, Upgrade] = {}
        self.images: dict[str, ImageVersion] = {}

    def fold(self, item: e.Recorded) -> None:
        """Take in the next event."""
        kind, _, key = item.stream.partition("/")
        now = Now(item.at, item.clock)
        if kind == "upgrade" and (key in self.upgrades or isinstance(item.event, e.UpgradeStarted)):
            self.upgrades[key] = evolve_upgrade(self.upgrades.get(key), item.event, now)
        elif kind == "scale_set":
            after = evolve_scale_set(self.scale_sets.get(key), item.event, now)
            self.scale_sets.pop(key, None)
            if after is not None:
                self.scale_sets[key] = after
        elif isinstance(item.event, e.ImagePublished):
            self.images[key] = item.event.image
        elif isinstance(item.event, e.ImageExclusionChanged) and key in self.images:
            self.images[key] = replace(self.images[key], excluded_from_latest=item.event.excluded)


def _holes(connection: sqlite3.Connection) -> Iterator[str]:
    sql = "SELECT stream, count(*), min(stream_seq), max(stream_seq) FROM event GROUP BY stream"
    for stream, count, first, last in connection.execute(sql):
        if count != last - first + 1 or first != 1:
            yield f"{stream}: {count} events from {first} to {last}"


def _differences(what: str, told: Mapping[str, object], state: Mapping[str, object]) -> Iterator[str]:
    for key in sorted({*told, *state}):
        if told.get(key) != state.get(key):
            where = "only in the state" if key not in told else "only in the log" if key not in state else "differs"
            yield f"{what} {key}: {where}"
