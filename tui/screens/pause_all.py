"""`!`: pause every live upgrade, asked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from engine.model.errors import RollsetError
from engine.model.numbers import many
from tui.palette import Meaning, Piece
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import Cockpit


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
        what = f"Every live upgrade begins nothing more: {some}." if names else "No upgrade is rolling now."
        lines = [
            (Piece("Pause everything", Meaning.TITLE),),
            (),
            (Piece(what),),
            (),
            (Piece("enter  does it     esc  leaves it", Meaning.MUTED),),
        ]
        rows.styles.height = len(lines)
        rows.show_lines(lines)

    def action_leave(self) -> None:
        """Nothing happens."""
        self.dismiss(None)

    async def action_act(self) -> None:
        """Pause each; what is refused is told, the others are paused all the same."""
        cockpit = cast("Cockpit", self.app)
        refused = []
        for key in self._keys:
            try:
                await cockpit.session.command("pause", {"set": key, "reason": "pause all, from the cockpit"})
            except RollsetError as error:
                refused.append(error.message)
        cockpit.say(f"{many(len(self._keys) - len(refused), 'upgrade')} paused")
        for words in refused:
            cockpit.say(words, bad=True)
        self.dismiss(None)
