"""Text from outside made safe to print: nothing that a terminal could obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with every character that is not printable (C0, C1, bidi controls, separators) shown as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
