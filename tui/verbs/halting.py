"""Verbs that halt everything at once, and lift that again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.wire.safe_text import printable
from tui.verbs import engine_access
from tui.verbs.options import Json, Reason, StateDir
from tui.verbs.printing import say, say_json

WhyLifted = Annotated[str, typer.Option("--reason", help="Why upgrades may go on; needed.", show_default=False)]


def halt(reason: Reason = None, json: Json = False, state_dir: StateDir = None) -> None:
    """Pause all that is live and begin nothing, until that is lifted."""
    _send("halt", reason, json, state_dir)


def lift_halt(reason: WhyLifted, json: Json = False, state_dir: StateDir = None) -> None:
    """Let upgrades begin again after a halt; resumes none."""
    _send("lift-halt", reason, json, state_dir)


def _send(verb: str, reason: str | None, json: bool, state_dir: Path | None) -> None:
    _, answer = engine_access.carry_out(state_dir, verb, {"reason": reason})
    if json:
        say_json(answer)
    else:
        say([printable(str(answer["message"]))])


def register(app: typer.Typer) -> None:
    """Add these verbs."""
    for verb in (halt, lift_halt):
        app.command(verb.__name__.replace("_", "-"))(verb)
