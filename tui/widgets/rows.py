"""Lines drawn one by one: lists of any length, panels, headers. Only cells that look different are painted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.wire.safe_text import printable
from tui.cells import clip, width_of
from tui.palette import Line, Meaning, Palette, Piece
from tui.widgets.changes import changed_spans
from tui.widgets.scroll_bar import is_thumb

Draw = Callable[[int, int], Line]
"""Line number and width in cells -> the line."""

PLAIN = str.maketrans({"…": "~", "→": ">", "·": "."})
"""What our own words have beside ASCII, one cell each."""
WHEEL_LINES = 3

MOVES: list[BindingType] = [
    Binding("up,k", "move(-1)", "up", id="rows.up", show=False),
    Binding("down,j", "move(1)", "down", id="rows.down", show=False),
    Binding("pageup,ctrl+b", "page(-1)", "page up", id="rows.page_up", show=False),
    Binding("pagedown,ctrl+f", "page(1)", "page down", id="rows.page_down", show=False),
    Binding("home", "edge(-1)", "first", id="rows.first", show=False),
    Binding("end,G", "edge(1)", "last", id="rows.last", show=False),
]


@dataclass(frozen=True, slots=True)
class _Shown:
    """One line of the screen as it was painted: its pieces, its ground, its cell of the scroll bar."""

    line: Line
    ground: str
    bar: str


@dataclass
class AboutLine(Message):
    """A list tells something of the line under its cursor."""

    rows: Rows
    cursor: int

    @property
    def control(self) -> Rows:
        """The list."""
        return self.rows


class Rows(Widget, can_focus=True, inherit_bindings=False):
    """`count` lines, each drawn when it is seen. With `has_cursor` one line is chosen; else the keys scroll.

    It scrolls by itself and draws its own scroll bar, in a last column that lines never reach: so more lines neither
    lay out the screen anew nor make lines narrower. One that cannot be focused has no bar and shows its first lines.
    """

    BINDINGS: ClassVar[list[BindingType]] = MOVES
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Rows { height: 1fr; width: 1fr; }
    """

    class Moved(AboutLine):
        """The cursor is on another line."""

    class Opened(AboutLine):
        """The line under the cursor was clicked again."""

    @dataclass
    class Resized(Message):
        """Its width is another, so its lines may be too."""

        rows: Rows

    def __init__(
        self, *, has_cursor: bool = False, focusable: bool = True, follows_end: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.can_focus = focusable
        self.cursor = 0
        self.has_cursor = has_cursor
        self.top = 0
        """The first line on the screen."""
        self._scrolls = focusable
        self._follows_end = follows_end
        self._at_end = True
        self._draw: Draw = lambda _y, _width: ()
        self._count = 0
        self._shown: dict[int, _Shown] = {}
        self._palette: Palette | None = None
        self._ascii = False

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self._count

    @property
    def wide(self) -> int:
        """Cells of a line."""
        return max(0, self.size.width - self._scrolls)

    def use(self, palette: Palette, *, ascii: bool) -> None:
        """Draw with these colours; `ascii` for a terminal that has no other signs."""
        self._palette = palette
        self._ascii = ascii
        self._shown.clear()
        self.refresh()

    def show(self, count: int, draw: Draw) -> None:
        """Draw these lines from now on; cells on screen that look different are painted."""
        other = count != self._count
        self._count, self._draw = count, draw
        if other:
            self.cursor = max(0, min(self.cursor, count - 1))
            height = self.styles.height
            if height is not None and height.is_auto:
                self.refresh(layout=True)
        self._settle()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Draw these lines, as they are."""
        found = tuple(lines)
        self.show(len(found), lambda y, _width: found[y])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Where the style says `auto`: as high as its lines."""
        return max(1, self._count)

    # --- drawing ---

    def _settle(self) -> None:
        """Keep the first line within what there is, then paint what differs."""
        most = max(0, self._count - self.size.height)
        if self._follows_end and self._at_end:
            self.top = most
        self.top = max(0, min(self.top, most))
        self._repaint()

    def _repaint(self) -> None:
        if not self.is_attached or self._palette is None:
            return
        width = self.size.width
        changed: list[Region] = []
        for row in range(self.size.height):
            after, before = self._look(row), self._shown.get(row)
            if after == before:
                continue
            self._shown[row] = after
            if before is None or before.ground != after.ground or not before.line:
                changed.append(Region(0, row, width, 1))
                continue
            changed += [Region(x, row, cells, 1) for x, cells in changed_spans(before.line, after.line, self.wide)]
            if before.bar != after.bar:
                changed.append(Region(width - 1, row, 1, 1))
        if changed:
            self.refresh(*changed)

    def _look(self, row: int) -> _Shown:
        number, width = row + self.top, self.wide
        line = clip(self._safe(self._draw(number, width)), width) if number < self._count else ()
        return _Shown(line, self._ground(number), self._bar(row))

    def _safe(self, line: Line) -> Line:
        return tuple(
            Piece(text, piece.meaning, piece.bold, piece.reverse, piece.underline)
            for piece in line
            if (text := self._safe_text(piece.text))
        )

    def _safe_text(self, text: str) -> str:
        safe = printable(text)
        return safe.translate(PLAIN) if self._ascii else safe

    def _ground(self, number: int) -> str:
        if not self.has_cursor or number != self.cursor or number >= self._count:
            return "plain"
        return "chosen" if self.has_focus else "blurred"

    def _bar(self, row: int) -> str:
        if not self._scrolls:
            return ""
        thumb = "#" if self._ascii else "▐"
        return thumb if is_thumb(row, self.size.height, self.top, self._count) else " "

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        palette, width = self._palette, self.size.width
        if palette is None:
            return Strip.blank(width)
        shown = self._shown.get(y)
        if shown is None:
            shown = self._shown[y] = self._look(y)
        segments = [Segment(piece.text, palette.style(piece, shown.ground)) for piece in shown.line]
        if not self._scrolls:
            return Strip(segments).adjust_cell_length(width, palette.ground(shown.ground))
        space = Segment(" " * (self.wide - width_of(shown.line)), palette.ground(shown.ground))
        bar = Segment(shown.bar, palette.style(Piece("", Meaning.FAINT), "plain"))
        return Strip([*segments, space, bar], width)

    def on_resize(self, _event: Resize) -> None:
        """Another size draws other lines."""
        self._shown.clear()
        self.post_message(self.Resized(self))
        self._settle()
        self._keep_visible()

    def on_focus(self) -> None:
        """The cursor's line looks different."""
        self._repaint()

    def on_blur(self) -> None:
        """The cursor's line looks different."""
        self._repaint()

    # --- moving ---

    def scroll_lines_to(self, top: int) -> None:
        """Show from this line on, or as near as there is one."""
        most = max(0, self._count - self.size.height)
        self.top = max(0, min(top, most))
        self._at_end = self.top >= most
        self._repaint()

    def bring(self, line: int) -> None:
        """Scroll as little as is needed to see a line."""
        height = max(1, self.size.height)
        if line < self.top:
            self.scroll_lines_to(line)
        elif line >= self.top + height:
            self.scroll_lines_to(line - height + 1)

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, or as near as there is one."""
        before, self.cursor = self.cursor, max(0, min(line, self._count - 1))
        self._keep_visible()
        self._repaint()
        if before != self.cursor:
            self.post_message(self.Moved(self, self.cursor))

    def _keep_visible(self) -> None:
        if self.has_cursor:
            self.bring(self.cursor)

    def action_move(self, lines: int) -> None:
        """Move the cursor, or scroll."""
        if self.has_cursor:
            self.move_to(self.cursor + lines)
        else:
            self.scroll_lines_to(self.top + lines)

    def action_page(self, pages: int) -> None:
        """Move by a screenful."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_edge(self, direction: int) -> None:
        """Move to the first or the last line."""
        self.action_move(direction * self._count)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """The wheel."""
        self._wheel(event, WHEEL_LINES)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """The wheel."""
        self._wheel(event, -WHEEL_LINES)

    def _wheel(self, event: MouseScrollDown | MouseScrollUp, lines: int) -> None:
        if self._scrolls:
            event.stop()
            self.scroll_lines_to(self.top + lines)

    def on_click(self, event: Click) -> None:
        """A click chooses a line, a click on the chosen one opens it; in the scroll bar it scrolls there."""
        if self._scrolls and event.x >= self.wide:
            self.scroll_lines_to(event.y * self._count // max(1, self.size.height))
            return
        line = event.y + self.top
        if not self.has_cursor or line >= self._count:
            return
        if line == self.cursor:
            self.post_message(self.Opened(self, line))
        else:
            self.move_to(line)
