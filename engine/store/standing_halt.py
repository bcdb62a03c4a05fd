"""The halt that the log tells of."""

from __future__ import annotations

from engine.decide.halt import halt_after
from engine.model.events import HaltBegan, HaltEnded
from engine.model.halt import Halt
from engine.store.store import Store

_TYPES = (HaltBegan.__name__, HaltEnded.__name__)


def standing_halt(store: Store, seq: int | None = None) -> Halt | None:
    """The halt that had begun and was not lifted up to the event `seq` (up to the last one); None for none."""
    last = store.head if seq is None else seq
    for recorded in store.last_events(last, 1, streams=("engine",), types=_TYPES):
        if isinstance(recorded.event, HaltBegan | HaltEnded):
            return halt_after(recorded.event)
    return None
