"""The audit stream is a hash chain: each entry carries the hash of the one before, so that no byte changes unseen.

An entry's hash covers its place, its times, its actor and every byte of its body as stored, but for the hash itself.
Whoever can rewrite the whole file can rewrite the whole chain: keep the last hash elsewhere to rule that out too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.model.events import CommandJudged, Event
from engine.wire.events import to_json

AUDIT = "audit"
BEGINNING = "0" * 64
NO_HASH = "no hash"

Noted = tuple[str, Event, str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """The end of the chain: the number of the last entry, its hash, and the hash it follows."""

    number: int = 0
    hash: str = BEGINNING
    follows: str = BEGINNING


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One row of the audit stream, its body byte for byte as stored."""

    stream_seq: int
    type: str
    at: float
    clock: float
    epoch: int
    actor: str
    cause: str
    body: str


def seal(events: Sequence[Noted], end: Link, at: float, clock: float, epoch: int) -> tuple[list[Noted], Link]:
    """The events with every audit entry linked to the one before, and the new end of the chain."""
    sealed: list[Noted] = []
    for stream, event, actor, cause in events:
        if stream == AUDIT and isinstance(event, CommandJudged):
            bare = replace(event, number=end.number + 1, previous_hash=end.hash, hash="")
            entry = StoredEntry(bare.number, "CommandJudged", at, clock, epoch, actor, cause, to_json(bare))
            end = Link(bare.number, digest(entry))
            event = replace(bare, hash=end.hash)
        sealed.append((stream, event, actor, cause))
    return sealed, end


def digest(entry: StoredEntry) -> str:
    """SHA-256 over everything an entry says; its body must hold an empty hash."""
    said = [entry.stream_seq, entry.type, entry.at, entry.clock, entry.epoch, entry.actor, entry.cause, entry.body]
    return hashlib.sha256(json.dumps(said, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def end_of(entries: Iterable[StoredEntry]) -> Link:
    """The end of a stored chain; an entry from before there was a chain does not move it on."""
    end = Link()
    for entry in entries:
        body = json.loads(entry.body)
        end = Link(entry.stream_seq, str(body.get("hash") or BEGINNING))
    return end


def verify(entries: Iterable[StoredEntry]) -> dict[str, Any]:
    """Whether the chain holds: `ok`, `entries`, the last `hash`, and for the first entry that does not fit, why.

    Entries from before there was a chain have no hash; once there is one, none may be without. A chain whose
    beginning was pruned is verified from its first entry on.
    """
    checked, end, unchained = 0, None, 0
    for entry in entries:
        why, mine = _check(entry, end)
        if why == NO_HASH and end is None:
            unchained += 1
            continue
        if not why and end is None and unchained and mine.follows != BEGINNING:
            why = "the entry before it has lost its hash"
        if why:
            return {
                "ok": False,
                "entries": checked,
                "unchained": unchained,
                "hash": end.hash if end else "",
                "first_bad": {"number": entry.stream_seq, "at": entry.at, "words": why},
            }
        checked, end = checked + 1, mine
    return {"ok": True, "entries": checked, "unchained": unchained, "hash": end.hash if end else "", "first_bad": None}


def _check(entry: StoredEntry, end: Link | None) -> tuple[str, Link]:
    try:
        body = json.loads(entry.body)
        number, previous, own = int(body["number"]), str(body["previous_hash"]), str(body["hash"])
    except (ValueError, KeyError, TypeError):
        return NO_HASH, Link()
    if not own:
        return NO_HASH, Link()
    if number != entry.stream_seq:
        return f"it says it is entry {number}", Link()
    if end is not None and number != end.number + 1:
        return f"entries {end.number + 1} to {number - 1} are missing", Link()
    if end is not None and previous != end.hash:
        return "it does not follow the entry before it", Link()
    bare = entry.body.replace(f'"hash":"{own}"', '"hash":""')
    if digest(replace(entry, body=bare)) != own:
        return "its content was changed", Link()
    return "", Link(number, own, previous)
