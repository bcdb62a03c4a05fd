"""The JSON form of state records: scale sets, upgrades, images, effects."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    found: Any = kind
    return TypeAdapter(found)


def dump(record: object) -> str:
    """A record of engine.model as JSON text."""
    return _adapter(cast(Hashable, type(record))).dump_json(record).decode()


def load(kind: type[T], text: str) -> T:
    """Read what `dump` wrote."""
    found: T = _adapter(cast(Hashable, kind)).validate_json(text)
    return found
