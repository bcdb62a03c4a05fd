"""Raw JSON of what the cursor is on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from engine.wire.state import dump
from tui.palette import Line, Meaning, Piece
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import Cockpit


class RawSheet(ModalScreen[None]):
    """`value` is a JSON value, or a record of engine.model."""

    CSS_PATH = "raw.tcss"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape,d,q", "leave", "close", show=False),
        Binding("y", "copy", "copy", show=False),
    ]

    def __init__(self, title: str, value: object) -> None:
        super().__init__()
        self._title = title
        plain = isinstance(value, dict | list)
        self.text = json.dumps(value if plain else json.loads(dump(value)), indent=2, ensure_ascii=False)

    def compose(self) -> ComposeResult:
        """One list of lines."""
        with Vertical(id="dialog"):
            yield Rows(id="json")

    def on_mount(self) -> None:
        """Draw it."""
        dialog = self.query_one("#dialog")
        dialog.border_title, dialog.border_subtitle = f" {self._title} ", " y copies, esc closes "
        rows = self.query_one("#json", Rows)
        cockpit = cast("Cockpit", self.app)
        rows.use(cockpit.dialog_palette, ascii=cockpit.glyphs.ascii)
        rows.show_lines([json_line(line) for line in self.text.splitlines()])
        rows.focus()

    def action_copy(self) -> None:
        """All of it."""
        cast("Cockpit", self.app).copy_text(self.text)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)


def json_line(text: str) -> Line:
    """A line of indented JSON: the key apart from its value."""
    stripped = text.lstrip()
    key, colon, value = stripped.partition('": ')
    if not (stripped.startswith('"') and colon):
        return (Piece(text, Meaning.TEXT),)
    space = " " * (len(text) - len(stripped))
    return (Piece(f"{space}{key}{colon}", Meaning.MUTED), Piece(value, Meaning.TEXT))
