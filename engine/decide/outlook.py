"""What an operator may expect of a live upgrade: batches to come, when it ends, what it waits for."""

from __future__ import annotations

from engine.decide.blocked_by import upgrade_blocked_by
from engine.decide.choose_batch import choose_from, waiting_to_go
from engine.decide.judge_health import must_stop
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, Outlook, Upgrade

TIME_STEP_S = 5.0
"""A forecast time that moves by less is the same forecast."""


def batches_to_come(upgrade: Upgrade, scale_set: ScaleSet) -> list[int]:
    """A forecast from the present health: the sizes of the batches that are still to begin; none where it stops."""
    if must_stop(upgrade) or upgrade.cancelling:
        return []
    left = {m.id: m for m in waiting_to_go(upgrade)}
    sizes: list[int] = []
    while left:
        choice = choose_from(left.values(), upgrade.settings, upgrade.direction, scale_set)
        assert choice is not None, "members are left, so one can be chosen"
        for name in choice.members:
            del left[name]
        sizes.append(len(choice.members))
    return sizes


def look_ahead(
    upgrade: Upgrade,
    scale_set: ScaleSet,
    now: Now,
    to_come: int,
    eta: tuple[float, float] | None = None,
    late_after_s: float | None = None,
) -> Outlook:
    """The outlook now. `to_come` and `eta` are what `batches_to_come` and `eta_range` said last.

    A batch that runs for longer than `late_after_s` is said to be late, beside what it waits for.
    """
    low, high = eta or (None, None)
    blocked = upgrade_blocked_by(upgrade, scale_set, now)
    if blocked is None:
        return Outlook(to_come, "", "", now.at, None, low, high)
    late = _late(upgrade, now, late_after_s)
    words = blocked.words + (f"; {late}" if late else "")
    return Outlook(to_come, blocked.kind.value, words, blocked.since_at, blocked.until_at, low, high, late)


def _late(upgrade: Upgrade, now: Now, late_after_s: float | None) -> str:
    batch = upgrade.open_batch
    if batch is None or late_after_s is None or now.at - batch.began_at <= late_after_s:
        return ""
    return f"batch {batch.number} is LATE: 99 of 100 such batches end within {late_after_s:.0f} s"


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
