"""Times as the cockpit shows them: in the operator's zone with its name, or in UTC; ages and waits in short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

LAST_AT = 253_370_764_800.0
"""The beginning of the year 9999: a time after it, or before 1970, is damage and shown as the nearest that is not."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`zone` None is this machine's own; `utc` shows UTC whatever the zone."""

    zone: tzinfo | None = None
    utc: bool = False

    def _local(self, at: float) -> datetime:
        return datetime.fromtimestamp(min(max(0.0, at), LAST_AT), UTC).astimezone(UTC if self.utc else self.zone)

    def time(self, at: float) -> str:
        """`14:02:11`."""
        return self._local(at).strftime("%H:%M:%S")

    def moment(self, at: float | None) -> str:
        """`2026-03-01 14:02:11 CET`, or `-`."""
        return "-" if at is None else self._local(at).strftime("%Y-%m-%d %H:%M:%S ") + self.name(at)

    def day(self, at: float) -> str:
        """`2026-03-01 14:02`; the zone's name stands in the header."""
        return self._local(at).strftime("%Y-%m-%d %H:%M")

    def name(self, at: float) -> str:
        """The zone's name at a moment: `CET`, `UTC`."""
        return self._local(at).tzname() or "UTC"


def short(seconds: float) -> str:
    """`45s`, `2:10`, `3h05`, `12d`: for ages and waits in narrow columns."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}"
    return f"{whole // 86400}d"


def about(seconds: float) -> str:
    """`<1m`, `9m`, `2h`: an estimate, no more exact than it is."""
    minutes = seconds / 60
    if minutes < 1:
        return "<1m"
    return f"{round(minutes)}m" if minutes < 90 else f"{minutes / 60:.0f}h"
