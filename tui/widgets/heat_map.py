"""Instances as cells: rows by update domain, zone, fault domain or batch, wrapped and scrolled to any number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.message import Message

from tui.glyphs import Glyphs, Sign
from tui.palette import Line, Meaning, Piece
from tui.widgets.rows import Rows

WIDE_CELLS = (4, 3, 2)


@dataclass(frozen=True, slots=True)
class Cell:
    """One instance."""

    instance_id: str
    sign: Sign


@dataclass(frozen=True, slots=True)
class CellRow:
    """The cells of one update domain, zone or the like."""

    label: str
    cells: tuple[Cell, ...]
    count: str = ""
    """What of the row is done, after the label where there is room."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One line on the screen: so many cells from `first` in the order of all cells."""

    label: str
    first: int
    count: int


class HeatMap(Rows):
    """A cell an instance.

    Cells are up to four wide where every row fits a line, two where that needs no scrolling, else one; rows stand
    apart where there is room for it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "left", id="cells.left", show=False),
        Binding("right", "step(1)", "right", id="cells.right", show=False),
        Binding("up,k", "line(-1)", "up", id="cells.up", show=False),
        Binding("down,j", "line(1)", "down", id="cells.down", show=False),
        Binding("pageup,ctrl+b", "screenful(-1)", "page up", id="cells.page_up", show=False),
        Binding("pagedown,ctrl+f", "screenful(1)", "page down", id="cells.page_down", show=False),
        Binding("home", "step(-1000000)", "first", id="cells.first", show=False),
        Binding("end,G", "step(1000000)", "last", id="cells.last", show=False),
    ]

    @dataclass
    class CellMoved(Message):
        """The cursor is on another instance."""

        instance_id: str

    @dataclass
    class CellOpened(Message):
        """The cell under the cursor was clicked again."""

        instance_id: str

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._rows: tuple[CellRow, ...] = ()
        self._cells: tuple[Cell, ...] = ()
        self._stretches: list[_Stretch] = []
        self._marked: frozenset[str] = frozenset()
        self._label_width = 0
        self._cell_width = 2
        self._apart = 1
        self.at = 0

    @property
    def instance_id(self) -> str:
        """The instance under the cursor, empty where there is none."""
        return self._cells[self.at].instance_id if self._cells else ""

    def row_instances(self) -> tuple[str, ...]:
        """The instances of the row that the cursor is in."""
        first = 0
        for row in self._rows:
            if first <= self.at < first + len(row.cells):
                return tuple(cell.instance_id for cell in row.cells)
            first += len(row.cells)
        return ()

    def show_rows(self, rows: Sequence[CellRow], marked: frozenset[str]) -> None:
        """Draw these; the cursor stays on its instance."""
        chosen = self.instance_id
        self._rows, self._marked = tuple(rows), marked
        self._cells = tuple(cell for row in self._rows for cell in row.cells)
        if chosen != self.instance_id or self.at >= len(self._cells):
            ids = [cell.instance_id for cell in self._cells]
            self.at = ids.index(chosen) if chosen in ids else min(self.at, max(0, len(ids) - 1))
        self._lay_out()

    def _lay_out(self) -> None:
        width, height = self.wide, self.size.height
        longest = max((len(row.count) for row in self._rows), default=0)
        longer = max((cell_len(row.label) for row in self._rows), default=0) + longest + 4
        wide = longest > 0 and all(longer + 2 * len(row.cells) <= width for row in self._rows)
        labels = [f"{row.label} {row.count.rjust(longest)}" if wide else row.label for row in self._rows]
        self._label_width = max((cell_len(label) + 2 for label in labels), default=2)
        room = max(2, width - self._label_width - 1)
        most = max((len(row.cells) for row in self._rows), default=1)
        fitting = next((cells for cells in WIDE_CELLS if most * cells <= room and len(self._rows) <= height), 0)
        wraps_in_two = sum(-(-len(row.cells) // (room // 2)) for row in self._rows)
        self._cell_width = fitting or (2 if wraps_in_two <= height else 1)
        self._stretches = []
        first = 0
        for row, name in zip(self._rows, labels, strict=True):
            each = room // self._cell_width
            for start in range(0, len(row.cells), each):
                label = name if start == 0 else ""
                self._stretches.append(_Stretch(label, first + start, min(each, len(row.cells) - start)))
            first += len(row.cells)
        lines = len(self._stretches)
        self._apart = 2 if lines == len(self._rows) > 1 and lines * 2 - 1 <= height else 1
        self.show(max(0, (lines - 1) * self._apart + 1) if lines else 0, self._draw_line)

    def _draw_line(self, y: int, _width: int) -> Line:
        return () if y % self._apart else self._draw_stretch(self._stretches[y // self._apart])

    def _draw_stretch(self, stretch: _Stretch) -> Line:
        space = " " * (self._cell_width - 1)
        found = [Piece(f" {stretch.label}".ljust(self._label_width), Meaning.MUTED)]
        run, run_meaning, run_marked = "", Meaning.TEXT, False
        for number in range(stretch.first, stretch.first + stretch.count):
            cell = self._cells[number]
            meaning, marked = cell.sign.meaning, cell.instance_id in self._marked
            here = number == self.at and self.has_focus
            if run and (here or meaning is not run_meaning or marked != run_marked):
                found.append(Piece(run, run_meaning, underline=run_marked, bold=run_marked))
                run = ""
            if here:
                found += [Piece(self._glyphs.of(cell.sign), meaning, reverse=True, underline=marked), Piece(space)]
                continue
            run, run_meaning, run_marked = run + self._glyphs.of(cell.sign) + space, meaning, marked
        if run:
            found.append(Piece(run, run_meaning, underline=run_marked, bold=run_marked))
        return tuple(found)

    def on_resize(self, _event: Resize) -> None:
        """Another width wraps otherwise. (Textual calls the handler of Rows too.)"""
        self._lay_out()
        self._show_cursor()

    def _go(self, at: int) -> None:
        if not self._cells:
            return
        before, self.at = self.at, max(0, min(at, len(self._cells) - 1))
        self._show_cursor()
        self._repaint()
        if before != self.at:
            self.post_message(self.CellMoved(self.instance_id))

    def _show_cursor(self) -> None:
        self.bring(self._line_of(self.at) * self._apart)

    def _line_of(self, at: int) -> int:
        return next((n for n, s in enumerate(self._stretches) if s.first <= at < s.first + s.count), 0)

    def action_step(self, cells: int) -> None:
        """The next or previous cell."""
        self._go(self.at + cells)

    def action_line(self, lines: int) -> None:
        """The cell above or below, or the last of a shorter line."""
        if not self._stretches:
            return
        line = self._line_of(self.at)
        column = self.at - self._stretches[line].first
        target = self._stretches[max(0, min(line + lines, len(self._stretches) - 1))]
        self._go(target.first + min(column, target.count - 1))

    def action_screenful(self, pages: int) -> None:
        """As many lines as are seen."""
        self.action_line(pages * max(1, self.size.height - 1))

    def on_click(self, event: Click) -> None:
        """A click chooses a cell; a click on the chosen one opens it."""
        line, between = divmod(event.y + self.top, self._apart)
        if between or line >= len(self._stretches):
            return
        stretch = self._stretches[line]
        column = (event.x - self._label_width) // self._cell_width
        if not 0 <= column < stretch.count:
            return
        if stretch.first + column == self.at:
            self.post_message(self.CellOpened(self.instance_id))
        else:
            self._go(stretch.first + column)
