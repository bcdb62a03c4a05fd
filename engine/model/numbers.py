"""Numbers in words."""

from __future__ import annotations


def many(count: int, word: str) -> str:
    """`1 instance`, `1,204 instances`, `2 batches`."""
    plural = f"{word}es" if word.endswith(("ch", "s")) else f"{word}s"
    return f"{count:,} {word if count == 1 else plural}"


def more_stop(count: int) -> str:
    """`1 more stops it`, `24 more stop it`."""
    return "1 more stops it" if count == 1 else f"{count:,} more stop it"
