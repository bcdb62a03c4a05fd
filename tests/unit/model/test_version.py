"""Versions are compared by their numbers."""

from __future__ import annotations

import pytest

from engine.model.version import VERSION, version_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    (
        ("0.1.0", (0, 1, 0)),
        ("1.10", (1, 10)),
        ("1.2rc1.4", (1,)),
        ("", ()),
        ("x.1", ()),
        ("1.1234567890.3", (1,)),
    ),
)
def test_what_is_no_number_ends_them(text: str, numbers: tuple[int, ...]) -> None:
    assert version_numbers(text) == numbers


def test_our_own_version_is_a_version() -> None:
    assert len(version_numbers(VERSION)) == 3
