"""A past or running upgrade as a recording: its set as it was just before, then every event until its end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio.to_thread

from engine.model.codes import ErrorCode
from engine.model.errors import NotFoundError
from engine.model.events import Recorded
from engine.model.image import ImageVersion
from engine.model.overview import EngineFacts
from engine.model.version import VERSION
from engine.runtime.engine import Engine
from engine.runtime.find_upgrade import LOOK_FOR_IT, find_upgrade
from engine.runtime.recent_events import event_line
from engine.runtime.snapshot import FEED, engine_facts, set_lines
from engine.store.failures import StoreCorruptError, StoreUnreadableError
from engine.store.reading import reading
from engine.store.replay import Told, every_event
from engine.store.standing_halt import standing_halt
from engine.store.store import Store
from engine.wire.recording import Header, earlier_line, header_line, record_line


@dataclass(frozen=True, slots=True)
class _Run:
    upgrade: str
    scale_set: str
    streams: Sequence[str]
    images: Iterable[ImageVersion]
    facts: EngineFacts


async def recording_lines(engine: Engine, upgrade_id: str) -> list[str]:
    """The lines of a recording of one upgrade, without line breaks.

    The log is told again from its first event, in a thread and over a connection of its own, as of one moment. Raises
    NotFoundError, StoreUnreadableError, and StoreCorruptError where the log does not tell a run.
    """
    upgrade = find_upgrade(engine.state, upgrade_id)
    own = [f"upgrade/{u.id}" for u in engine.state.upgrades.values() if u.scale_set == upgrade.scale_set]
    run = _Run(
        f"upgrade/{upgrade.id}",
        upgrade.scale_set,
        (f"scale_set/{upgrade.scale_set}", *own),
        tuple(engine.state.images.values()),
        engine_facts(engine),
    )
    try:
        return await anyio.to_thread.run_sync(_told_again, engine.store.path, run, abandon_on_cancel=True)
    except sqlite3.OperationalError as error:
        raise StoreUnreadableError(f"the log of {upgrade.id}: {error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        why = f"the log of {upgrade.id} does not tell a run ({type(error).__name__}: {error})"
        raise StoreCorruptError(why) from error


def _told_again(database: Path, run: _Run) -> list[str]:
    with reading(database) as connection:
        connection.execute("BEGIN")  # what leaves the store meanwhile is still there for this connection
        store = Store(connection)
        if not store.has_stream(run.upgrade):
            raise NotFoundError(ErrorCode.NOT_FOUND, f"{run.upgrade} has just left the store.", LOOK_FOR_IT)
        first, last = store.span_of(run.upgrade)
        told, before, at, clock = Told(), 0, 0.0, 0.0
        for item in every_event(store, streams=run.streams):
            if item.seq >= first:
                break
            told.fold(item)
            before, at, clock = item.seq, item.at, item.clock
        own = [u for u in told.upgrades.values() if u.scale_set == run.scale_set]
        header = Header(run.scale_set, before, at, clock, f"rollset {VERSION}", last)
        earlier = [event_line(r).text for r in store.last_events(before, FEED, streams=run.streams)]
        facts = replace(run.facts, halt=standing_halt(store, first - 1))
        lines = [header_line(header), record_line(facts)]
        lines += set_lines(told.scale_sets[run.scale_set], own, run.images)
        lines += [earlier_line(text) for text in earlier]
        return lines + [event_line(item).text for item in _events_of(store, run, first, last)]


def _events_of(store: Store, run: _Run, first: int, last: int) -> Iterable[Recorded]:
    """Until the upgrade's last event, and what was committed with it."""
    ended_at: float | None = None
    for item in every_event(store, first - 1, ("engine", *run.streams)):
        if item.seq > last and item.at != ended_at:
            return
        ended_at = item.at if item.seq == last else ended_at
        yield item
