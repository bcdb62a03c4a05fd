"""The footer: the keys that act now, the most useful first, as many as fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tui.actions import ACTIONS
from tui.cells import width_of
from tui.palette import Line, Meaning, Piece


def footer_line(ids: Iterable[str], keys_of: Callable[[str], str], width: int) -> Line:
    """One line of keys and words; those of the highest rank are left out where it is narrow."""
    actions = sorted((ACTIONS[name] for name in ids), key=lambda action: action.rank)
    shown: Line = (Piece(" "),)
    for action in actions:
        key = keys_of(action.id)
        if not key:
            continue
        item = (Piece(key, Meaning.ACCENT), Piece(f" {action.words}  ", Meaning.MUTED))
        if width_of(shown) + width_of(item) > width:
            continue
        shown = (*shown, *item)
    return shown
