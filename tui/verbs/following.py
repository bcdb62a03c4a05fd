"""Watching an upgrade until it has ended, over interruptions of the engine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.model.errors import UnreachableError
from tui.plain.progress import Feed, feed_line
from tui.verbs import engine_access
from tui.verbs.engine_access import EngineClient
from tui.verbs.printing import note

COMPLETED = "Completed"
PAUSED = "Paused"
MAX_RECONNECTS = 5
TELLING_TYPES = ("Upgrade", "Batch", "Hold", "Limit", "Failures", "Step", "Cancel", "RollBack")
NOTICE = "FailuresNoticed"
"""Told again when a failed member is restored, though its sentence stays the same: shown once."""
ENDING_TYPES = frozenset({"UpgradeCompleted", "UpgradeCancelled", "UpgradeFaulted", "UpgradeRolledBack"})

Reconnect = Callable[[], EngineClient]
Wanted = Callable[[Mapping[str, Any]], bool]


def head_of(client: EngineClient) -> int:
    """The seq of the engine's last event."""
    return int(client.query("engine", {})["head"])


def upgrade_of(client: EngineClient, upgrade_id: str) -> dict[str, Any]:
    """One upgrade as it stands now."""
    ours: dict[str, Any] = client.query("upgrade", {"id": upgrade_id})["ours"]
    return ours


def has_ended(upgrade: Mapping[str, Any]) -> bool:
    """Whether nothing more will happen in this upgrade."""
    return upgrade["ended_at"] is not None


def everything(event: Mapping[str, Any]) -> bool:
    """Every event that has words becomes a feed line, but for forecasts, which the progress line shows."""
    return bool(event["type"] != "UpgradeOutlookChanged")


def events_from(client: EngineClient, after: int, scope: str, reconnect: Reconnect) -> Iterator[dict[str, Any]]:
    """Events with a greater seq, each once, for as long as the caller asks and the scope's set is there.

    When the engine goes away, a new one is started and the stream goes on behind the last event seen; after
    MAX_RECONNECTS in a row that bring nothing, raises UnreachableError.
    """
    failures = 0
    while True:
        try:
            for event in client.events(after, scope, True):
                if "seq" not in event:
                    continue
                failures, after = 0, int(event["seq"])
                yield event
            return
        except UnreachableError:
            failures += 1
            if failures > MAX_RECONNECTS:
                raise
        client = reconnect()


def follow(
    client: EngineClient,
    upgrade_id: str,
    scope: str,
    after: int,
    reconnect: Reconnect,
    wanted: Wanted = everything,
    *,
    draws: bool = True,
) -> dict[str, Any]:
    """Show events as feed lines and the counters as one progress line; returns the upgrade once it has ended.

    With `draws` false the progress line is left out on a terminal too.
    """
    feed = Feed(sys.stdout, draws)
    try:
        upgrade = upgrade_of(client, upgrade_id)
        feed.progress(upgrade)
        stream, noticed = f"upgrade/{upgrade_id}", ""
        for event in events_from(client, after, scope, reconnect):
            if event["words"] and event["words"] != noticed and wanted(event):
                feed.line(feed_line(event))
            if event["type"] == NOTICE:
                noticed = event["words"]
            if event["stream"] != stream or not (feed.is_terminal or ends(event)):
                continue
            upgrade = _ask_again(client, reconnect, upgrade_id)
            feed.progress(upgrade)
            if ends(event):
                return upgrade
        raise AssertionError("the event stream has no end of its own")
    finally:
        feed.end()


def tells(event: Mapping[str, Any]) -> bool:
    """Whether an event can mean that the upgrade, rather than one member, came to another state."""
    return everything(event) and str(event["type"]).startswith(TELLING_TYPES)


def ends(event: Mapping[str, Any]) -> bool:
    """Whether an event is the last of its upgrade; what came before it has been shown then."""
    return event["type"] in ENDING_TYPES


def follow_or_leave(client: EngineClient, upgrade: Mapping[str, Any], after: int, given: Path | None) -> int:
    """Follow for a verb: the exit code is 0 for Completed, 1 for any other end, 130 when ctrl+c stops watching."""
    from tui.plain.upgrades import ending_lines
    from tui.verbs.printing import say

    name = str(upgrade["scale_set_name"])
    try:
        ended = follow(
            client, upgrade["id"], upgrade["scale_set"], after, reconnect=lambda: engine_access.connect(given)
        )
    except KeyboardInterrupt:
        note(f"the upgrade goes on; see `rollset status {name}`")
        return 130
    say(ending_lines(ended))
    if ended["state"] != COMPLETED:
        note(f"why: rollset explain {ended['id']}")
    return 0 if ended["state"] == COMPLETED else 1


def _ask_again(client: EngineClient, reconnect: Reconnect, upgrade_id: str) -> dict[str, Any]:
    try:
        return upgrade_of(client, upgrade_id)
    except UnreachableError:
        return upgrade_of(reconnect(), upgrade_id)
