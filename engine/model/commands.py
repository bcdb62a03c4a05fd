"""What an operator asks of an upgrade."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    START = "Start"
    PAUSE = "Pause"
    RESUME = "Resume"
    STEP = "Step"
    CANCEL = "Cancel"
    ROLL_BACK = "RollBack"
    RETRY = "Retry"
    SKIP = "Skip"
    ACCEPT_LOSS = "AcceptLoss"


@dataclass(frozen=True, slots=True)
class Command:
    """One command on a live or ended upgrade. `instances` narrows Retry and Skip; empty means all that qualify.

    `seen_version` is the state version the caller looked at; None when the caller looked at nothing.
    """

    verb: Verb
    actor: str
    reason: str = ""
    instances: tuple[str, ...] = ()
    key: str = ""
    seen_version: int | None = None
