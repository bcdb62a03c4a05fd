"""Copies of frozen records with some fields changed: folding events is little else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import fields
from itertools import repeat
from operator import attrgetter, call
from typing import Any, TypeVar

T = TypeVar("T")
_Plan = tuple[Callable[[Any], Sequence[Any]], list[Callable[[Any, Any], None]], dict[str, int]]
_PLANS: dict[type, _Plan] = {}


def replace(record: T, **changes: Any) -> T:
    """`dataclasses.replace` for slotted records that check nothing when they are made, in under half its time.

    Raises KeyError for a field that the record has not.
    """
    kind = type(record)
    values_of, setters, places = _PLANS.get(kind) or _plan(kind)
    values = list(values_of(record))
    for name, value in changes.items():
        values[places[name]] = value
    copy = object.__new__(kind)
    deque(map(call, setters, repeat(copy), values), maxlen=0)  # each setter on its value, without a line of Python
    return copy


def _plan(kind: type) -> _Plan:
    assert not hasattr(kind, "__post_init__"), f"{kind.__name__} checks what it is made of"
    names = [field.name for field in fields(kind)]
    assert len(names) > 1, f"{kind.__name__} has too few fields to keep any"
    setters = [getattr(kind, name).__set__ for name in names]
    plan: _Plan = (attrgetter(*names), setters, {name: place for place, name in enumerate(names)})
    _PLANS[kind] = plan
    return plan
