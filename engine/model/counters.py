"""Counters of an upgrade's members."""

from __future__ import annotations

from dataclasses import dataclass


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
