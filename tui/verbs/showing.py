"""Show the cockpit on this terminal. Without typer: `rollset` alone paints before a command line could be built."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.control.client.early import EarlySnapshot
from engine.control.client.lines import SharedLine, StateDirLine
from engine.control.client.running import is_current
from engine.model.errors import InputError, RollsetError
from tui.verbs import engine_access
from tui.verbs.printing import note

if TYPE_CHECKING:
    from engine.control.client import Line
    from tui.session import Session

STOPPED = 130
EARLY_S = 1.0
"""So long the first picture waits for the engine; after that it says that it connects."""
AGAIN = "the upgrade again: p plays, . and , step, n finds the next error, q goes back to the engine"
FRAMES = "120"
"""A second, at most: what a key changes in two places is seen after two. Nothing is drawn when nothing changes."""


def set_frames() -> None:
    """Textual reads it once, when it is imported."""
    os.environ.setdefault("TEXTUAL_FPS", FRAMES)


def open_meant() -> None:
    """Show the engine that the environment means."""
    where = engine_access.line_to(None) or engine_access.state_dir(None)
    open_cockpit(where, readonly=engine_access.is_readonly())


def open_cockpit(where: Path | Line, *, readonly: bool, first_set: str = "", hint: str = "") -> None:
    """Show an engine; a state directory's own is started when none runs (not by a cockpit that only looks)."""
    from engine.control.client import Client

    gc.disable()  # the cockpit lets it begin again: what is loaded stays, and looking through it is a waste
    client = Client(where, readonly=readonly)
    may_start = not readonly and isinstance(where, Path)

    def start(say: Callable[[str], None] = _not_now) -> object:
        from engine.control.client.start import connect_or_start

        return connect_or_start(where, say=say, told_after_s=0.0) if isinstance(where, Path) else None

    if host := getattr(client.line, "host", ""):
        note(f"connecting to the engine of {host} ...")
    if may_start and not _listens(client.line):
        start(note)  # before all that takes a moment too: so long the terminal shows nothing else
    early = _asked_early(client.line)
    set_frames()
    from tui.live import First, LiveSession

    _load()
    lines = early.lines(EARLY_S) if early is not None else None
    if may_start and isinstance(where, Path) and (lines is None or not is_current(where)):
        start(note)
        lines = None
    first = First(lines, early.read_at) if early is not None and lines is not None else None
    session = LiveSession(client, readonly=readonly, start=start if may_start else None, first=first)
    show(session, first_set=first_set, hint=hint)


def _not_now(_words: str) -> None:
    """The cockpit draws by then, and tells of a lost engine itself."""


def _listens(line: Line) -> bool:
    """Whether an engine is there to be asked."""
    try:
        line.open(EARLY_S).close()
    except (OSError, RollsetError):
        return False
    return True


def _asked_early(line: Line) -> EarlySnapshot | None:
    """A line of this machine answers soon; one over ssh may ask for a password first."""
    return EarlySnapshot(line) if isinstance(line, StateDirLine | SharedLine) else None


def _load() -> None:
    """What the first picture needs, while the engine answers."""
    import tui.app
    import tui.screens.home
    import tui.terminal.driver  # noqa: F401  # loaded, not used here


def show(session: Session, *, first_set: str = "", hint: str = "") -> None:
    """Run the cockpit on this terminal until it is left. Raises InputError where there is none.

    Where it is left for the recording of an upgrade, that is shown, and then the session again.
    """
    set_frames()
    from tui.app import Cockpit
    from tui.options import config_folder, read_options
    from tui.terminal.driver import TerminalDriver

    if not engine_access.on_terminal() or os.environ.get("TERM", "") in ("", "dumb"):
        raise InputError(
            "NoTerminal", "the cockpit needs a terminal.", "For scripts: rollset sets, rollset status SET --json."
        )
    options = read_options(config_folder(), hint=hint)
    while True:
        cockpit = Cockpit(session, options, first_set=first_set, driver=TerminalDriver)
        chosen = cockpit.run(mouse=options.mouse)
        if chosen is None:
            return
        from tui.recording import RecordedSession

        first_set = chosen.scale_set
        recorded = RecordedSession(chosen.upgrade, chosen.lines, run=chosen.upgrade)
        again = replace(options, hint=AGAIN)
        Cockpit(recorded, again, first_set=first_set, driver=TerminalDriver).run(mouse=options.mouse)
