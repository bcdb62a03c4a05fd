"""Where a verb's words go: data to standard output, errors as one clear line to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from engine.model.errors import RollsetError


def say(lines: Iterable[str]) -> None:
    """Lines for a person, on standard output."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A remark that is not data, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_json(document: Any) -> None:
    """One JSON document on standard output, in ASCII, so that no name can reach the terminal as an escape."""
    say([json.dumps(document, indent=2)])


def say_json_line(document: Any) -> None:
    """One JSON document on one line."""
    say([json.dumps(document)])


def say_error(error: RollsetError) -> None:
    """`error: CODE: message`, and what to try next."""
    from engine.wire.safe_text import printable

    note(f"error: {printable(error.code)}: {printable(error.message)}")
    if error.next_step:
        note(f"  try: {printable(error.next_step)}")


def say_warnings(warnings: Iterable[object]) -> None:
    """Each warning on a line of standard error."""
    from engine.wire.safe_text import printable

    for warning in warnings:
        note(f"warning: {printable(str(warning))}")
