"""Where the thumb of a scroll bar is. Pure."""

from __future__ import annotations


def is_thumb(row: int, height: int, top: int, count: int) -> bool:
    """Whether the thumb covers a row of the bar, with `top` the first of `count` lines; never where all are seen."""
    if count <= height:
        return False
    long = max(1, height * height // count)
    first = round(top * (height - long) / (count - height))
    return first <= row < first + long
