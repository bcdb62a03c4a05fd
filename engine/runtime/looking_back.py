"""Answers about what has happened: the events of a scope or of an instance, and one run whole with its turns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import anyio.lowlevel

from engine.decide.count_members import count_members
from engine.model.codes import ErrorCode
from engine.model.errors import InputError
from engine.runtime.arguments import text, whole
from engine.runtime.engine import Engine
from engine.runtime.find_upgrade import find_upgrade
from engine.runtime.recent_events import event_line
from engine.runtime.set_aside import with_members
from engine.runtime.snapshot import streams_of
from engine.wire.recording import OVERVIEW
from engine.wire.state import dump

MOST_EVENTS = 5_000
PAGE = 500
"""So many events are read at once: some ten milliseconds in which nothing else can happen."""
QUIET = ("MemberMoved", "MemberReconciling", "UpgradeOutlookChanged")
"""Left out of a run's turning points: thousands in a large run, and the record says what came of them."""


async def timeline(engine: Engine, arguments: Mapping[str, str]) -> dict[str, Any]:
    """The last `limit` events of `scope` (a set, or overview), oldest first; with `instance` those that name it."""
    scope, instance = arguments.get("scope") or OVERVIEW, arguments.get("instance") or ""
    limit = whole(arguments, "limit") if arguments.get("limit") else 1_000
    if not 1 <= limit <= MOST_EVENTS:
        raise InputError(
            ErrorCode.INVALID_PARAMETER, f"limit {limit} is not in 1 to {MOST_EVENTS}.", "Choose one in that range."
        )
    streams = sorted(streams_of(engine, scope) or ())
    holding = f'"instance_id":{json.dumps(instance, ensure_ascii=False)}' if instance else ""
    return {"events": await last_lines(engine, limit, streams=streams, holding=holding)}


async def last_lines(
    engine: Engine, limit: int, *, streams: Sequence[str], holding: str = "", without: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The last `limit` events as clients get them, oldest first; see `Store.last_events`.

    Read page by page, and between two pages whatever else waits has its turn.
    """
    found: list[dict[str, Any]] = []
    before = engine.head
    while len(found) < limit:
        wanted = min(PAGE, limit - len(found))
        page = engine.store.last_events(before, wanted, streams=streams, holding=holding, without=without)
        found = [json.loads(event_line(recorded).text) for recorded in page] + found
        if len(page) < wanted:
            break
        before = page[0].seq - 1
        await anyio.lowlevel.checkpoint()
    return found


async def run(engine: Engine, arguments: Mapping[str, str]) -> dict[str, Any]:
    """One upgrade whole (its record), and the events that turned it: commands, holds, batches, limits, the end."""
    upgrade = with_members(engine.store, find_upgrade(engine.state, text(arguments, "id")))
    events = await last_lines(engine, MOST_EVENTS, streams=(f"upgrade/{upgrade.id}",), without=QUIET)
    return {
        "upgrade": json.loads(dump(upgrade)),
        "counters": asdict(count_members(upgrade)),
        "members_known": True,
        "events": events,
    }
