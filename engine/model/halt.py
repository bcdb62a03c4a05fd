"""The halt: while it stands, no upgrade begins and none goes on forward."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

WAY_OUT = "Once it is over: rollset lift-halt --reason WHY"


@dataclass(frozen=True, slots=True)
class Halt:
    """Who halted everything, since when (Unix seconds), and why; `reason` may be empty."""

    by: str
    since_at: float
    reason: str

    @property
    def words(self) -> str:
        """All of it, with the time in UTC: `halted by ana since 2026-11-21 18:40:05 UTC (reason)`."""
        since = dt.datetime.fromtimestamp(self.since_at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"halted by {self.by} since {since} ({self.reason or 'no reason given'})"
