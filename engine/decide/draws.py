"""Chance without state: the same parts always draw the same number, on every machine and in any order."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

_SPAN = float(1 << 64)


def chance(*parts: object) -> float:
    """A number from 0 up to but not including 1 that belongs to `parts`."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / _SPAN


def gauss(*parts: object) -> float:
    """A number of the standard normal distribution that belongs to `parts` (Box and Muller)."""
    text = "\0".join(map(str, parts))
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    first = (int.from_bytes(digest[:8], "big") + 1) / (_SPAN + 1)
    second = int.from_bytes(digest[8:], "big") / _SPAN
    return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)


def lognormal(median: float, sigma: float, *parts: object) -> float:
    """A time of the lognormal distribution that belongs to `parts`."""
    return median * math.exp(sigma * gauss(*parts)) if median > 0 else 0.0


def quantile(ordered: list[float], share: float) -> float:
    """The value below which `share` of the ordered values lie, between neighbours in proportion; needs one value."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def picked(names: Iterable[str], count: int, *parts: object) -> list[str]:
    """`count` of `names`, chosen by chance, in the order of their luck."""
    return sorted(names, key=lambda name: chance(*parts, name))[:count]
