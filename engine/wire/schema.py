"""The number of the form in which events are written; it is known where no event is."""

from __future__ import annotations

SCHEMA = 1
"""The schema number written with every event; a type whose form changes gets its own number and an upcaster."""
