"""Numbers in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def many(count: int, word: str) -> str:
    """`1 instance`, `1,204 instances`, `2 batches`."""
    plural = f"{word}es" if word.endswith(("ch", "s")) else f"{word}s"
    return f"{count:,} {word if count == 1 else plural}"


def each_counted(counts: Mapping[str, int]) -> str:
    """`1.1.0 (10), 1.2.0 (2)`, the most first; the name alone where there is only one."""
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items(), key=lambda item: -item[1]))


def some_of(names: Sequence[object], most: int) -> str:
    """`0, 1, 2 and 5 more`: the first `most` of them, and how many are left."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def more_stop(count: int) -> str:
    """`1 more stops it`, `24 more stop it`."""
    return "1 more stops it" if count == 1 else f"{count:,} more stop it"
