"""How many facts one turn takes: a turn holds everybody up, so it is kept short while much waits."""

from __future__ import annotations

LEAST, MOST = 32, 256
SHORT_S = 0.012


class Bite:
    """Halved after a turn of much work, doubled after a full one of little; waiting for a disk is no work."""

    def __init__(self) -> None:
        self.size = MOST

    def took(self, facts: int, seconds: float) -> None:
        """A turn with that many facts was so many seconds of work."""
        if seconds > SHORT_S:
            self.size = max(LEAST, self.size // 2)
        elif facts >= self.size and seconds < SHORT_S / 2:
            self.size = min(MOST, self.size * 2)
