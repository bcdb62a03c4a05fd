"""What of a line is sent to the terminal again: the cells that look different, and whole wide characters."""

from __future__ import annotations

from tui.palette import Meaning, Piece
from tui.widgets.changes import JOINED, changed_spans


def line(*texts: str) -> tuple[Piece, ...]:
    return tuple(Piece(text) for text in texts)


def test_a_line_that_looks_the_same_has_no_changes() -> None:
    assert changed_spans(line("web", "-eu"), line("web", "-eu"), 20) == []
    assert changed_spans(line("web", "-eu"), line("web-eu"), 20) == []


def test_one_letter_is_one_cell() -> None:
    assert changed_spans(line("batch 7 of 10"), line("batch 8 of 10"), 20) == [(6, 1)]


def test_another_colour_is_a_change() -> None:
    before = (Piece("a"), Piece("b"), Piece("c"))
    after = (Piece("a"), Piece("b", Meaning.BAD), Piece("c"))
    assert changed_spans(before, after, 3) == [(1, 1)]


def test_what_a_shorter_line_leaves_is_cleared() -> None:
    assert changed_spans(line("paused by omar"), line("paused"), 20) == [(7, 7)]


def test_changes_near_each_other_are_sent_as_one() -> None:
    far = " " * (JOINED + 5)
    assert changed_spans(line("a  a"), line("b  b"), 4) == [(0, 4)]
    assert changed_spans(line(f"a{far}a"), line(f"b{far}b"), 40) == [(0, 1), (len(far) + 1, 1)]


def test_a_wide_character_is_sent_whole() -> None:
    assert changed_spans(line("결제"), line("결과"), 10) == [(2, 2)]
    assert changed_spans(line("결a"), line("xya"), 10) == [(0, 2)]
    assert changed_spans(line("a결b"), line("ab b"), 10) == [(1, 2)]


def test_a_mark_on_a_letter_belongs_to_its_cell() -> None:
    assert changed_spans(line("cafe\u0301 x"), line("cafe x"), 10) == [(3, 1)]
    assert changed_spans(line("결\u0301 x"), line("결 x"), 10) == [(0, 2)]


def test_changes_end_with_the_line() -> None:
    assert changed_spans(line("x" * 30), line("y" * 30), 10) == [(0, 10)]
