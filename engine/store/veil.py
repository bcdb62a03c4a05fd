"""Takes out of records what may be secret or private: only our own words, numbers and truth values stay readable."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import importlib
import pkgutil
import re
import secrets
from enum import StrEnum
from typing import Any

import engine.model

_NUMBERED = frozenset({"instance_id", "member", "zone", "disk", "previous_disk"})
_NUMBER = re.compile(r"\d{1,6}")
_DEEPEST = 30
_PLAIN_TOKEN = re.compile(r"[A-Za-z0-9_.,;()*%'\"#-]{1,40}:?")
_UPGRADE_ID = re.compile(r".+-\d+-[0-9a-f]{6}[:,.]?")
"""It begins with the name of its scale set."""


class Veil:
    """Turns any other text into `#` and 8 digits: the same text into the same digits, within one report only."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._words, self._fields = _our_words()

    def text(self, text: str) -> str:
        """The text itself when it is one of our own words."""
        return text if text in self._words else self.mark(text)

    def mark(self, text: str) -> str:
        """What stands for a text; whoever lacks this report's key, which is kept nowhere, cannot try texts."""
        digest = hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"#{digest.hexdigest()[:8]}"

    def sentence(self, text: str) -> str:
        """A message of ours about the store, without the paths, ids and names that are told apart by their signs."""
        return " ".join(self.mark(word) if _names(word) else word for word in text.split())

    def value(self, value: Any, field: str = "", depth: int = 0) -> Any:
        """A JSON value whose texts, and keys that are no fields of ours, are veiled."""
        if depth > _DEEPEST:
            return "..."
        if isinstance(value, str):
            return value if field in _NUMBERED and _NUMBER.fullmatch(value) else self.text(value)
        if isinstance(value, list):
            return [self.value(item, field, depth + 1) for item in value]
        if isinstance(value, dict):
            return {
                key if key in self._fields else self.mark(key): self.value(item, key, depth + 1)
                for key, item in value.items()
            }
        return value


def _names(word: str) -> bool:
    return _PLAIN_TOKEN.fullmatch(word) is None or _UPGRADE_ID.fullmatch(word) is not None


def _our_words() -> tuple[frozenset[str], frozenset[str]]:
    """Values of the enumerations of engine.model with the names of its events, and the fields of its records."""
    words, fields = set[str](), set[str]()
    for found in pkgutil.iter_modules(engine.model.__path__, "engine.model."):
        for kind in vars(importlib.import_module(found.name)).values():
            if not isinstance(kind, type):
                continue
            if issubclass(kind, StrEnum):
                words.update(kind)
            elif dataclasses.is_dataclass(kind):
                words.add(kind.__name__)
                fields.update(field.name for field in dataclasses.fields(kind))
    return frozenset(words), frozenset(fields)
