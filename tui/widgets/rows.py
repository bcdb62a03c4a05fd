"""Lines drawn one by one: lists of any length, panels, headers. Only lines that look different are painted again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.wire.safe_text import printable
from tui.cells import clip
from tui.palette import Line, Palette

Draw = Callable[[int, int], Line]
"""Line number and width in cells -> the line."""

PLAIN = str.maketrans({"…": "~", "→": ">", "·": "."})
"""What our own words have beside ASCII, one cell each."""

MOVES: list[BindingType] = [
    Binding("up,k", "move(-1)", "up", id="rows.up", show=False),
    Binding("down,j", "move(1)", "down", id="rows.down", show=False),
    Binding("pageup,ctrl+b", "page(-1)", "page up", id="rows.page_up", show=False),
    Binding("pagedown,ctrl+f", "page(1)", "page down", id="rows.page_down", show=False),
    Binding("home", "edge(-1)", "first", id="rows.first", show=False),
    Binding("end,G", "edge(1)", "last", id="rows.last", show=False),
]


class Rows(ScrollView, inherit_bindings=False):
    """`count` lines, each drawn when it is seen. With `has_cursor` one line is chosen; else the keys scroll."""

    BINDINGS: ClassVar[list[BindingType]] = MOVES
    DEFAULT_CSS = """
    Rows {
        height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0;
        scrollbar-color: $faint; scrollbar-color-hover: $faint; scrollbar-color-active: $faint;
        scrollbar-background: $background; scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
    }
    """

    @dataclass
    class Moved(Message):
        """The cursor is on another line."""

        rows: Rows
        cursor: int

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    @dataclass
    class Opened(Message):
        """The line under the cursor was clicked again."""

        rows: Rows
        cursor: int

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

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
        self._follows_end = follows_end
        self._at_end = True
        self._draw: Draw = lambda _y, _width: ()
        self._count = 0
        self._painted: dict[int, tuple[Line, str]] = {}
        self._palette: Palette | None = None
        self._ascii = False

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self._count

    @property
    def wide(self) -> int:
        """Cells of a line, without a scrollbar."""
        return self.scrollable_content_region.width

    def use(self, palette: Palette, *, ascii: bool) -> None:
        """Draw with these colours; `ascii` for a terminal that has no other signs."""
        self._palette = palette
        self._ascii = ascii
        self._painted.clear()
        self.refresh()

    def show(self, count: int, draw: Draw) -> None:
        """Draw these lines from now on; those on screen that look different are painted."""
        at_end = self._at_end
        grown = count != self._count
        self._count, self._draw = count, draw
        if grown:
            self.virtual_size = Size(0, count)
            self.cursor = max(0, min(self.cursor, count - 1))
            if self._follows_end and at_end:
                self.call_after_refresh(self._to_end)
        self._repaint()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Draw these lines, as they are."""
        found = tuple(lines)
        self.show(len(found), lambda y, _width: found[y])

    def _to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def _repaint(self) -> None:
        width, height = self.wide, self.size.height
        top = self.scroll_offset.y
        changed = [
            Region(0, y - top, width, 1)
            for y in range(top, top + height)
            if self._painted.get(y) != (self._line(y, width), self._ground(y))
        ]
        if changed:
            self.refresh(*changed)

    def _line(self, y: int, width: int) -> Line:
        return clip(self._draw(y, width), width) if y < self._count else ()

    def _ground(self, y: int) -> str:
        if not self.has_cursor or y != self.cursor or y >= self._count:
            return "plain"
        return "chosen" if self.has_focus else "blurred"

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.wide
        number = y + self.scroll_offset.y
        if self._palette is None:
            return Strip.blank(width)
        line, ground = self._line(number, width), self._ground(number)
        if len(self._painted) > 4 * max(1, self.size.height):
            self._painted.clear()
        self._painted[number] = (line, ground)
        palette = self._palette
        segments = [Segment(self._safe(piece.text), palette.style(piece, ground)) for piece in line if piece.text]
        return Strip(segments).adjust_cell_length(width, palette.ground(ground))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whether the end is seen: then what is added is followed."""
        super().watch_scroll_y(old_value, new_value)
        self._at_end = new_value >= self.max_scroll_y

    def _safe(self, text: str) -> str:
        safe = printable(text)
        return safe.translate(PLAIN) if self._ascii else safe

    def on_resize(self, _event: Resize) -> None:
        """Another width draws other lines."""
        self._painted.clear()
        self.post_message(self.Resized(self))
        if self._follows_end and self._at_end:
            self.call_after_refresh(self._to_end)
        self._keep_visible()

    def on_focus(self) -> None:
        """The cursor's line looks different."""
        self._repaint()

    def on_blur(self) -> None:
        """The cursor's line looks different."""
        self._repaint()

    def move_to(self, line: int) -> None:
        """Put the cursor on a line, or as near as there is one."""
        before, self.cursor = self.cursor, max(0, min(line, self._count - 1))
        self._keep_visible()
        self._repaint()
        if before != self.cursor:
            self.post_message(self.Moved(self, self.cursor))

    def _keep_visible(self) -> None:
        if not self.has_cursor:
            return
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def action_move(self, lines: int) -> None:
        """Move the cursor, or scroll."""
        if self.has_cursor:
            self.move_to(self.cursor + lines)
        else:
            self.scroll_relative(y=lines, animate=False, immediate=True)

    def action_page(self, pages: int) -> None:
        """Move by a screenful."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_edge(self, direction: int) -> None:
        """Move to the first or the last line."""
        self.action_move(direction * self._count)

    def on_click(self, event: Click) -> None:
        """A click chooses a line; a click on the chosen one opens it."""
        if not self.has_cursor:
            return
        line = event.y + self.scroll_offset.y
        if line == self.cursor and line < self._count:
            self.post_message(self.Opened(self, line))
        elif line < self._count:
            self.move_to(line)
