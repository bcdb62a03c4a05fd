"""Verbs that plan, start and steer an upgrade."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.model.errors import InputError, NotFoundError
from engine.wire.safe_text import printable
from tui.verbs import engine_access
from tui.verbs.engine_access import EngineClient
from tui.verbs.options import (
    At,
    Batch,
    Confirm,
    FailedIds,
    Follow,
    HealthWindow,
    InstanceIds,
    Json,
    MaxUnhealthy,
    MaxUnhealthyUpgraded,
    Pause,
    Reason,
    RestoreFailed,
    SetName,
    StateDir,
    Step,
    Timeout,
    To,
)
from tui.verbs.printing import note, say, say_json, say_warnings

RESTORE_FAILED = ("always", "on_breach", "never", "azure")

Save = Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Keep for `start --plan`.")]
PlanFile = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Start this plan, unless the fleet has changed.")
]


def plan(
    name: SetName,
    to: To = None,
    batch: Batch = None,
    pause_between_batches: Pause = None,
    max_unhealthy: MaxUnhealthy = None,
    max_unhealthy_upgraded: MaxUnhealthyUpgraded = None,
    restore_failed: RestoreFailed = None,
    health_window: HealthWindow = None,
    timeout: Timeout = None,
    save: Save = None,
    json: Json = False,
    state_dir: StateDir = None,
) -> None:
    """Show what an upgrade would do, and change nothing."""
    from tui.plain.upgrades import beside_live, plan_lines
    from tui.verbs.files import write_json

    settings = run_settings(
        to, batch, pause_between_batches, max_unhealthy, max_unhealthy_upgraded, restore_failed, health_window, timeout
    )
    client = engine_access.connect(state_dir)
    answer = client.query("plan", query_of(name, settings))
    if save is not None:
        write_json(save, answer["plan"])
    if json:
        say_json(answer)
    else:
        live = _live_upgrade(client, name)
        say(plan_lines(beside_live(answer["plan"], live["id"], live["state"]) if live else answer["plan"]))
    if save is not None:
        note(f"saved: rollset start {printable(name)} --plan {save}")


def _live_upgrade(client: EngineClient, name: str) -> dict[str, Any] | None:
    """The upgrade of the set that has not ended, if there is one."""
    try:
        upgrade: dict[str, Any] = client.query("status", {"set": name})["ours"]
    except NotFoundError:
        return None
    return upgrade if upgrade["ended_at"] is None else None


def start(
    name: SetName,
    to: To = None,
    batch: Batch = None,
    pause_between_batches: Pause = None,
    max_unhealthy: MaxUnhealthy = None,
    max_unhealthy_upgraded: MaxUnhealthyUpgraded = None,
    restore_failed: RestoreFailed = None,
    health_window: HealthWindow = None,
    timeout: Timeout = None,
    step: Step = False,
    at: At = None,
    plan: PlanFile = None,
    follow: Follow = False,
    reason: Reason = None,
    confirm: Confirm = None,
    state_dir: StateDir = None,
) -> None:
    """Start an upgrade to another image version."""
    from tui.plain.moments import parse_moment
    from tui.verbs.files import read_object
    from tui.verbs.following import follow_or_leave, head_of

    arguments = run_settings(
        to, batch, pause_between_batches, max_unhealthy, max_unhealthy_upgraded, restore_failed, health_window, timeout
    )
    arguments |= {
        "set": name,
        "step": step or None,
        "at": None if at is None else parse_moment(at, time.time(), "--at"),
        "plan": None if plan is None else read_object(plan),
        "reason": reason,
        "confirm": confirm,
    }
    client = engine_access.connect(state_dir)
    head = head_of(client) if follow else 0
    answer = engine_access.send(client, "start", arguments, confirm_name=name)
    say_warnings(answer.get("warnings") or ())
    upgrade = _say_upgrade(client, answer, name)
    if follow:
        raise typer.Exit(follow_or_leave(client, upgrade, head, state_dir))
    if upgrade["ended_at"] is not None and upgrade["error"]:
        from tui.plain.upgrades import ending_lines

        say(ending_lines(upgrade))
        note(f"why: rollset explain {upgrade['id']}")


def pause(name: SetName, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Let what has begun finish, and begin nothing more."""
    _steer(state_dir, "pause", name, {}, reason, confirm)


