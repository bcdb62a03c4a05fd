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


def normal_quantile(share: float) -> float:
    """The value below which `share` of the standard normal distribution lies (Acklam's approximation, error 1e-9)."""
    if share > 0.5:
        return -normal_quantile(1 - share)
    share = max(share, 1e-15)
    if share < 0.02425:
        q = math.sqrt(-2 * math.log(share))
        return _polynomial(_C, q) / (_polynomial(_D, q) * q + 1)
    q = share - 0.5
    r = q * q
    return _polynomial(_A, r) * q / (_polynomial(_B, r) * r + 1)


def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    total = 0.0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


_A = (
    -3.969683028665376e01,
    2.209460984245205e02,
    -2.759285104469687e02,
    1.383577518672690e02,
    -3.066479806614716e01,
    2.506628277459239e00,
)
_B = (-5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01, -1.328068155288572e01)
_C = (
    -7.784894002430293e-03,
    -3.223964580411365e-01,
    -2.400758277161838e00,
    -2.549732539343734e00,
    4.374664141464968e00,
    2.938163982698783e00,
)
_D = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e00, 3.754408661415990e00)
