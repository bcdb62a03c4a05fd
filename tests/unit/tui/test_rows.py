"""Lists that scroll by themselves: keys, wheel, clicks, the scroll bar, and following the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tui.palette import Piece
from tui.themes import load_themes
from tui.widgets.rows import Rows
from tui.widgets.scroll_bar import is_thumb

HEIGHT = 10
Drive = Callable[[Rows, Pilot[None]], Awaitable[None]]


class OneList(App[None]):
    """A list over the whole screen."""

    def __init__(self, count: int, **given: Any) -> None:
        super().__init__()
        self._count, self._given = count, given
        self.opened: list[int] = []

    def compose(self) -> ComposeResult:
        yield Rows(**self._given)

    def on_mount(self) -> None:
        rows = self.query_one(Rows)
        rows.use(load_themes(())[0]["dark"].palette(), ascii=False)
        rows.focus()
        show(rows, self._count)

    def on_rows_opened(self, event: Rows.Opened) -> None:
        self.opened.append(event.cursor)


def show(rows: Rows, count: int) -> None:
    rows.show(count, lambda y, _width: (Piece(f"line {y}"),))


def drive(count: int, steps: Drive, **given: Any) -> OneList:
    app = OneList(count, **given)

    async def run() -> None:
        async with app.run_test(size=(20, HEIGHT)) as pilot:
            await pilot.pause()
            await steps(app.query_one(Rows), pilot)

    asyncio.run(run())
    return app


def test_the_cursor_moves_and_what_it_is_on_is_seen() -> None:
    async def steps(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("G")
        assert (rows.cursor, rows.top) == (99, 90)
        await pilot.press("k", "pageup")
        assert (rows.cursor, rows.top) == (89, 89)
        await pilot.press("home")
        assert (rows.cursor, rows.top) == (0, 0)

    drive(100, steps, has_cursor=True)


def test_without_a_cursor_the_keys_scroll_and_stop_at_the_ends() -> None:
    async def steps(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("down", "down")
        assert rows.top == 2
        await pilot.press("end")
        assert rows.top == 20
        await pilot.press("up")
        assert rows.top == 19
        await pilot.press("home", "up")
        assert rows.top == 0

    drive(30, steps)


def test_a_list_that_follows_its_end_stays_where_it_was_scrolled_to() -> None:
    async def steps(rows: Rows, pilot: Pilot[None]) -> None:
        assert rows.top == 20
        show(rows, 35)
        assert rows.top == 25
        await pilot.press("up")
        show(rows, 50)
        assert rows.top == 24
        await pilot.press("end")
        show(rows, 60)
        assert rows.top == 50

    drive(30, steps, follows_end=True)


def test_fewer_lines_bring_cursor_and_screen_back() -> None:
    async def steps(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.press("end")
        show(rows, 12)
        assert (rows.cursor, rows.top) == (11, 2)
        show(rows, 0)
        assert (rows.cursor, rows.top) == (0, 0)

    drive(100, steps, has_cursor=True)


def test_a_click_chooses_and_a_click_on_the_chosen_line_opens() -> None:
    async def steps(_rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.click(Rows, offset=(2, 4))
        await pilot.click(Rows, offset=(2, 4))

    assert drive(100, steps, has_cursor=True).opened == [4]


def test_a_click_in_the_scroll_bar_goes_there() -> None:
    async def steps(rows: Rows, pilot: Pilot[None]) -> None:
        await pilot.click(Rows, offset=(19, 5))
        assert rows.top == 50

    drive(100, steps)


def test_lines_never_reach_the_scroll_bar() -> None:
    async def steps(rows: Rows, _pilot: Pilot[None]) -> None:
        assert rows.wide == 19
        rows.show(3, lambda _y, width: (Piece("x" * (width + 5)),))
        assert rows.render_line(0).text == "x" * 18 + "… "

    drive(3, steps)


@pytest.mark.parametrize(("count", "height"), ((11, 10), (100, 10), (10_000, 10), (3, 2)))
def test_the_thumb_is_at_the_ends_with_the_list(count: int, height: int) -> None:
    first = [is_thumb(row, height, 0, count) for row in range(height)]
    last = [is_thumb(row, height, count - height, count) for row in range(height)]
    assert first[0] and last[-1]
    assert sum(first) == sum(last) >= 1


def test_there_is_no_thumb_where_all_is_seen() -> None:
    assert not any(is_thumb(row, 10, 0, 10) for row in range(10))
