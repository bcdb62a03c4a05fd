"""Textual's driver for a terminal far away: it writes little, waits for nothing, and survives any input."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import FrameType
from typing import Any

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Key
from textual.message import Message
from textual.messages import InBandWindowResize

from tui.terminal.outlet import Outlet
from tui.terminal.settled import settled

READ_BYTES = 4096
POLL_S = 0.1
ESCAPE_POLL_S = 0.02
"""How often it is looked whether an escape was the key itself or begins a sequence."""
KEY_S = 0.5
"""How long a key waits at most for what the one before does."""
LAST_WRITE_S = 0.5
"""How long leaving waits for a terminal to take the sequences that restore it."""


class TerminalDriver(LinuxDriver):
    """LinuxDriver with its own output and input. When the terminal is gone the app is asked to exit."""

    def __init__(self, app: Any, *, debug: bool = False, mouse: bool = True, size: Any = None) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._outlet: Outlet | None = None
        self._last_key: Future[None] | None = None

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's own word; COLUMNS and LINES of a shell would stay as they are when the window changes."""
        try:
            columns, lines = os.get_terminal_size(self.fileno)
        except OSError:
            columns = lines = 0
        return (columns, lines) if columns and lines else super()._get_terminal_size()

    # --- output ---

    def write(self, data: str) -> None:
        """Never waits; what a stalled terminal has not taken is replaced by what is newer."""
        if self._outlet is not None:
            size = self._app.size
            self._outlet.write(data, (size.width, size.height))

    def redraw(self) -> None:
        """Write the whole screen anew."""
        if self._outlet is not None:
            self._outlet.forget()

    def start_application_mode(self) -> None:
        """Take the terminal."""
        size = self._get_terminal_size()
        stream = sys.__stderr__
        assert stream is not None
        self._outlet = Outlet(stream.fileno(), stream.encoding or "utf-8", size, self._lost)
        self._outlet.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual leaves it without types
        signal.signal(signal.SIGWINCH, self._after_forgetting(signal.getsignal(signal.SIGWINCH)))

    def close(self) -> None:
        """Give it back; a terminal that stalls is not waited for."""
        super().close()
        if self._outlet is not None:
            self._outlet.stop(LAST_WRITE_S)
            self._outlet = None

    def _after_forgetting(self, handler: Any) -> Callable[[int, FrameType | None], None]:
        """What terminals do to their content when the window changes is their own affair."""

        def resized(number: int, frame: FrameType | None) -> None:
            self._loop.call_soon_threadsafe(self.redraw)
            if callable(handler):
                handler(number, frame)

        return resized

    def process_message(self, message: Message) -> None:
        """The same for terminals that tell of their size in the input. A key waits for the one before."""
        if isinstance(message, InBandWindowResize):
            self.redraw()
        if not isinstance(message, Key):
            super().process_message(message)
            return
        if self._last_key is not None:
            wait([self._last_key], KEY_S)
        super().process_message(message)
        self._last_key = asyncio.run_coroutine_threadsafe(settled(self._app), self._loop)

    # --- input ---

    def run_input_thread(self) -> None:
        """Read keys until the driver stops. Bytes that are no text and sequences that nobody knows are passed over."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        wait_s = POLL_S
        while not self.exit_event.is_set():
            try:
                if select.select([self.fileno], [], [], wait_s)[0]:
                    data = os.read(self.fileno, READ_BYTES)
                    if not data:
                        break
                    wait_s = ESCAPE_POLL_S if data.endswith(b"\x1b") else POLL_S
                    if text := decode(data):
                        for event in parser.feed(text):
                            self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)
            except OSError:
                break
            except (ParseError, ValueError, LookupError, OverflowError):
                parser = XTermParser(self._debug)
        if not self.exit_event.is_set():
            self._lost()

    def _lost(self) -> None:
        """The terminal is gone: there is nobody to show anything to."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._app.exit)
