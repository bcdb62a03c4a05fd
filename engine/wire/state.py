"""The JSON form of state records: scale sets, upgrades, images, effects."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # a terminal only reads, and has engine.wire.reading for that

    found: Any = kind
    return TypeAdapter(found)


@cache
def _to_json(kind: Hashable) -> Callable[[object], bytes]:
    """pydantic's serializer itself: its adapter's own method takes as long again."""
    found: Callable[[object], bytes] = _adapter(kind).serializer.to_json
    return found


def dump(record: object) -> str:
    """A record of engine.model as JSON text."""
    return _to_json(cast(Hashable, type(record)))(record).decode()


def load(kind: type[T], text: str) -> T:
    """Read what `dump` wrote."""
    found: T = _adapter(cast(Hashable, kind)).validate_json(text)
    return found
