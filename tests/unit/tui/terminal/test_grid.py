"""Whatever Textual writes, the terminal shows the same when it is told only the difference."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size

from tests.terminal.screen import Screen
from tui.terminal.grid import CONTROL_LIMIT, ENTER_SCREEN, LEAVE_SCREEN, SYNC_END, SYNC_START, Grid

COLUMNS, LINES = 24, 4
STYLES = ("", "31", "38;5;102;48;5;16", "1;38;5;231;48;5;16", "48;5;16", "7;31", "4", "38;2;1;2;3;48;2;4;5;6", "91;40")
PIECES = st.tuples(
    st.integers(0, LINES - 1),
    st.integers(0, COLUMNS - 1),
    st.lists(
        st.tuples(st.sampled_from(STYLES), st.text("ab ■·♥━한글e\u0301", min_size=1, max_size=12)),
        min_size=1,
        max_size=4,
    ),
)
FRAMES = st.lists(PIECES, min_size=1, max_size=5)


def frame(pieces: list[tuple[int, int, list[tuple[str, str]]]]) -> str:
    found = ""
    for line, column, texts in pieces:
        found += f"\x1b[{line + 1};{column + 1}H"
        for style, text in texts:
            safe = set_cell_size(text.lstrip("\u0301") or "a", min(cell_len(text), COLUMNS - column))
            column += cell_len(safe)
            found += f"\x1b[{style}m{safe}\x1b[0m" if style else safe
        found += "\n"
    return found + "\x1b[1;1H"


def opened() -> Grid:
    grid = Grid(COLUMNS, LINES)
    grid.take(ENTER_SCREEN)
    grid.difference()
    return grid


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(FRAMES, st.booleans(), st.booleans()), min_size=1, max_size=8))
def test_the_differences_show_what_the_frames_show(steps: list) -> None:
    # Given two terminals, one that is told everything, one that is told differences
    grid, told_all, told_less = opened(), Screen(COLUMNS, LINES), Screen(COLUMNS, LINES)
    for pieces, forgets, is_taken in steps:
        # When a frame is written; some are replaced before the terminal has taken them
        told_all.feed(frame(pieces))
        grid.take(frame(pieces))
        if forgets:
            grid.forget()
        if is_taken:
            told_less.feed(grid.difference())
            # Then both show the same
            assert told_less.looks() == told_all.looks()


def test_what_is_shown_already_is_not_written_again() -> None:
    grid = opened()
    line = frame([(0, 0, [("38;5;102;48;5;16", "12 done"), ("48;5;16", " " * 17)])])
    grid.take(line)
    grid.difference()
    # When the same is drawn again, and then with one digit changed
    grid.take(line)
    same = grid.difference()
    grid.take(line.replace("12", "13"))
    # Then nothing is written, and then only that digit
    assert same == ""
    assert grid.difference() == "\x1b[1;2H\x1b[38;5;102;48;5;16m3\x1b[0m\x1b[1;1H"


def test_a_colour_that_stays_is_set_once() -> None:
    grid = opened()
    grid.take(frame([(0, 0, [("31;40", "ab"), ("32;40", "cd"), ("1;32;40", "ef"), ("40", "gh")])]))
    assert "\x1b[31;40mab\x1b[32mcd\x1b[1mef\x1b[0;40mgh" in grid.difference()


def test_a_control_sequence_in_a_text_is_not_let_through() -> None:
    # Given a text that reached a frame with the bytes that would set the title, clear the screen and ring the bell
    grid = opened()
    grid.take("\x1b[1;1H\x1b[31mname\x1b]0;owned\x07\x1b[2J\x9b2J\x1b[0m\x1b[1;1H")
    # When it is written, then no sequence but positions and styles is left
    written = grid.difference()
    assert "\x1b]" not in written and "\x1b[2J" not in written and "\x9b" not in written and "\x07" not in written
    assert "name" in written


def test_control_sequences_of_the_program_go_through_in_order() -> None:
    grid = opened()
    for data in ("\x1b[?1000h", "\x1b]52;c;YQ==\x07"):
        grid.take(data)
    assert grid.difference() == "\x1b[?1000h\x1b]52;c;YQ==\x07"


def test_after_the_screen_is_left_nothing_is_drawn() -> None:
    grid = opened()
    grid.take(frame([(0, 0, [("", "late")])]))
    grid.take(LEAVE_SCREEN)
    assert grid.difference() == LEAVE_SCREEN
    assert not grid.waits


def test_a_terminal_that_takes_nothing_does_not_fill_the_memory() -> None:
    grid = opened()
    for _ in range(100):
        grid.take("\x1b]52;c;" + "A" * 100_000 + "\x07")
    assert len(grid.difference()) <= CONTROL_LIMIT


def test_a_frame_is_one_synchronised_update_where_the_terminal_can() -> None:
    grid = opened()
    for data in (SYNC_START, frame([(0, 0, [("", "now")])]), SYNC_END):
        grid.take(data)
    assert grid.difference() == f"{SYNC_START}\x1b[1;1Hnow\x1b[1;1H{SYNC_END}"


def test_another_size_is_drawn_from_nothing() -> None:
    grid = opened()
    grid.take(frame([(0, 0, [("", "wide")])]))
    grid.difference()
    grid.resize(10, 2)
    grid.take("\x1b[1;1Hnarrow    \n\x1b[2;1H          \x1b[1;1H")
    assert grid.difference() == "\x1b[1;1Hnarrow    \x1b[2;1H          \x1b[1;1H"


def test_the_terminals_own_colours_are_no_colours_to_set() -> None:
    grid = opened()
    grid.take(frame([(0, 0, [("39;49", "plain"), ("1;39;49", "bold"), ("7;39;49", "turned")])]))
    assert "plain\x1b[1mbold\x1b[0;7mturned" in grid.difference()
