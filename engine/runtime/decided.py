"""What a verb has decided: a draft that is not committed yet, and the answer once it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.runtime.turn import Turn

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decided:
    """`carry_out` adds the audit event to `turn`, commits all of it at once, then calls `answer`.

    A verb must not await between reading the state for its draft and returning it.
    """

    turn: Turn
    answer: Callable[[], Answer]
