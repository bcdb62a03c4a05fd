"""Verbs that answer questions: explain, audit, doctor, version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.model.errors import UnreachableError
from tui.verbs import engine_access
from tui.verbs.options import Json, StateDir
from tui.verbs.printing import note, say, say_json

DOCTOR_LIMIT_S = 60
Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="FILE", help="Write a bug report without secrets to FILE.", show_default=False),
]
AUDIT_COLUMNS = ("at", "actor", "type", "words")


def explain(
    what: Annotated[
        str,
        typer.Argument(help="An upgrade's id, a set, or how an error code or a reason to wait begins."),
    ],
    json: Json = False,
    state_dir: StateDir = None,
) -> None:
    """Say what happened, the numbers, and what to do."""
    answer = engine_access.connect(state_dir).query("explain", {"what": what})
    if json:
        say_json(answer)
    else:
        say(explanation_lines(answer))


def explanation_lines(answer: Mapping[str, Any]) -> list[str]:
    """The title and the words."""
    from engine.wire.safe_text import printable

    return [printable(str(answer["title"])), *(f"  {printable(str(line))}" for line in answer["words"])]


def audit(
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many entries.")] = 50,
    verify: Annotated[bool, typer.Option("--verify", help="Check that no entry was changed or removed.")] = False,
    json: Json = False,
    state_dir: StateDir = None,
) -> None:
    """List who asked for what, and what the engine answered."""
    if verify:
        found = engine_access.connect(state_dir).query("audit-verify", {})
        if json:
            say_json(found)
        else:
            say(verified_lines(found))
        if not found["ok"]:
            raise typer.Exit(1)
        return
    answer = engine_access.connect(state_dir).query("audit", {"limit": str(limit)})
    if json:
        say_json(answer)
    else:
        say(audit_lines(answer["entries"]))


def verified_lines(found: Mapping[str, Any]) -> list[str]:
    """What became of the check of the audit chain."""
    from tui.plain.moments import show_moment

    older = f"; {found['unchained']} older ones have no hash" if found["unchained"] else ""
    bad = found["first_bad"]
    if bad is None:
        return [f"{found['entries']} audit entries are as they were written{older}", f"last hash {found['hash']}"]
    when = show_moment(bad["at"])
    return [
        f"FAILED: audit entry {bad['number']} ({when}): {bad['words']}; {found['entries']} before it are good{older}"
    ]


def audit_lines(entries: list[Mapping[str, Any]]) -> list[str]:
    """One entry a line: when, who, what; fields that an entry has beyond these follow as `name=value`."""
    from tui.plain.moments import show_moment
    from tui.plain.table import cell, table

    if not entries:
        return ["no entry yet"]
    rows = []
    for entry in entries:
        rest = (f"{key}={cell(value)}" for key, value in entry.items() if key not in AUDIT_COLUMNS and value)
        said = entry.get("words") or " ".join(rest)
        rows.append((show_moment(entry.get("at")), entry.get("actor"), entry.get("type"), said))
    return table(("TIME", "WHO", "TYPE", "WHAT"), rows)


def doctor(bundle: Bundle = None, json: Json = False, state_dir: StateDir = None) -> None:
    """Check the engine, its store and this machine."""
    if bundle is not None:
        _report(bundle, json, state_dir)
        return
    try:
        answer = engine_access.connect(state_dir).query("doctor", {})
    except UnreachableError as unreachable:
        note(f"the engine cannot be reached ({unreachable.message}); looking at its store without it")
        answer = ask_store(engine_access.state_dir(state_dir), unreachable)
    if json:
        say_json(answer)
    else:
        say(doctor_lines(answer["checks"]))
    if not all(check["ok"] for check in answer["checks"]):
        raise typer.Exit(1)


def _report(bundle: Path, as_json: bool, given: Path | None) -> None:
    from tui.plain.upgrades import size
    from tui.verbs.moving import own_directory, run_apart

    directory = own_directory(given, "doctor --bundle")
    told = run_apart("engine.store.bug_report", directory, ["--", str(bundle.expanduser().absolute())])
    if as_json:
        say_json(told)
        return
    say([f"wrote {bundle} ({size(told['size_bytes'])}), for a bug report; look at it before you send it"])
    say([f"kept: {told['kept']}", "left out:", *(f"  {what}" for what in told["left_out"])])


def doctor_lines(checks: list[Mapping[str, Any]]) -> list[str]:
    """One check a line, with the next step below those that failed."""
    from engine.wire.safe_text import printable

    lines = []
    for check in checks:
        lines.append(f"{'ok' if check['ok'] else 'FAILED':<6}  {printable(check['name'])}: {printable(check['words'])}")
        if not check["ok"] and check["next_step"]:
            lines.append(f"        try: {printable(check['next_step'])}")
    return lines


def ask_store(directory: Path, unreachable: UnreachableError) -> dict[str, Any]:
    """The store's own checks, in a process of their own. Raises `unreachable` when they give no answer either."""
    import json
    import subprocess
    import sys

    command = [sys.executable, "-m", "engine.store.doctor", "--json", "--state-dir", str(directory)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=DOCTOR_LIMIT_S, check=False)
        answer = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        raise unreachable from None
    engine = {
        "name": "engine",
        "ok": False,
        "words": unreachable.message,
        "next_step": unreachable.next_step,
    }
    return {"checks": [engine, *answer["checks"]]}


def version(json: Json = False) -> None:
    """Show the version of rollset and of Python."""
    import platform
    from importlib import metadata

    try:
        own = metadata.version("rollset")
    except metadata.PackageNotFoundError:
        own = "unknown (run from its sources)"
    if json:
        say_json({"rollset": own, "python": platform.python_version()})
    else:
        say([f"rollset {own}, Python {platform.python_version()}"])


def register(app: typer.Typer) -> None:
    """Add these verbs."""
    for verb in (explain, audit, doctor, version):
        app.command(verb.__name__)(verb)
