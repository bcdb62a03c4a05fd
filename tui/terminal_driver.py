"""Textual's driver, hardened: bytes that are no text are left out, and a terminal that is gone ends the cockpit.

Textual 8.2.8 decodes strictly (one bad byte ends the app) and reads a closed terminal for ever.
"""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

CHUNK = 4096
POLL_S = 0.1


class TerminalDriver(LinuxDriver):
    """Reads keys from a terminal that may send anything, or vanish."""

    def run_input_thread(self) -> None:
        """Wait for input and dispatch it until the app ends or the terminal is gone."""
        decode = getincrementaldecoder("utf-8")(errors="ignore").decode
        parser = XTermParser(self._debug)
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(POLL_S):
                    data = self._read()
                    if data is None:
                        self._loop.call_soon_threadsafe(self._app.exit)
                        break
                    text = decode(data)
                    for message in parser.feed(text) if text else ():  # nothing to feed means the end to the parser
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
        try:
            for _ in parser.feed(""):
                pass
        except (EOFError, ParseError):
            pass

    def _read(self) -> bytes | None:
        """What was typed; None when the terminal is gone."""
        try:
            return os.read(self.fileno, CHUNK) or None
        except OSError:
            return None
