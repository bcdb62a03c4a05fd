"""Copying through the terminal (OSC 52), also from inside tmux and screen."""

from __future__ import annotations

import base64
from collections.abc import Mapping

LIMIT = 74_994
"""Bytes that may be copied: terminals take sequences of up to 100,000 bytes, and base64 makes 4 of 3."""
SCREEN_CHUNK = 76


def osc52(text: str, environment: Mapping[str, str]) -> tuple[str, bool]:
    """The sequence that puts `text` on the clipboard, and whether all of it fits (else its beginning does)."""
    data = text.encode("utf-8", "replace")
    whole = len(data) <= LIMIT
    if not whole:
        data = data[:LIMIT].decode("utf-8", "ignore").encode()
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    if environment.get("TMUX"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\", whole
    if environment.get("STY"):
        parts = [sequence[at : at + SCREEN_CHUNK] for at in range(0, len(sequence), SCREEN_CHUNK)]
        return "".join(f"\x1bP{part}\x1b\\" for part in parts), whole
    return sequence, whole
