"""Records and events out of JSON values by the types of their fields, as pydantic reads them, at a light import.

A terminal reads what an engine has written this way: pydantic would take longer to load than the first picture has.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Read = Callable[[Any], Any]


def read(kind: type[T], value: object) -> T:
    """The record of `kind` in a JSON value; keys that it does not know are left aside.

    Raises ValueError for a value that does not fit, also where one is missing. NaN and Infinity fit nowhere: no
    time or share that is computed with them could be shown.
    """
    found: T = _reader(cast(Hashable, kind))(value)
    return found


@cache
def _reader(kind: Any) -> Read:
    if is_dataclass(kind):
        return _record(cast(type, kind))
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _maybe(inner)
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return _many(_reader(inner[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_reader(inner[0]), _reader(inner[1]))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind in (bool, str):
        return _exactly(kind)
    if kind is int:
        return _whole
    if kind is float:
        return _number
    if kind in (Any, object):
        return lambda value: value
    raise TypeError(f"no reader for {kind}")


def _record(kind: type) -> Read:
    hints = get_type_hints(kind)
    parts: list[tuple[str, Read]] = []  # empty until it is needed: a type may hold others that hold it
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    known: Callable[..., object] = kind

    def read_record(value: Any) -> object:
        nonlocal parts
        if not parts:
            parts = [(f.name, _reader(hints[f.name])) for f in fields(kind)]  # whole at once: threads read beside it
        if not isinstance(value, dict):
            raise ValueError(f"{kind.__name__} is no object")
        found = {name: reader(value[name]) for name, reader in parts if name in value}
        if not needed <= found.keys():
            raise ValueError(f"{kind.__name__} has no {sorted(needed - found.keys())[0]}")
        return known(**found)

    return read_record


def _maybe(inner: tuple[Any, ...]) -> Read:
    others = [kind for kind in inner if kind is not type(None)]
    if len(others) != 1 or len(others) == len(inner):
        raise TypeError(f"no reader for a choice of {inner}")
    reader = _reader(others[0])
    return lambda value: None if value is None else reader(value)


def _many(reader: Read) -> Read:
    def read_many(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError("a list is missing")
        return tuple([reader(item) for item in value])

    return read_many


def _mapping(keys: Read, values: Read) -> Read:
    def read_mapping(value: Any) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise ValueError("an object is missing")
        return {keys(name): values(item) for name, item in value.items()}

    return read_mapping


def _exactly(kind: type) -> Read:
    def read_exactly(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"{value!r:.80} is no {kind.__name__}")
        return value

    return read_exactly


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r:.80} is no whole number")
    return value


def _number(value: Any) -> float:
    if type(value) not in (float, int):
        raise ValueError(f"{value!r:.80} is no number")
    try:
        found = float(value)
    except OverflowError:
        raise ValueError("a number is too large") from None
    if not isfinite(found):
        raise ValueError(f"{value} is no finite number")
    return found
