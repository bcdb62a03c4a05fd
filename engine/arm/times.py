"""Instants as Azure writes them: RFC 3339, UTC, seven decimals."""

from __future__ import annotations

import datetime as dt


def format_time(at: float | None) -> str | None:
    """Unix seconds as `2026-11-21T04:05:06.1234567+00:00`; None stays None."""
    if at is None:
        return None
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}0+00:00"
