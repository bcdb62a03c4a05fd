"""The thread that writes to the terminal. It alone waits for a terminal that takes nothing; the cockpit never does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from tui.terminal.grid import Grid


class Outlet(threading.Thread):
    """Writes what is new on the grid whenever the terminal has taken what was written before.

    While the terminal stalls, what changes is kept as the state of the grid, not as a queue: afterwards the terminal
    gets the present state and nothing that is over. `on_lost` is called once, in this thread, when it is gone.
    """

    def __init__(self, descriptor: int, encoding: str, size: tuple[int, int], on_lost: Callable[[], None]) -> None:
        super().__init__(daemon=True, name="terminal-output")
        self._descriptor = descriptor
        self._encoding = encoding
        self._on_lost = on_lost
        self._grid = Grid(*size)
        self._changed = threading.Condition()
        self._ending = False

    def write(self, data: str, size: tuple[int, int]) -> None:
        """Take one write of Textual's, made for a screen of `size` (columns, lines)."""
        with self._changed:
            if size != self._grid.size and min(size) > 0:
                self._grid.resize(*size)
            self._grid.take(data)
            self._changed.notify()

    def forget(self) -> None:
        """Write the whole screen anew: the terminal may show anything."""
        with self._changed:
            self._grid.forget()
            self._changed.notify()

    def stop(self, within_s: float) -> None:
        """End after the last write, or leave it behind when the terminal does not take it in time."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self.join(within_s)

    def run(self) -> None:
        """Until stopped or the terminal is gone."""
        try:
            while (text := self._next()) is not None:
                rest = memoryview(text.encode(self._encoding, "replace"))
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._on_lost()

    def _next(self) -> str | None:
        with self._changed:
            self._changed.wait_for(lambda: self._grid.waits or self._ending)
            return self._grid.difference() if self._grid.waits else None
