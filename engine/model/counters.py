"""Counters of an upgrade's members."""

from __future__ import annotations

from dataclasses import dataclass


def pending_word(takes_pending: bool) -> str:
    """What people are told of members that have not begun; Azure counts them as pending also once the run has ended."""
    return "pending" if takes_pending else "untouched"


@dataclass(frozen=True, slots=True)
class Counters:
    """Azure's four (successful, failed, in progress, pending) and ours beside them; all together make the fleet."""

    successful: int = 0
    failed: int = 0
    in_progress: int = 0
    pending: int = 0
    already_current: int = 0
    protected: int = 0
    held: int = 0
    skipped: int = 0
    gone: int = 0

    def percent(self, *, back: bool, held: int = 0) -> int:
        """Members at an end, of those chosen and `held` that are still to go: 0 to 100.

        On the way `back` members that are back (Azure counts them as failed), of those that were touched.
        """
        ended = self.failed + (0 if back else self.successful)
        chosen = ended + self.in_progress + (self.successful if back else self.pending + held)
        return ended * 100 // chosen if chosen else 0
