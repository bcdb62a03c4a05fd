"""A screen that is a list: names of columns, rows with a cursor and a filter, and what is known of the chosen one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from engine.model.errors import RollsetError
from tui.cells import clip, wrap
from tui.palette import Line, Meaning, Piece
from tui.screens.filtered import FilteredScreen
from tui.session import LinkState
from tui.widgets.rows import Rows

E = TypeVar("E")


class ListScreen(FilteredScreen, Generic[E]):
    """A subclass gives `entries`, `key_of`, `row`, and where it has them `head`, `detail` and `nothing`.

    The detail is below the list on a narrow screen and beside it on a wide one when `beside` says so. `ask` reads
    something that is no part of the scene; until it is there, and when it cannot be had, the list says so.
    """

    CSS_PATH = "list_screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    beside: ClassVar[bool] = False
    detail_lines: ClassVar[int] = 5

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.answer: Mapping[str, Any] | None = None
        self.trouble = ""
        self._shown: list[E] = []
        self._chosen = ""

    # --- what a subclass gives ---

    def entries(self) -> Sequence[E]:
        """What is listed, in order, filtered by `self.letters`."""
        raise NotImplementedError

    def key_of(self, entry: E) -> str:
        """What the cursor stays on when the list changes; empty for a line that cannot be chosen."""
        raise NotImplementedError

    def row(self, entry: E, width: int) -> Line:
        """One line."""
        raise NotImplementedError

    def head(self, width: int) -> Line:
        """The names of the columns."""
        return ()

    def detail(self, entry: E, width: int) -> list[Line]:
        """What is known of the chosen one."""
        return []

    def nothing(self) -> list[Line]:
        """What an empty list says."""
        return [(Piece("  Nothing is here.", Meaning.MUTED),)]

    def cursor_moved(self) -> None:
        """Another entry is chosen."""

    # --- how it runs ---

    def body(self) -> ComposeResult:
        """Column names, the list, the filter, the detail."""
        yield Rows(id="columns", focusable=False)
        with Container(id="split", classes="beside" if self.beside else ""):
            yield Rows(has_cursor=True, id="list")
            yield Rows(id="detail", focusable=self.beside)
        yield self.filter_box()

    def ask(self, what: str, arguments: dict[str, Any]) -> None:
        """Read something into `self.answer`, in a worker; `self.trouble` says why it cannot be had."""

        async def read() -> None:
            try:
                self.answer, self.trouble = await self.cockpit.session.query(what, arguments), ""
            except RollsetError as error:
                self.trouble = error.words
            self.changed()

        self.run_worker(read(), group="ask", exclusive=True, exit_on_error=False)

    def paint(self) -> None:
        """The list as it is now; the cursor stays on its entry."""
        rows, details = self.query_one("#list", Rows), self.query_one("#detail", Rows)
        self._shown = found = list(self.entries())
        width = rows.wide
        rows.has_cursor = bool(found)
        self.query_one("#columns", Rows).show_lines([self.head(width)] if found else [()])
        if found:
            rows.show(len(found), lambda y, wide: self.row(found[y], wide))
            self._keep_chosen(rows)
        else:
            rows.show_lines([(), *self._empty(width)])
        entry = self.chosen()
        if not self.beside:
            details.styles.height = self.detail_lines if found and self.detail_lines else 0
        lines = self.detail(entry, details.wide) if entry is not None else []
        details.show_lines(lines if self.beside else _first(lines, self.detail_lines - 1, details.wide))

    def _empty(self, width: int) -> list[Line]:
        if self.trouble and not self.letters:
            return [(Piece(f"  {line}", Meaning.BAD),) for line in wrap(self.trouble, width - 4)]
        return self.why_empty(width) or self.nothing()

    def _keep_chosen(self, rows: Rows) -> None:
        keys = [self.key_of(entry) for entry in self._shown]
        if self._chosen and self._chosen in keys:
            rows.move_to(keys.index(self._chosen))
        elif not keys[rows.cursor]:
            rows.move_to(next((n for n, key in enumerate(keys) if key), 0))
        if self.source.link.state is not LinkState.CONNECTING:  # what comes with the answer may stand before it
            self._chosen = keys[rows.cursor] or self._chosen

    def chosen(self) -> E | None:
        """The entry under the cursor."""
        at = self.query_one("#list", Rows).cursor
        entry = self._shown[at] if at < len(self._shown) else None
        return entry if entry is not None and self.key_of(entry) else None

    def choose(self, key: str) -> None:
        """Put the cursor on an entry, as soon as it is there."""
        self._chosen = key

    @on(Rows.Moved, "#list")
    def _moved(self, event: Rows.Moved) -> None:
        key = self.key_of(self._shown[event.cursor]) if event.cursor < len(self._shown) else ""
        if key and key != self._chosen and self.source.link.state is not LinkState.CONNECTING:
            self._chosen = key
            self.query_one("#detail", Rows).scroll_lines_to(0)
            self.cursor_moved()
            self.paint_now()

    @on(Rows.Opened, "#list")
    async def _opened(self) -> None:
        await self.cockpit.action_act("open")


def _first(lines: list[Line], most: int, width: int) -> list[Line]:
    """As many as there is room for; the last has a mark where there would be more."""
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], clip((*lines[most - 1], Piece(" " * width)), width)]


def labelled(
    label: str, text: str, width: int, meaning: Meaning = Meaning.TEXT, *, label_width: int = 12
) -> list[Line]:
    """A label and its text, wrapped beside it."""
    lines = wrap(text, max(8, width - label_width - 2)) or [""]
    names = [label, *[""] * (len(lines) - 1)]
    return [
        (Piece(" " + name.ljust(label_width) + " ", Meaning.MUTED), Piece(line, meaning))
        for name, line in zip(names, lines, strict=True)
    ]
