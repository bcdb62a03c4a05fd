"""What every event is."""

from __future__ import annotations


class Event:
    """Anything that happened."""

    __slots__ = ()
