"""Text from outside made safe to print, for those who speak the wire: `engine.model.safe_text`."""

from __future__ import annotations

from engine.model.safe_text import printable as printable
