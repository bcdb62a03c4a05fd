"""One measured figure: a value beside what it is compared with in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """`aim` is the bound in words, `met` whether the value keeps it; `beside` is the reference of the same run."""

    name: str
    value: str
    aim: str
    met: bool
    beside: str = ""


def seconds(act: Callable[[], object], times: int) -> list[float]:
    """How long each of `times` calls took, after one that is not counted."""
    act()
    found = []
    for _ in range(times):
        began = perf_counter()
        act()
        found.append(perf_counter() - began)
    return found


def middle(values: list[float]) -> float:
    """The median."""
    return median(values)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