def resume(name: SetName, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Go on after a pause."""
    _steer(state_dir, "resume", name, {}, reason, confirm)


def step(name: SetName, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Run one batch, then pause again."""
    _steer(state_dir, "step", name, {}, reason, confirm)


def cancel(name: SetName, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """End the upgrade after what has begun; what is done stays."""
    _steer(state_dir, "cancel", name, {}, reason, confirm)


def rollback(name: SetName, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Bring every touched instance back to its restore point."""
    _steer(state_dir, "rollback", name, {}, reason, confirm)


def retry(
    name: SetName,
    instances: FailedIds = None,
    reason: Reason = None,
    confirm: Confirm = None,
    state_dir: StateDir = None,
) -> None:
    """Put failed instances back among the pending: those named, or all that failed."""
    _steer(state_dir, "retry", name, {"instances": instances or []}, reason, confirm)


def skip(
    name: SetName,
    instances: InstanceIds,
    reason: Reason = None,
    confirm: Confirm = None,
    state_dir: StateDir = None,
) -> None:
    """Take instances out of this upgrade."""
    _steer(state_dir, "skip", name, {"instances": instances}, reason, confirm)


def accept_loss(name: SetName, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Go on although instances could not be restored."""
    _steer(state_dir, "accept-loss", name, {}, reason, confirm)


def register(app: typer.Typer) -> None:
    """Add these verbs."""
    for verb in (plan, start, pause, resume, step, cancel, rollback, retry, skip, accept_loss):
        app.command(verb.__name__.replace("_", "-"))(verb)


def _steer(
    state_dir: Path | None, verb: str, name: str, arguments: dict[str, Any], reason: str | None, confirm: str | None
) -> None:
    given = {"set": name, **arguments, "reason": reason, "confirm": confirm}
    _say_upgrade(*engine_access.carry_out(state_dir, verb, given, confirm_name=name), name)


def _say_upgrade(client: engine_access.EngineClient, answer: dict[str, Any], name: str) -> dict[str, Any]:
    """Show the answer's message and upgrade; a repeated command's answer has none, so it is asked for."""
    from tui.plain.progress import progress_line

    upgrade: dict[str, Any] = answer.get("upgrade") or client.query("status", {"set": name})["ours"]
    message = answer.get("message")
    say([*([printable(str(message))] if message else []), progress_line(upgrade, sys.stdout.encoding)])
    return upgrade


def run_settings(
    to: str | None,
    batch: str | None,
    pause_between_batches: str | None,
    max_unhealthy: int | None,
    max_unhealthy_upgraded: int | None,
    restore_failed: str | None,
    health_window: str | None,
    timeout: str | None,
) -> dict[str, Any]:
    """What holds for this run only, as the engine takes it: durations in seconds, the pause as ISO 8601."""
    from tui.plain.moments import iso_duration, parse_duration

    if restore_failed is not None and restore_failed not in RESTORE_FAILED:
        raise InputError(
            "InvalidParameter",
            f"--restore-failed {restore_failed!r} is none of {', '.join(RESTORE_FAILED)}.",
            "Choose one of them, or leave it out.",
        )
    pause = None if pause_between_batches is None else iso_duration(pause_between_batches, "--pause-between-batches")
    return {
        "to": to,
        "batch": batch,
        "pause_between_batches": pause,
        "max_unhealthy": max_unhealthy,
        "max_unhealthy_upgraded": max_unhealthy_upgraded,
        "restore_failed": restore_failed,
        "health_window": None if health_window is None else parse_duration(health_window, "--health-window"),
        "timeout": None if timeout is None else parse_duration(timeout, "--timeout"),
    }


def query_of(name: str, settings: Mapping[str, object]) -> dict[str, str]:
    """A set and what was given for the run, as they stand in the address of a query."""
    given = {key: value for key, value in settings.items() if value is not None}
    return {"set": name} | {
        key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in given.items()
    }
