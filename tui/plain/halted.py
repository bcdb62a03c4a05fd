"""The halt in plain text, wherever something would not begin because of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.halt import WAY_OUT, Halt
from engine.wire.safe_text import printable


def halt_lines(answer: Mapping[str, Any]) -> list[str]:
    """What an answer says of a halt that stands, and the way out; nothing where none does."""
    found = answer.get("halt")
    if not found:
        return []
    words = Halt(str(found["by"]), float(found["since_at"]), str(found["reason"])).words
    said = f"HALTED{words.removeprefix('halted')}: no upgrade begins or goes on forward."
    return [printable(said), f"  {WAY_OUT}"]
