"""No text from outside reaches a terminal as a command to it."""

from __future__ import annotations

import pytest

from engine.model.safe_text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    (
        ("plain, Grüße, 日本", "plain, Grüße, 日本"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ),
)
def test_what_is_not_printable_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()
