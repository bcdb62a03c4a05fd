"""Open the cockpit on a recording."""

from __future__ import annotations

from typing import Annotated

import typer

from tui.verbs.options import StateDir
from tui.verbs.printing import say
from tui.verbs.showing import set_frames, show


def replay(
    recording: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE", help="A recording that comes with Rollset, or a .jsonl or .jsonl.gz file."),
    ] = "good-run",
    names: Annotated[bool, typer.Option("--list", help="Name the recordings that come with Rollset.")] = False,
    state_dir: StateDir = None,
) -> None:
    """Show a recording in the cockpit.

    p plays and stops; the dot and the comma step; n finds the next error.
    """
    from tui.shipped_recordings import find_recording, shipped_recordings

    if names:
        say(list(shipped_recordings()))
        return
    set_frames()
    from tui.recording import RecordedSession

    session = RecordedSession.open(find_recording(recording))
    show(session, first_set=session.set_in_scope)


def register(app: typer.Typer) -> None:
    """Add these verbs."""
    app.command("replay")(replay)
