"""Reading the arguments of a verb: JSON values in, checked values out, one clear error for what does not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from engine.arm.iso8601 import LATEST_MOMENT, parse_duration_s
from engine.model.codes import ErrorCode
from engine.model.errors import InputError
from engine.model.plan import StartRequest
from engine.model.shown_value import shown_value

Arguments = Mapping[str, Any]


def wrong(name: str, value: object, want: str) -> InputError:
    """The error for an argument that does not fit."""
    said = f"{name} is missing" if value is None else f"{name} is {shown_value(value)}"
    return InputError(ErrorCode.INVALID_PARAMETER, f"{said}; it must be {want}.", f"Give {want} for {name}.")


def refuse_halves(arguments: Arguments) -> None:
    """Raise InputError for text that no file, database or process can be given: halves of surrogate pairs."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(
            ErrorCode.INVALID_PARAMETER,
            "an argument has half of a character (U+D800 to U+DFFF).",
            "Write the whole character, or leave it out.",
        ) from None


def text(arguments: Arguments, name: str) -> str:
    """A required, non-empty text."""
    value = arguments.get(name)
    if not isinstance(value, str) or not value or len(value) > 4096:
        raise wrong(name, value, "a text")
    return value


def optional_text(arguments: Arguments, name: str) -> str | None:
    return text(arguments, name) if arguments.get(name) is not None else None


def texts(arguments: Arguments, name: str) -> tuple[str, ...]:
    value = arguments.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong(name, value, "a list of texts")
    return tuple(value)


def whole(arguments: Arguments, name: str) -> int:
    """A required whole number (a text of digits will do)."""
    value = arguments.get(name)
    if isinstance(value, str) and len(value) < 12 and value.isascii() and value.strip().removeprefix("-").isdecimal():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
        raise wrong(name, value, "a whole number")
    return value


def optional_whole(arguments: Arguments, name: str) -> int | None:
    return whole(arguments, name) if arguments.get(name) is not None else None


def optional_number(arguments: Arguments, name: str) -> float | None:
    value = arguments.get(name)
    if value is None:
        return None
    try:
        number = float(value)
        if isinstance(value, bool) or not math.isfinite(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise wrong(name, value, "a number") from None
    return number


def optional_moment(arguments: Arguments, name: str) -> float | None:
    """Unix seconds, until the end of the year 9999."""
    number = optional_number(arguments, name)
    if number is not None and not 0.0 <= number <= LATEST_MOMENT:
        raise wrong(name, arguments.get(name), "a time in Unix seconds, before the year 10000")
    return number


def truth(arguments: Arguments, name: str) -> bool:
    value = arguments.get(name, False)
    if isinstance(value, str) and value.lower() in {"true", "false", ""}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return value


def start_request(arguments: Arguments) -> StartRequest:
    """What `start` and `plan` were asked for."""
    pause = optional_text(arguments, "pause_between_batches")
    return StartRequest(
        to=optional_text(arguments, "to"),
        batch=optional_text(arguments, "batch"),
        pause_between_batches_s=parse_duration_s(pause, "--pause-between-batches") if pause is not None else None,
        max_unhealthy_percent=optional_whole(arguments, "max_unhealthy"),
        max_unhealthy_upgraded_percent=optional_whole(arguments, "max_unhealthy_upgraded"),
        restore_failed=optional_text(arguments, "restore_failed"),
        health_window_s=optional_number(arguments, "health_window"),
        timeout_s=optional_number(arguments, "timeout"),
        step=truth(arguments, "step"),
        at=optional_moment(arguments, "at"),
    )
