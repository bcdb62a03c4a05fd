"""A screen with a list that letters narrow: the box for them shows when it is asked for."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.widgets import Input

from tui.cells import wrap
from tui.palette import Line, Meaning, Piece
from tui.screens.cockpit_screen import CockpitScreen
from tui.session import LinkState


class FilteredScreen(CockpitScreen):
    """A subclass has `filter_box` in its body, shows what has `self.letters`, and names its list in `FILTERED`."""

    FILTERED: ClassVar[str] = "#list"
    FILTER_HINT: ClassVar[str] = "letters"

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.letters = ""

    def filter_box(self) -> Input:
        """The box for the letters, hidden."""
        box = Input(placeholder=self.FILTER_HINT, id="filter", compact=True)
        box.cursor_blink = False
        box.display = False
        return box

    def why_empty(self, width: int) -> list[Line]:
        """Why there is nothing in the list; no line where there is nothing to be listed."""
        link = self.source.link
        if self.letters:
            return [(Piece(f"  Nothing has {self.letters!r} in it; esc clears the filter.", Meaning.MUTED),)]
        if link.state is LinkState.LOST:
            return [(Piece(f"  {line}", Meaning.BAD),) for line in wrap(link.words, width - 4)]
        if link.state is LinkState.CONNECTING:
            words = link.words or "Connecting to the engine"
            return [(Piece(f"  {line}", Meaning.MUTED),) for line in wrap(words, width - 4)]
        return []

    def on_mount(self) -> None:
        """The list has the focus."""
        self._to_the_list()

    def _to_the_list(self) -> None:
        self.query_one(self.FILTERED).focus()

    def do_filter(self) -> None:
        """Ask for letters."""
        box = self.query_one("#filter", Input)
        box.display = True
        self.set_focus(box)  # at once: the letters may follow the key in the same instant

    def do_back(self) -> None:
        """Clear the filter; then back."""
        if self.query_one("#filter", Input).display:
            self.clear_filter()
        else:
            self.cockpit.do_back()

    def clear_filter(self) -> None:
        """Everything is listed again, and the list has the focus."""
        box = self.query_one("#filter", Input)
        box.value = ""
        box.display = False
        self._to_the_list()

    @on(Input.Changed, "#filter")
    def _letters_changed(self, event: Input.Changed) -> None:
        self.letters = event.value.strip()
        self.paint_now()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.query_one("#filter", Input).display = bool(self.letters)
        self._to_the_list()
