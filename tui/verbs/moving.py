"""Verbs that copy the engine's memory or put a copy back: backup, restore, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.model.errors import ERRORS_BY_EXIT_CODE, InputError, NotPermittedError, RollsetError, UnreachableError
from engine.model.halt import WAY_OUT, Halt
from engine.model.numbers import many
from tui.verbs import engine_access
from tui.verbs.options import Json, Reason, StateDir
from tui.verbs.printing import say, say_json

LIMIT_S = 3600.0
NAMED = 20
ENGINE_RUNS = "EngineRuns"
_NO_FILE = typer.Argument(metavar="[FILE]", help="A file that does not exist yet.", show_default=False)
_NEW_FILE = typer.Argument(metavar="FILE", help="A file that does not exist yet.", show_default=False)
_A_BACKUP = typer.Argument(metavar="FILE", help="What `backup` wrote.", show_default=False)
_AN_EXPORT = typer.Argument(metavar="FILE", help="What `export` wrote.", show_default=False)


def backup(
    file: Annotated[Path | None, _NO_FILE] = None, json: Json = False, reason: Reason = None, state_dir: StateDir = None
) -> None:
    """Copy the engine's database, while it goes on; without FILE among the backups it keeps by itself."""
    path = None if file is None else _there(file)
    client = engine_access.connect(state_dir)
    answer = engine_access.send(client, "backup", {"path": path, "reason": reason})
    _tell(answer, answer.get("message", "done before"), json)


def restore(
    file: Annotated[Path, _A_BACKUP], json: Json = False, reason: Reason = None, state_dir: StateDir = None
) -> None:
    """Put a backup in the database's place, with the engine stopped; the present one is kept aside."""
    answer = _without_engine("engine.store.restoring", _own(state_dir, "restore"), [*_by(reason), str(_here(file))])
    said = f"restored as of event {answer['head']}"
    said += f"; what was there is in {answer['aside']}" if answer["aside"] else ""
    _tell(answer, said + _halted(answer), json)


def export(
    file: Annotated[Path, _NEW_FILE], json: Json = False, reason: Reason = None, state_dir: StateDir = None
) -> None:
    """Write everything another jump box needs to go on from here: database and images, in one file."""
    path = _there(file)
    client = engine_access.connect(state_dir)
    answer = engine_access.send(client, "export", {"path": path, "reason": reason})
    _tell(answer, answer.get("message", "done before"), json)


def import_(
    file: Annotated[Path, _AN_EXPORT], json: Json = False, reason: Reason = None, state_dir: StateDir = None
) -> None:
    """Take over what `export` wrote, into a state directory without a database; local instances are made anew here."""
    answer = _without_engine("engine.store.importing", _own(state_dir, "import"), [*_by(reason), str(_here(file))])
    said = f"imported {answer['sets']} sets and {answer['images']} images as of event {answer['head']}"
    if answer["made_anew"]:
        said += (
            f"; {answer['made_anew']} local instances stayed on the old machine with their data disks, "
            "new ones are made here when the engine starts"
        )
    _tell(answer, said + _halted(answer), json)


def _halted(answer: dict[str, Any]) -> str:
    """The halt that stands in what was put in place, and what it paused there; empty for none."""
    if not answer.get("halt"):
        return ""
    paused = answer["paused"]
    more = f"; {many(len(paused), 'upgrade')} paused ({', '.join(paused[:NAMED])})" if paused else ""
    return f"; everything is {Halt(**answer['halt']).words}{more}. {WAY_OUT}"


def _there(file: Path) -> str:
    if engine_access.is_remote() and not file.is_absolute():
        raise InputError("InvalidFile", f"{file} is relative.", "With --host, name a path on that machine.")
    return str(_here(file))


def _here(file: Path) -> Path:
    return file.expanduser().absolute()


def _own(given: Path | None, verb: str) -> Path:
    if engine_access.is_readonly():
        raise NotPermittedError("NotPermitted", f"{verb} changes the store.", "Leave out --readonly.")
    return own_directory(given, verb)


def own_directory(given: Path | None, verb: str) -> Path:
    """The state directory of the caller's own engine. Raises InputError when the engine meant is somebody else's."""
    if engine_access.line_to(given) is not None:
        raise InputError(
            "InvalidParameter",
            f"{verb} is about a state directory of your own; this engine is run by somebody else.",
            f"Run it on its machine as its user: rollset {verb} FILE --state-dir DIR",
        )
    return engine_access.state_dir(given)


def _by(reason: str | None) -> list[str]:
    import getpass

    return ["--actor", getpass.getuser(), f"--reason={reason or ''}", "--"]


def _tell(answer: dict[str, Any], said: str, as_json: bool) -> None:
    from engine.wire.safe_text import printable

    if as_json:
        say_json(answer)
    else:
        say([printable(said)])


def _without_engine(module: str, directory: Path, arguments: list[str]) -> dict[str, Any]:
    """As `run_apart`; where an engine runs, the refusal says who would lose it."""
    try:
        return run_apart(module, directory, arguments)
    except UnreachableError as error:
        if error.code == ENGINE_RUNS:
            error.message += f" {_who_uses(directory)}"
        raise


def _who_uses(directory: Path) -> str:
    """Who is attached to the engine, and how many upgrades are live; or that it does not say."""
    from engine.control.client import Client

    try:
        client = Client(directory)
        attached = client.query("presence", {})["attached"]
        live = int(client.query("engine", {})["live_upgrades"])
    except (RollsetError, LookupError, TypeError, ValueError):
        return "It does not say who is attached."
    users = sorted({str(one["user"]) for one in attached})
    who = f"{', '.join(users)} {'is' if len(users) == 1 else 'are'} attached" if users else "Nobody is attached"
    return f"{who}, {many(live, 'upgrade')} {'is' if live == 1 else 'are'} live."


def run_apart(module: str, directory: Path, arguments: list[str]) -> dict[str, Any]:
    """Run a module of the store in a process of its own and give its answer; raises the error that it tells."""
    import json
    import subprocess
    import sys

    command = [sys.executable, "-m", module, "--state-dir", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
        answer: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UnreachableError("StoreSilent", f"{module} gave no answer ({error}).", "rollset doctor") from error
    found = answer.get("error")
    if found is not None:
        kind = ERRORS_BY_EXIT_CODE.get(found["exit_code"], RollsetError)
        raise kind(found["code"], found["message"], found["next_step"])
    return answer


def register(app: typer.Typer) -> None:
    """Add these verbs."""
    for verb in (backup, restore, export):
        app.command(verb.__name__)(verb)
    app.command("import")(import_)
