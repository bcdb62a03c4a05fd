"""A stop in order: nothing new begins, what has begun is settled first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drain:
    """A stop at the next safe point, at the latest when the engine's clock is at `until_clock`."""

    until_clock: float
    stops_anyway: bool
