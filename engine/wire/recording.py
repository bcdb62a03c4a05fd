"""A snapshot at a sequence number and the events after it, as JSON lines: what the socket sends and a recording holds.

The first line is the header, then records, then events. A client that folds the events with `engine.decide` has the
same state as one that asks for a later snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.model.errors import InputError
from engine.model.image import ImageVersion
from engine.model.overview import EngineFacts, SetOverview, UpgradeOverview
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.wire.reading import read
from engine.wire.state import dump

if TYPE_CHECKING:
    from engine.model.events import Recorded

FORMAT = 1
SCHEMA = 1
OVERVIEW = "overview"
EVENT_FACTS: dict[str, type] = {"seq": int, "at": float, "stream": str, "type": str, "actor": str, "body": object}
"""What is shown of an event without reading its body."""

KINDS: dict[str, type] = {
    "engine": EngineFacts,
    "scale_set": ScaleSet,
    "upgrade": Upgrade,
    "upgrade_overview": UpgradeOverview,
    "set_overview": SetOverview,
    "image": ImageVersion,
}
"""Names of records and what they hold. `event` is the one beside them: an event before the snapshot, for the feed."""

Record = EngineFacts | ScaleSet | Upgrade | UpgradeOverview | SetOverview | ImageVersion


@dataclass(frozen=True, slots=True)
class Header:
    """`scope` is `overview` or a scale set's key; the snapshot is as of seq `first`, at Unix seconds `at`."""

    scope: str
    first: int
    at: float
    clock: float
    product: str
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An event before the snapshot, as its line: shown in the feed, never folded."""

    line: Mapping[str, Any]

    @property
    def recorded(self) -> Recorded:
        """The event itself. Raises ValueError, KeyError or TypeError for a line that is none."""
        from engine.wire.events import recorded_from_dict

        return recorded_from_dict(self.line)


def header_line(header: Header) -> str:
    """The first line, without a line break."""
    return json.dumps(
        {
            "rollset_recording": FORMAT,
            "product": header.product,
            "scope": header.scope,
            "from": header.first,
            "to": header.last,
            "at": header.at,
            "clock": header.clock,
        }
    )


def record_line(record: Record) -> str:
    """A record as one line, without a line break."""
    name = next(name for name, kind in KINDS.items() if type(record) is kind)
    return f'{{"record":"{name}","schema":{SCHEMA},"body":{dump(record)}}}'


def earlier_line(event_line: str) -> str:
    """An event's line as a line of the snapshot."""
    return f'{{"record":"event","schema":{SCHEMA},"body":{event_line}}}'


def read_lines(lines: Iterable[str | bytes], name: str) -> Iterator[Header | Record | Earlier | Recorded]:
    """What the lines hold, in order; the first is the Header. Kinds of records it does not know are passed over.

    Raises InputError that names `name` and the line when it is not a recording, or one of a newer format.
    """
    begun = False
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            found = _line(value) if begun else _header(value)
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            why = f"{error}"[:120] if type(error) is ValueError else type(error).__name__
            said = f"{name}: line {number} is not a line of a recording ({why})."
            raise InputError("InvalidParameter", said, "Take a file that `rollset record` wrote.") from None
        begun = True
        if found is not None:
            yield found
    if not begun:
        raise InputError("InvalidParameter", f"{name} is empty.", "Take a file that `rollset record` wrote.")


def _header(value: dict[str, Any]) -> Header:
    found = value["rollset_recording"]
    if found != FORMAT:
        raise InputError(
            "InvalidParameter",
            f"the recording has format {found!r}; this version reads {FORMAT}.",
            "Install the version that wrote it.",
        )
    return Header(
        read(str, value["scope"]),
        read(int, value["from"]),
        read(float, value["at"]),
        read(float, value["clock"]),
        read(str, value["product"]),
        value.get("to"),
    )


def _line(value: dict[str, Any]) -> Record | Earlier | Recorded | None:
    if "seq" in value:
        from engine.wire.events import recorded_from_dict  # a snapshot is read without knowing any event

        return recorded_from_dict(value)
    if "record" not in value:
        return None
    if value["record"] == "event":
        line = value["body"]
        return Earlier(line | {name: read(kind, line[name]) for name, kind in EVENT_FACTS.items()})
    kind = KINDS.get(value["record"])
    if kind is None or value["schema"] > SCHEMA:
        return None
    found: Record = read(kind, value["body"])
    return found
