"""Verbs on the engine's own process: `rollset engine ...`."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from engine.model.errors import InputError, NotFoundError, UnreachableError
from engine.wire.safe_text import printable
from tui.verbs import asking, engine_access
from tui.verbs.options import Confirm, Json, Reason, StateDir
from tui.verbs.printing import note, say, say_json

SERVE_MODULE = "engine.control.serve"
LOG_NAME = "engine.log"
LOG_POLL_S = 0.3


def serve(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay in this process, for service managers.")
    ] = False,
    socket: Annotated[
        Path | None, typer.Option("--socket", help="Listen here instead, for a shared engine.", show_default=False)
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", help="A group that may connect to --socket.", show_default=False)
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Run the engine here (with --foreground), or see that one runs in the background."""
    _refuse_elsewhere(state_dir, "serve")
    directory = engine_access.state_dir(state_dir)
    if socket is not None and not foreground:
        raise InputError("InvalidParameter", "--socket needs --foreground.", "A service manager runs a shared engine.")
    if not foreground:
        answer = engine_access.connect(state_dir).query("engine", {})
        say([f"engine {answer['pid']} serves {directory}"])
        return
    command = [sys.executable, "-m", SERVE_MODULE, "--state-dir", str(directory), "--foreground"]
    command += ["--socket", str(socket.absolute())] if socket is not None else []
    command += ["--group", group] if group is not None else []
    os.execv(command[0], command)


def status(json: Json = False, state_dir: StateDir = None) -> None:
    """Show the running engine; starts none."""
    from tui.plain.halted import halt_lines
    from tui.plain.moments import show_moment

    answer = engine_access.connect_running(state_dir).query("engine", {})
    if json:
        say_json(answer)
        return
    say(
        [
            f"engine {answer['pid']}, version {printable(str(answer['version']))}, epoch {answer['epoch']}, "
            f"since {show_moment(answer['started_at'])}",
            f"{answer['sets']} sets, {answer['live_upgrades']} live upgrades, last event {answer['head']}",
            *halt_lines(answer),
        ]
    )


def start(reason: Reason = None, state_dir: StateDir = None) -> None:
    """See that an engine runs, and boot the local instances that `engine stop --with-instances` ended."""
    client = engine_access.connect(state_dir)
    answer = engine_access.send(client, "engine-start", {"reason": reason})
    say([printable(str(answer["message"]))])


def stop(
    with_instances: Annotated[
        bool, typer.Option("--with-instances", help="End the local instances too, until `rollset engine start`.")
    ] = False,
    reason: Reason = None,
    confirm: Confirm = None,
    state_dir: StateDir = None,
) -> None:
    """Stop the engine; local instances go on unless --with-instances."""
    client = engine_access.connect(state_dir) if with_instances else engine_access.connect_running(state_dir)
    try:
        given = {"with_instances": with_instances, "reason": reason, "confirm": confirm}
        answer = engine_access.send(client, "engine-stop", given)
    except UnreachableError as error:
        if with_instances or error.code != "EngineNotRunning":
            raise
        say(["no engine runs"])
        return
    with_instances = bool(answer.get("with_instances", with_instances))
    if "message" in answer and (with_instances or answer.get("live") or answer.get("watching")):
        note(printable(str(answer["message"])))
    engine_access.await_stop(state_dir)
    say(["engine stopped, its instances too" if with_instances else "engine stopped; its instances go on"])


def logs(
    lines: Annotated[int, typer.Option("--lines", min=1, help="How many of the last lines.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", help="Stay for more; ctrl+c ends it.")] = False,
    state_dir: StateDir = None,
) -> None:
    """Show the end of the engine's log."""
    _refuse_elsewhere(state_dir, "logs")
    path = engine_access.state_dir(state_dir) / LOG_NAME
    try:
        source = path.open(encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise NotFoundError("LogNotFound", f"{path}: {error.strerror}.", "rollset engine status") from None
    with source:
        say(printable(line.rstrip("\n")) for line in deque(source, maxlen=lines))
        try:
            while follow:
                more = source.readlines()
                say(printable(line.rstrip("\n")) for line in more)
                time.sleep(LOG_POLL_S)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def dial_stdio(state_dir: StateDir = None) -> None:
    """Carry bytes between standard input and output and the engine; what `--host` runs over ssh.

    With --readonly the engine takes nothing but reading from whoever is at the other end.
    """
    from engine.control.client import Client, claims
    from engine.control.client.calls import ANSWER_S
    from engine.control.client.dial import dial

    client = engine_access.connect(state_dir)
    assert isinstance(client, Client), "there is one kind of client"
    connection = client.line.open(ANSWER_S)
    with connection:
        try:
            readonly = engine_access.is_readonly()
            dial(connection, sys.stdin.fileno(), sys.stdout.fileno(), claims(), readonly=readonly)
        except OSError as error:
            raise UnreachableError("EngineLost", f"the line broke: {error.strerror}.", "Connect again.") from error


def _refuse_elsewhere(given: Path | None, verb: str) -> None:
    if engine_access.line_to(given) is not None:
        raise InputError(
            "InvalidParameter",
            f"engine {verb} is about an engine of your own; this one is run by somebody else.",
            "journalctl -u rollset on its machine, or name your own with --state-dir.",
        )


def register(app: typer.Typer) -> None:
    """Add these verbs below `engine`."""
    engine = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="The engine's own process.")
    for verb in (serve, status, start, stop, logs):
        engine.command(verb.__name__)(verb)
    engine.command("dial-stdio")(dial_stdio)
    engine.command("doctor")(asking.doctor)
    app.add_typer(engine, name="engine")
