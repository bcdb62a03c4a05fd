"""Few draws of when an upgrade will end: for worlds that play it many times over and judge everything but that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.decide import estimate

FEW_DRAWS = 8


@contextmanager
def few_draws() -> Iterator[None]:
    """The range of the end is drawn from FEW_DRAWS ends: coarse, and no longer a third of the time."""
    usual, estimate.DRAWS = estimate.DRAWS, FEW_DRAWS
    try:
        yield
    finally:
        estimate.DRAWS = usual
