"""Reading fields of a document one by one, each with an error that names its path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.arm.known_names import wrong

_LONGEST_TEXT = 512


class Fields:
    """An object of a document and the path to it. Every reader raises InputError for a value that does not fit."""

    def __init__(self, values: Mapping[str, Any], file: str, path: str = "") -> None:
        self._values = values
        self.file = file
        self.path = path

    def at(self, name: str) -> str:
        """The full path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def raw(self, name: str) -> Any:
        return self._values.get(name)

    def below(self, name: str) -> Fields:
        """The object in a field; an absent one is empty."""
        value = self._values.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise wrong(self.file, self.at(name), value, "an object")
        return Fields(value, self.file, self.at(name))

    def items(self, name: str) -> Iterator[Fields]:
        """The objects of a list; an absent one is empty."""
        value = self._values.get(name)
        if value is None:
            value = []
        if not isinstance(value, list):
            raise wrong(self.file, self.at(name), value, "a list")
        for index, item in enumerate(value):
            path = f"{self.at(name)}[{index}]"
            if not isinstance(item, dict):
                raise wrong(self.file, path, item, "an object")
            yield Fields(item, self.file, path)

    def text(self, name: str) -> str:
        """A required, printable text."""
        value = self._values.get(name)
        if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 1024:
            raise wrong(self.file, self.at(name), value, "a printable text")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._values.get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(x, str) and x and x.isprintable() for x in value):
            raise wrong(self.file, self.at(name), value, "a list of texts")
        return tuple(value)

    def mapping(self, name: str) -> dict[str, str]:
        value = self._values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise wrong(self.file, self.at(name), value, "an object of texts")
        for key, text in value.items():
            if not all(isinstance(x, str) and x.isprintable() and len(x) <= _LONGEST_TEXT for x in (key, text)):
                where = self.at(name) + f".{key}"[:_LONGEST_TEXT]
                raise wrong(
                    self.file, where, text, f"a printable text, its name and it of at most {_LONGEST_TEXT} letters"
                )
        return dict(value)

    def one_of(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of the choices, compared without case, in the choices' spelling."""
        value = self._values.get(name, default)
        for choice in choices:
            if isinstance(value, str) and value.lower() == choice.lower():
                return choice
        raise wrong(self.file, self.at(name), value, "one of " + ", ".join(choices))

    def whole(self, name: str, low: int, high: int, default: int | None) -> int:
        """A whole number from low to high; `default` when the field is absent, None makes it required."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise wrong(self.file, self.at(name), value, f"a whole number from {low} to {high}")
        return value

    def truth(self, name: str) -> bool:
        """True or false; Azure's samples also write them as texts."""
        value = self._values.get(name)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is None:
            return False
        if not isinstance(value, bool):
            raise wrong(self.file, self.at(name), value, "true or false")
        return value
