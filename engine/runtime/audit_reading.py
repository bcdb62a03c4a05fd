"""Verifying the audit trail of a store that an engine goes on writing to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.runtime.audit_chain import AUDIT, StoredEntry, verify
from engine.store.reading import reading
from engine.store.store import Store


def verify_store(database: Path) -> dict[str, Any]:
    """What `verify` says of the trail in this file, read over a connection of its own: call it in a thread."""
    with reading(database) as connection:
        store = Store(connection)
        return verify([StoredEntry(*row) for row in store.stream_as_stored(AUDIT)])
