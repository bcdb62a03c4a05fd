"""Every event has its sentence."""

from __future__ import annotations

from engine.model import events
from engine.model.event import Event
from engine.wire import words


def test_no_event_is_shown_by_the_name_of_its_type() -> None:
    kinds = {kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, Event)}

    assert kinds - {Event} - set(words._WORDS) == set()
