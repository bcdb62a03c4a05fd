"""Who is there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attached:
    """Somebody who follows events: `streams` of them, the first since `since_at` (Unix seconds)."""

    user: str
    role: str
    origin: str
    streams: int
    since_at: float
