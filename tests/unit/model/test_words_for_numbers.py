"""Numbers and values from outside in the words of messages."""

from __future__ import annotations

import pytest

from engine.model.numbers import each_counted, many, more_stop
from engine.model.shown_value import MOST_SHOWN, shown_value


@pytest.mark.parametrize(
    ("count", "word", "words"),
    (
        (0, "instance", "0 instances"),
        (1, "instance", "1 instance"),
        (1204, "instance", "1,204 instances"),
        (2, "batch", "2 batches"),
        (1, "batch", "1 batch"),
    ),
)
def test_a_count_has_its_plural(count: int, word: str, words: str) -> None:
    assert many(count, word) == words


def test_how_many_more_stop_it() -> None:
    assert [more_stop(count) for count in (1, 24, 1204)] == ["1 more stops it", "24 more stop it", "1,204 more stop it"]


@pytest.mark.parametrize(
    ("value", "shown"),
    (
        (True, "true"),
        (None, "null"),
        ("x", "'x'"),
        (3.0, "3.0"),
        (float("inf"), "inf"),
        (["1", 2], '["1", 2]'),
        ({"a": False}, '{"a": false}'),
    ),
)
def test_a_value_is_shown_as_it_came(value: object, shown: str) -> None:
    assert shown_value(value) == shown


@pytest.mark.parametrize("value", ("x" * 1000, ["x" * 1000]))
def test_a_long_value_is_cut(value: object) -> None:
    shown = shown_value(value)
    assert "..." in shown and len(shown) <= MOST_SHOWN + 5


def test_several_names_are_counted_the_most_first() -> None:
    assert each_counted({}) == ""
    assert each_counted({"1.1.0": 6}) == "1.1.0"
    assert each_counted({"1.1.0": 2, "1.0.0": 1200}) == "1.0.0 (1,200), 1.1.0 (2)"
