"""The state of the engine at its head, as the lines a client folds events onto."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Iterable, Sequence

from engine.decide.count_members import upgrade_overview
from engine.decide.fold_overview import overview_of
from engine.model.errors import NotFoundError
from engine.model.image import ImageVersion
from engine.model.overview import EngineFacts
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.model.version import VERSION
from engine.runtime.engine import Engine
from engine.runtime.recent_events import EventLine, event_line
from engine.wire.recording import OVERVIEW, Header, earlier_line, header_line, record_line

FEED = 200
"""So many events before the snapshot ride along, for the feed."""
PAST_UPGRADES = 500


def snapshot_lines(engine: Engine, scope: str) -> list[str]:
    """Lines of a snapshot, without line breaks. `scope` is `overview`, or a set's key or name (NotFoundError)."""
    scale_set = None if scope in ("", OVERVIEW) else engine.find_set(scope)
    now = engine.clock.now()
    header = Header(
        scale_set.key if scale_set is not None else OVERVIEW, engine.head, now.at, now.clock, f"rollset {VERSION}"
    )
    lines = [header_line(header), record_line(engine_facts(engine))]
    if scale_set is None:
        lines += _overview(engine)
    else:
        own = [u for u in engine.state.upgrades.values() if u.scale_set == scale_set.key]
        lines += set_lines(scale_set, own, engine.state.images.values())
    earlier = lines_before(engine, engine.head, streams_of(engine, scope), FEED)
    return lines + [earlier_line(line.text) for line in earlier]


def is_everything(scope: str) -> bool:
    """Whether a scope is that of all streams."""
    return scope in ("", "all", OVERVIEW)


def scope_of(engine: Engine, name: str) -> str:
    """A scope that does not depend on what exists: a set's key, also of one that is deleted. Raises NotFoundError."""
    if is_everything(name):
        return name
    try:
        return engine.find_set(name).key
    except NotFoundError:
        if engine.store.has_stream(f"scale_set/{name.lower()}"):
            return name.lower()
        raise


def streams_of(engine: Engine, scope: str) -> frozenset[str] | None:
    """The streams of a scope; None for all of them. Raises NotFoundError."""
    if is_everything(scope):
        return None
    key = scope_of(engine, scope)
    own = {f"upgrade/{u.id}" for u in engine.state.upgrades.values() if u.scale_set == key}
    return frozenset({f"scale_set/{key}", "engine", *own})


def lines_after(engine: Engine, seq: int, streams: frozenset[str] | None, limit: int) -> list[EventLine]:
    """At most `limit` events after `seq`, oldest first; from memory where it reaches back so far."""
    found = engine.recent.after(seq, streams, limit)
    if found is not None:
        return found
    return [event_line(r) for r in engine.store.events(seq, limit, streams=sorted(streams or ()))]


def lines_before(engine: Engine, seq: int, streams: frozenset[str] | None, limit: int) -> list[EventLine]:
    """The last `limit` events up to `seq`, oldest first."""
    return [event_line(r) for r in engine.store.last_events(seq, limit, streams=sorted(streams or ()))]


def _overview(engine: Engine) -> list[str]:
    last = {key: engine.state.last_upgrade(key) for key in engine.state.scale_sets}
    lines = [record_line(overview_of(s, last[s.key])) for s in engine.state.scale_sets.values()]
    shown = {upgrade.id for upgrade in last.values() if upgrade is not None}
    lines += _past([u for u in engine.state.upgrades.values() if u.id not in shown])
    return lines + [record_line(image) for image in engine.state.images.values()]


def set_lines(scale_set: ScaleSet, upgrades: Sequence[Upgrade], images: Iterable[ImageVersion]) -> list[str]:
    """Records of one set and its upgrades, the last of them whole."""
    own = (u for u in upgrades if u.is_since(scale_set.created_clock))
    last = max(own, key=lambda u: (u.live, u.started_at, u.id), default=None)
    lines = [record_line(scale_set)]
    lines += _past([u for u in upgrades if u is not last])
    lines += [record_line(last)] if last is not None else []
    return lines + [record_line(image) for image in images]


def _past(upgrades: list[Upgrade]) -> list[str]:
    ordered = sorted(upgrades, key=lambda u: u.started_at)[-PAST_UPGRADES:]
    return [record_line(upgrade_overview(u)) for u in ordered]


def engine_facts(engine: Engine) -> EngineFacts:
    """Who serves, and since when."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return EngineFacts(
        os.getpid(), VERSION, socket.gethostname(), user, engine.started_at, engine.epoch, engine.state.halt
    )
