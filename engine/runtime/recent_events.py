"""The last events as lines, made once for however many clients follow them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Container
from dataclasses import dataclass

from engine.model.events import Recorded
from engine.wire.events import recorded_to_dict
from engine.wire.words import words

KEPT = 5_000


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event as a line of JSON, without its line break."""

    seq: int
    stream: str
    text: str


def event_line(recorded: Recorded) -> EventLine:
    """An event as clients get it: its wire form and one sentence."""
    text = json.dumps(recorded_to_dict(recorded) | {"words": words(recorded.event)}, separators=(",", ":"))
    return EventLine(recorded.seq, recorded.stream, text)


class RecentEvents:
    """A bounded tail of the log in memory; older events are in the store."""

    def __init__(self, head: int) -> None:
        self._lines: deque[EventLine | Recorded] = deque(maxlen=KEPT)
        self._before = head
        self._gone: frozenset[str] = frozenset()

    def add(self, recorded: list[Recorded], gone: Collection[str] = ()) -> None:
        """Take in what was committed, in order, and tell nothing any more of the streams that left the store with it.

        So a follower from far back gets the same from memory as from the store.
        """
        self._lines.extend(recorded)
        if gone:
            self._gone = self._gone.union(gone).intersection([item.stream for item in self._lines])
        if len(self._lines) == KEPT:
            self._before = self._lines[0].seq - 1

    def after(self, seq: int, streams: Container[str] | None, limit: int) -> list[EventLine] | None:
        """At most `limit` lines of those streams (None: all) after `seq`; None when it reaches back too far."""
        if seq < self._before:
            return None
        if not self._lines or self._lines[-1].seq <= seq:
            return []
        found: list[EventLine] = []
        for index in range(max(0, seq + 1 - self._lines[0].seq), len(self._lines)):
            item = self._lines[index]
            if item.stream in self._gone or (streams is not None and item.stream not in streams):
                continue
            if isinstance(item, Recorded):
                item = self._lines[index] = event_line(item)
            found.append(item)
            if len(found) == limit:
                break
        return found
