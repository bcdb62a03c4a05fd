"""One line asked for: a file to save to, a place to go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.cells import wrap
from tui.palette import Meaning, Piece
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import Cockpit


WIDEST, MARGIN = 80, 10


class Prompt(ModalScreen[str | None]):
    """Ends with what was typed, or None. `words` say what will be done with it.

    A subclass that asks somebody first overrides `take`, and tells with `tell` why it was not taken.
    """

    CSS_PATH = "prompt.tcss"
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "leave", "leave it", show=False)]

    def __init__(self, title: str, words: tuple[str, ...], placeholder: str, value: str = "") -> None:
        super().__init__()
        self._title, self._words, self._placeholder, self._value = title, words, placeholder, value

    def compose(self) -> ComposeResult:
        """Title, words, field."""
        with Vertical(id="dialog"):
            yield Rows(id="words", focusable=False)
            box = Input(self._value, placeholder=self._placeholder, compact=True, select_on_focus=False)
            box.cursor_blink = False
            yield box

    def on_mount(self) -> None:
        """The field has the focus."""
        self.query_one("#dialog").border_subtitle = " enter does it, esc leaves it "
        self.tell("")
        self.query_one(Input).focus()

    def tell(self, said: str, meaning: Meaning = Meaning.BAD) -> None:
        """Title and words, and below them what was said to what was typed."""
        rows = self.query_one("#words", Rows)
        cockpit = cast("Cockpit", self.app)
        rows.use(cockpit.dialog_palette, ascii=cockpit.glyphs.ascii)
        width = min(self.app.size.width, WIDEST) - MARGIN
        wrapped = [line for words in self._words for line in wrap(words, width)]
        lines = [(Piece(self._title, Meaning.TITLE),), *((Piece(line, Meaning.MUTED),) for line in wrapped), ()]
        lines += [(Piece(line, meaning),) for line in wrap(said, width)] if said else []
        rows.styles.height = len(lines)
        rows.show_lines(lines)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.take(event.value.strip())

    def take(self, typed: str) -> None:
        """What enter does."""
        self.dismiss(typed or None)

    def action_leave(self) -> None:
        """Nothing happens."""
        self.dismiss(None)
