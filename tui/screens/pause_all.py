"""`!`: pause every live upgrade, asked once."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from engine.model.errors import RollsetError
from engine.model.numbers import many
from tui.cells import wrap
from tui.palette import Line, Meaning, Piece
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import Cockpit

WIDE = 64


class PauseAllDialog(ModalScreen[None]):
    """Names what would be paused; enter does it."""

    CSS_PATH = "pause_all.tcss"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "leave", "leave it", show=False),
        Binding("enter", "act", "do it", show=False),
    ]

    def __init__(self, keys: list[str]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """What it does, and the keys."""
        with Vertical(id="dialog"):
            yield Rows(id="effect", focusable=False)

    def on_mount(self) -> None:
        """Draw it."""
        rows = self.query_one("#effect", Rows)
        cockpit = cast("Cockpit", self.app)
        rows.use(cockpit.dialog_palette, ascii=cockpit.glyphs.ascii)
        names = [key.rpartition("/")[2] for key in self._keys]
        some = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        what = f"Every live upgrade begins nothing more: {some}."
        lines: list[Line] = [
            (Piece("Pause everything", Meaning.TITLE),),
            (),
            *((Piece(line),) for line in wrap(what, WIDE)),
            (),
            *((Piece(line, Meaning.ACCENT),) for line in wrap(f"$ {self._command_line(names)}", WIDE)),
            (),
            (Piece("enter  does it     esc  leaves it", Meaning.MUTED),),
        ]
        rows.styles.height = len(lines)
        rows.show_lines(lines)

    @staticmethod
    def _command_line(names: list[str]) -> str:
        """What does the same on a command line."""
        if len(names) == 1:
            return f"rollset pause {shlex.quote(names[0])}"
        return f"for s in {' '.join(map(shlex.quote, names))}; do rollset pause $s; done"

    def action_leave(self) -> None:
        """Nothing happens."""
        self.dismiss(None)

    async def action_act(self) -> None:
        """Pause each."""
        await pause_each(cast("Cockpit", self.app), self._keys, "pause all, from the cockpit")
        self.dismiss(None)


async def pause_each(cockpit: Cockpit, keys: Iterable[str], reason: str) -> None:
    """Pause each; what is refused is told, the others are paused all the same."""
    paused, refused = 0, list[str]()
    for key in keys:
        try:
            await cockpit.session.command("pause", {"set": key, "reason": reason})
        except RollsetError as error:
            refused.append(error.message)
        else:
            paused += 1
    said = [f"{many(paused, 'upgrade')} paused", *refused]
    cockpit.say("; ".join(said), bad=bool(refused))
