"""What an operator may expect of a live upgrade: batches to come, when it ends, what it waits for."""

from __future__ import annotations

from engine.decide.blocked_by import upgrade_blocked_by
from engine.decide.choose_batch import choose_from, waiting_to_go
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, Outlook, Upgrade

TIME_STEP_S = 5.0
"""A forecast time that moves by less is the same forecast."""


def batches_to_come(upgrade: Upgrade, scale_set: ScaleSet) -> int:
    """A forecast from the present health: how many batches are still to begin."""
    left = {m.id: m for m in waiting_to_go(upgrade)}
    count = 0
    while left:
        choice = choose_from(left.values(), upgrade.settings, upgrade.direction, scale_set)
        if choice is None:
            break
        for name in choice.members:
            del left[name]
        count += 1
    return count


def look_ahead(upgrade: Upgrade, scale_set: ScaleSet, now: Now, to_come: int) -> Outlook:
    """The outlook now. `to_come` is what `batches_to_come` said since the last batch began or ended."""
    blocked = upgrade_blocked_by(upgrade, scale_set, now)
    if blocked is None:
        return Outlook(to_come, "", "", now.at)
    return Outlook(to_come, blocked.kind, blocked.words, blocked.since_at, blocked.until_at)


def says_something_new(before: Outlook | None, after: Outlook) -> bool:
    """Whether an operator would see a difference."""
    if before is None:
        return True
    same_words = (before.batches_to_come, before.blocked_kind, before.blocked_words) == (
        after.batches_to_come,
        after.blocked_kind,
        after.blocked_words,
    )
    times = ("blocked_until_at", "eta_low_at", "eta_high_at")
    return not same_words or any(_moved(getattr(before, name), getattr(after, name)) for name in times)


def _moved(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(before - after) >= TIME_STEP_S
