"""Verbs that look at upgrades and at the log: status, wait, history, events."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.model.errors import InputError, UnreachableError
from tui.verbs import engine_access
from tui.verbs.engine_access import EngineClient
from tui.verbs.options import Json, OptionalSetName, SetName, StateDir
from tui.verbs.printing import note, say, say_json, say_json_line

POLL_S = 0.5
TIMED_OUT = 124
STOPPED_WATCHING = 130
EVERYTHING = "all"


class Awaited(StrEnum):
    """What `wait` can wait for."""

    COMPLETED = "completed"
    PAUSED = "paused"
    ENDED = "ended"


For = Annotated[Awaited, typer.Option("--for", help="What to wait for.")]
WaitTimeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="DURATION", help="Give up then, with exit code 124.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="POSITION|TIME",
        help="After this seq, or since ISO 8601, HH:MM, 10m ago.",
        show_default=False,
    ),
]


def status(
    name: OptionalSetName = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and follow until it has ended.")] = False,
    json: Json = False,
    state_dir: StateDir = None,
) -> None:
    """Show where the upgrade of a set stands, or every set on a line."""
    if watch and json:
        raise InputError(
            "InvalidParameter", "--watch draws for people, --json is data.", "rollset events --follow --json"
        )
    client = engine_access.connect(state_dir)
    if name is None:
        _status_of_all(client, watch, json, state_dir)
        return
    from tui.plain.halted import halt_lines
    from tui.plain.upgrades import status_lines
    from tui.verbs.following import follow_or_leave, has_ended, head_of

    head = head_of(client) if watch else 0
    answer = client.query("status", {"set": name})
    if json:
        say_json(answer)
        return
    say([*halt_lines(answer), *status_lines(answer["ours"], sys.stdout.encoding)])
    if watch and not has_ended(answer["ours"]):
        raise typer.Exit(follow_or_leave(client, answer["ours"], head, state_dir))


def wait(
    name: SetName,
    awaited: For = Awaited.COMPLETED,
    timeout: WaitTimeout = None,
    state_dir: StateDir = None,
) -> None:
    """Wait until the upgrade of a set is completed, paused or ended."""
    from tui.plain.moments import parse_duration
    from tui.plain.upgrades import ending_lines

    limit_s = None if timeout is None else parse_duration(timeout, "--timeout")
    client = engine_access.connect(state_dir)
    first: dict[str, Any] = client.query("status", {"set": name})["ours"]
    try:
        upgrade = await_state(client, first, awaited, limit_s, lambda: engine_access.connect(state_dir))
    except KeyboardInterrupt:
        note(f"the upgrade goes on; see `rollset status {name}`")
        raise typer.Exit(STOPPED_WATCHING) from None
    if upgrade is None:
        note(f"error: TimedOut: not {awaited} after {timeout}")
        note(f"  try: rollset status {name}")
        raise typer.Exit(TIMED_OUT)
    say(ending_lines(upgrade))
    raise typer.Exit(0 if is_as_awaited(upgrade, awaited) else 1)


def is_as_awaited(upgrade: Mapping[str, Any], awaited: Awaited) -> bool:
    """Whether the upgrade is in the state that was waited for."""
    if awaited is Awaited.PAUSED:
        return bool(upgrade["state"] == "Paused")
    ended = upgrade["ended_at"] is not None
    return ended and (awaited is Awaited.ENDED or upgrade["state"] == "Completed")


def await_state(
    client: EngineClient,
    upgrade: dict[str, Any],
    awaited: Awaited,
    limit_s: float | None,
    reconnect: Callable[[], EngineClient],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any] | None:
    """The upgrade once it is as awaited or has ended; None when `limit_s` seconds have passed before."""
    began = clock()
    while not is_as_awaited(upgrade, awaited) and upgrade["ended_at"] is None:
        left_s = POLL_S if limit_s is None else limit_s - (clock() - began)
        if left_s <= 0:
            return None
        sleep(min(POLL_S, left_s))
        try:
            upgrade = client.query("upgrade", {"id": upgrade["id"]})["ours"]
        except UnreachableError:
            client = reconnect()
    return upgrade


def history(name: OptionalSetName = None, json: Json = False, state_dir: StateDir = None) -> None:
    """List past upgrades, newest first."""
    from tui.plain.upgrades import history_lines

    answer = engine_access.connect(state_dir).query("history", {} if name is None else {"set": name})
    if json:
        say_json(answer)
    else:
        say(history_lines(answer["ours"], answer.get("gaps") or ()))


def events(
    name: OptionalSetName = None,
    since: Since = None,
    follow: Annotated[bool, typer.Option("--follow", help="Stay for more; ctrl+c ends it.")] = False,
    json: Json = False,
    state_dir: StateDir = None,
) -> None:
    """List what happened, one event a line (with --json one document a line)."""
    after, since_at = _position(since)
    client = engine_access.connect(state_dir)
    try:
        for event in _events(client, after, name or EVERYTHING, follow, state_dir):
            if "seq" not in event or float(event["at"]) < since_at:
                continue
            if json:
                say_json_line(event)
            elif event["words"]:
                say([event_line(event)])
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED_WATCHING) from None


def event_line(event: Mapping[str, Any]) -> str:
    """Position, time, the name of what it happened to, and the sentence of an event."""
    from tui.plain.moments import show_moment
    from tui.plain.table import cell

    name = str(event["stream"]).rpartition("/")[2]
    return f"{event['seq']:>6}  {show_moment(float(event['at']))}  {cell(name)}  {cell(event['words'])}"


def register(app: typer.Typer) -> None:
    """Add these verbs."""
    for verb in (status, wait, history, events):
        app.command(verb.__name__)(verb)


def _events(
    client: EngineClient, after: int, scope: str, follow: bool, state_dir: Path | None
) -> Iterator[dict[str, Any]]:
    if not follow:
        return client.events(after, scope, False)
    from tui.verbs.following import events_from

    return events_from(client, after, scope, lambda: engine_access.connect(state_dir))


def _position(since: str | None) -> tuple[int, float]:
    """The seq and the time after which events are wanted."""
    from tui.plain.moments import parse_moment

    if since is None:
        return 0, 0.0
    if since.isascii() and since.isdigit():
        return int(since), 0.0
    return 0, parse_moment(since, time.time(), "--since", ago=True)


def _status_of_all(client: EngineClient, watch: bool, json: bool, state_dir: Path | None) -> None:
    from tui.plain.fleet import set_lines
    from tui.plain.halted import halt_lines
    from tui.plain.progress import feed_line
    from tui.verbs.following import events_from, head_of

    head = head_of(client) if watch else 0
    answer = client.query("sets", {})
    if json:
        say_json(answer)
        return
    say([*halt_lines(answer), *set_lines(answer["sets"])])
    try:
        if watch:
            for event in events_from(client, head, "overview", lambda: engine_access.connect(state_dir)):
                if event["words"]:
                    say([feed_line(event)])
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED_WATCHING) from None
