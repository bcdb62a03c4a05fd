"""Verbs on scale sets and their instances."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.model.errors import InputError, RefusedError
from engine.wire.safe_text import printable
from tui.verbs import engine_access
from tui.verbs.options import Confirm, InstanceId, Json, Reason, SetName, StateDir
from tui.verbs.printing import say, say_json, say_warnings

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="ARM resources as JSON; - for standard input.", show_default=False),
]
NewTo = Annotated[
    str | None,
    typer.Option("--to", metavar="VERSION", help="What new instances take, unless as usual.", show_default=False),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="ISO 8601, HH:MM or a duration.", show_default=False)
]


def apply(files: Files, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Create or change scale sets, load balancers and policies from files, `-` for standard input: all or none."""
    from tui.verbs.files import read_documents

    read = [read_documents(path) for path in files]
    documents = [document for _, found in read for document in found]
    names = [name for name, found in read for _ in found]
    name = next((str(d["name"]) for d in documents if "name" in d and "sku" in d), "")
    arguments = {"documents": documents, "files": names, "reason": reason, "confirm": confirm}
    client = engine_access.connect(state_dir)
    for result in engine_access.send(client, "apply", arguments, confirm_name=name).get("results", ()):
        operation = f", {printable(str(result['operation']))}" if result.get("operation") else ""
        say([f"{printable(str(result['name']))}: {result['action']}{operation}"])
        say_warnings(result["warnings"])


def sets(json: Json = False, state_dir: StateDir = None) -> None:
    """List the scale sets."""
    from tui.plain.fleet import set_lines
    from tui.plain.halted import halt_lines

    answer = engine_access.connect(state_dir).query("sets", {})
    if json:
        say_json(answer)
    else:
        say([*halt_lines(answer), *set_lines(answer["sets"])])


def show(name: SetName, json: Json = False, state_dir: StateDir = None) -> None:
    """Show one scale set with its instances."""
    from tui.plain.fleet import set_detail_lines

    answer = engine_access.connect(state_dir).query("set", {"name": name})
    if json:
        say_json(answer)
    else:
        say(set_detail_lines(answer["ours"]))


def hold(
    name: SetName,
    instance: InstanceId,
    until: Until = None,
    reason: Reason = None,
    confirm: Confirm = None,
    state_dir: StateDir = None,
) -> None:
    """Keep an instance out of batches until it is released; held anew, what is not said stays."""
    from tui.plain.moments import parse_moment

    until_at = None if until is None else parse_moment(until, time.time(), "--until")
    _change(state_dir, "hold", name, {"instance": instance, "until": until_at}, reason, confirm)


def release(
    name: SetName, instance: InstanceId, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None
) -> None:
    """Let a held instance into batches again."""
    _change(state_dir, "release", name, {"instance": instance}, reason, confirm)


def protect(
    name: SetName,
    instance: InstanceId,
    from_actions: Annotated[
        bool, typer.Option("--from-actions/--no-from-actions", help="Upgrades and other actions on the whole set.")
    ] = True,
    from_scale_in: Annotated[
        bool, typer.Option("--from-scale-in/--no-from-scale-in", help="Removal when the set shrinks.")
    ] = True,
    reason: Reason = None,
    confirm: Confirm = None,
    state_dir: StateDir = None,
) -> None:
    """Protect an instance from actions on its set (or, with both --no options, no longer)."""
    arguments = {"instance": instance, "from_actions": from_actions, "from_scale_in": from_scale_in}
    _change(state_dir, "protect", name, arguments, reason, confirm)


def scale(
    name: SetName,
    capacity: Annotated[int, typer.Argument(min=0, help="The number of instances wanted.", show_default=False)],
    to: NewTo = None,
    reason: Reason = None,
    confirm: Confirm = None,
    state_dir: StateDir = None,
) -> None:
    """Change the number of instances."""
    _change(state_dir, "scale", name, {"capacity": capacity, "to": to}, reason, confirm)


def delete(name: SetName, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Delete a scale set and its instances; without a terminal it needs --confirm with the set's name."""
    own = name.rstrip("/").rpartition("/")[2]
    gone = f"{printable(name)} goes with all its instances and disks"
    if confirm is None and not engine_access.on_terminal():
        raise RefusedError("ConfirmationNeeded", f"{gone}: delete needs its name typed.", f"Add --confirm {own}")
    if confirm is None:
        confirm = engine_access.ask_name(gone, own)
    if confirm.casefold() != own.casefold():
        said = f"{printable(confirm)!r} is not {printable(own)}; nothing was changed."
        raise InputError("ConfirmationNeeded", said, f"--confirm {own}")
    _change(state_dir, "delete", name, {}, reason, confirm)


def register(app: typer.Typer) -> None:
    """Add these verbs."""
    for verb in (apply, sets, show, scale, protect, hold, release, delete):
        app.command(verb.__name__)(verb)


def _change(
    state_dir: Path | None,
    verb: str,
    name: str,
    arguments: dict[str, Any],
    reason: str | None,
    confirm: str | None,
) -> None:
    client = engine_access.connect(state_dir)
    given = {"set": name, **arguments, "reason": reason, "confirm": confirm}
    say([printable(str(engine_access.send(client, verb, given, confirm_name=name)["message"]))])
