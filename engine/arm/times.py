"""Instants as Azure writes them: RFC 3339 with seven decimals; read with any offset and any number of decimals."""

from __future__ import annotations

import datetime as dt
import re

from engine.model.errors import InputError

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


def format_time(at: float | None) -> str | None:
    """Unix seconds as `2026-11-21T04:05:06.1234560+00:00`; None stays None."""
    if at is None:
        return None
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}0+00:00"


def parse_time(text: str) -> float:
    """Unix seconds of an RFC 3339 instant, to the microsecond; without an offset it is UTC. Raises InputError."""
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        day, clock, decimals, offset = found.groups()
        zone = "+00:00" if offset in (None, "Z", "z") else offset
        return dt.datetime.fromisoformat(f"{day}T{clock}{((decimals or '.') + '0' * 6)[:7]}{zone}").timestamp()
    except (ValueError, OverflowError):
        raise InputError(
            "InvalidParameter",
            f"{text[:80]!r} is not an RFC 3339 time.",
            "Write 2026-11-21T04:05:06.1234567+00:00, for example.",
        ) from None
