"""Numbers in words."""

from __future__ import annotations

from engine.model.numbers import some_of


def test_so_many_are_named_and_the_others_counted() -> None:
    assert some_of(["0", "1"], 2) == "0, 1"
    assert some_of(["0", "1", "2"], 2) == "0, 1 and 1 more"
