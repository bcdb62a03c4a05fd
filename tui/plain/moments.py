"""Times and durations as people write and read them. Instants are Unix seconds, always shown in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from engine.arm.iso8601 import LATEST_MOMENT, format_duration
from engine.model.errors import InputError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PLAIN = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_ISO = re.compile(r"P(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def parse_duration(text: str, option: str) -> float:
    """Seconds from `90`, `90s`, `10m`, `1h30m`, `2d` or ISO 8601 `PT10M`.

    Raises InputError that names the option.
    """
    stripped = text.strip()
    match = _ISO.fullmatch(stripped.upper()) if stripped[:1] in ("P", "p") else _PLAIN.fullmatch(stripped.lower())
    if match is None or not any(match.groups()):
        raise InputError(
            "InvalidParameter", f"{option} {text!r} is not a duration.", "Write 90s, 10m, 1h30m or ISO 8601, as PT10M."
        )
    return sum(float(part or 0) * _UNITS[unit] for part, unit in zip(match.groups(), "dhms", strict=True))


def iso_duration(text: str, option: str) -> str:
    """What was written, in the form Azure writes durations (ISO 8601): `90s` is `PT1M30S`, ISO text stays as it is."""
    seconds = parse_duration(text, option)
    return text.strip() if text.strip().upper().startswith("P") else format_duration(seconds)


def parse_moment(text: str, now: float, option: str, *, ago: bool = False) -> float:
    """An instant from ISO 8601, `HH:MM` (this machine's zone) or a duration from now.

    A time without a zone is in this machine's zone. With `ago` a duration and a clock time lie in the past, else in
    the future. Raises InputError that names the option.
    """
    moment = _moment(text, now, option, ago)
    if not 0.0 <= moment <= LATEST_MOMENT:
        raise InputError("InvalidParameter", f"{option} {text!r} is not before the year 10000.", "Name a nearer time.")
    return moment


def _moment(text: str, now: float, option: str, ago: bool) -> float:
    stripped = text.strip()
    clock = _CLOCK.fullmatch(stripped)
    if clock is not None and int(clock[1]) < 24 and int(clock[2]) < 60:
        return _clock_time(int(clock[1]), int(clock[2]), now, ago)
    try:
        return datetime.fromisoformat(stripped).astimezone().timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        duration = parse_duration(stripped.lstrip("+"), option)
    except InputError:
        raise InputError(
            "InvalidParameter",
            f"{option} {text!r} is not a time.",
            "Write 2026-03-01T22:00:00Z, 22:00 or a duration from now such as 30m.",
        ) from None
    return now - duration if ago else now + duration


def _clock_time(hour: int, minute: int, now: float, ago: bool) -> float:
    local = datetime.fromtimestamp(now).astimezone()
    moment = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if ago and moment > local:
        moment -= timedelta(days=1)
    if not ago and moment <= local:
        moment += timedelta(days=1)
    return moment.timestamp()


def show_moment(at: float | None) -> str:
    """`2026-03-01 22:00:00Z`, or `-`; a time that no calendar has is shown in seconds."""
    try:
        return "-" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{at:.0f}s"


def show_clock(at: float) -> str:
    """`22:00:00Z`: for lines of a feed, whose day is known."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%SZ")


def show_duration(seconds: float | None) -> str:
    """`45s`, `3m20s`, `2h05m`, `3d04h`, or `-`."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
