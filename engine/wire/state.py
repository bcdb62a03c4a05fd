"""The JSON form of state records: scale sets, upgrades, images, effects."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def dump(record: object) -> str:
    """A record of engine.model as JSON text."""
    return _adapter(type(record)).dump_json(record).decode()


def load(kind: type[T], text: str) -> T:
    """Read what `dump` wrote."""
    found: T = _adapter(kind).validate_json(text)
    return found
