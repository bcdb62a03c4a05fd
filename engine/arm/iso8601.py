"""Durations as Azure writes them (ISO 8601, `PT30S`) and as the engine keeps them (seconds); the last moment."""

from __future__ import annotations

import re

from engine.model.errors import InputError

LATEST_MOMENT = 253_402_300_799.0
"""The last second of the year 9999: what ISO 8601 and every calendar here can write, in Unix seconds."""

_DURATION = re.compile(
    r"P(?:(?P<d>[0-9]{1,6})D)?(?:T(?:(?P<h>[0-9]{1,6})H)?(?:(?P<m>[0-9]{1,6})M)?(?:(?P<s>[0-9]{1,9}(?:\.[0-9]{1,9})?)S)?)?"
)


def parse_duration_s(text: object, where: str) -> float:
    """Seconds of an ISO 8601 duration of days, hours, minutes and seconds. Raises InputError naming `where`."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groupdict().values()):
        raise InputError(
            "InvalidParameter",
            f"{where} is {repr(text)[:80]}; it must be an ISO 8601 duration.",
            "Write PT30S or PT5M, for example.",
        )
    parts = {name: float(value or 0) for name, value in found.groupdict().items()}
    return parts["d"] * 86_400 + parts["h"] * 3_600 + parts["m"] * 60 + parts["s"]


def format_duration(seconds: float) -> str:
    """`PT0S`, `PT1H30M`, `PT2.5S`."""
    hours, rest = divmod(seconds, 3_600)
    minutes, left = divmod(rest, 60)
    text = f"{hours:.0f}H" if hours else ""
    text += f"{minutes:.0f}M" if minutes else ""
    text += f"{left:g}S" if left or not text else ""
    return "PT" + text
