"""A turn takes much while that is quick, and less when it is not."""

from __future__ import annotations

from engine.runtime.bite import LEAST, MOST, SHORT_S, Bite


def test_long_turns_make_it_smaller_down_to_a_bound() -> None:
    bite = Bite()
    sizes = []
    for _ in range(10):
        sizes.append(bite.size)
        bite.took(bite.size, SHORT_S * 2)
    assert sizes[:3] == [MOST, MOST // 2, MOST // 4] and sizes[-1] == LEAST


def test_full_and_short_turns_make_it_larger_again_up_to_a_bound() -> None:
    bite = Bite()
    for _ in range(10):
        bite.took(bite.size, SHORT_S * 2)
    bite.took(LEAST, SHORT_S / 4)
    assert bite.size == LEAST * 2
    for _ in range(10):
        bite.took(bite.size, SHORT_S / 4)
    assert bite.size == MOST


def test_turns_that_are_not_full_or_neither_short_nor_long_tell_nothing() -> None:
    bite = Bite()
    bite.took(MOST, SHORT_S * 2)
    before = bite.size
    bite.took(before - 1, 0.0)
    bite.took(before, SHORT_S * 0.75)
    assert bite.size == before
