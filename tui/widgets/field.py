"""A line of a dialog that is typed into, with its name before it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Label

LABEL_WIDTH = 13


class Field(Horizontal):
    """The input's id is `name`; `hint` shows while nothing is typed. Nothing blinks."""

    DEFAULT_CSS = """
    Field { height: 1; }
    Field Label { width: 13; color: $secondary; background: $dialog; }
    Field Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $chosen; }
    """

    def __init__(self, label: str, name: str, hint: str, value: str = "") -> None:
        super().__init__(id=f"{name}-field")
        self._label, self._name, self._hint, self._value = label, name, hint, value

    def compose(self) -> ComposeResult:
        """Name and input."""
        yield Label(self._label.ljust(LABEL_WIDTH), markup=False)
        box = Input(self._value, placeholder=self._hint, id=self._name, compact=True, select_on_focus=False)
        box.cursor_blink = False
        yield box
