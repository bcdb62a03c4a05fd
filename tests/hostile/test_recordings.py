"""Recordings that somebody damaged, or that a newer version wrote: refused by name, or shown; never a traceback."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import InputError
from engine.wire.recording import OVERVIEW, Header, header_line
from engine.wire.schema import SCHEMA
from tests.terminal.terminal import ROLLSET, Terminal
from tui.app import Cockpit
from tui.recording import RecordedSession
from tui.screens.cockpit_screen import CockpitScreen

ATTACHED = {"user": "ana", "role": "admin", "origin": "local", "streams": 1, "since_at": 1.0}


def line(kind: str, body: Any, **facts: Any) -> dict[str, Any]:
    """An event as an engine writes it, with changes."""
    written = {
        "seq": 3,
        "stream": "engine",
        "stream_seq": 1,
        "type": kind,
        "schema": SCHEMA,
        "at": 10.0,
        "clock": 10.0,
        "epoch": 1,
        "actor": "ana",
        "cause": "",
        "body": body,
        "words": "what it says",
    }
    return {name: value for name, value in (written | facts).items() if value is not ...}


DAMAGED = {
    "a move without its error": line("MemberMoved", {}),
    "a move that is none": line("MemberMoved", []),
    "a move with an error that is none": line("MemberMoved", {"error": 5}),
    "presence of nobody knows whom": line("PresenceChanged", {}),
    "presence of a number": line("PresenceChanged", {"attached": 3}),
    "presence of half a person": line("PresenceChanged", {"attached": [{"user": "ana"}]}),
    "presence that is none": line("PresenceChanged", None),
    "a hold that is a number": line("HoldRaised", {"hold": 3}),
    "a hold that is a word": line("HoldRaised", {"hold": "kind"}),
    "a hold without its kind": line("HoldRaised", {"hold": {}}),
    "a body that is a word": line("EngineStopped", "reason"),
    "no words": line("MemberMoved", {}, words=...),
    "a type that is none": line("EngineStopped", {"reason": ""}, type=["EngineStopped"]),
    "a schema that is none": line("EngineStopped", {"reason": ""}, schema="new"),
    "an older schema that nothing reads": line("MemberMoved", {}, schema=SCHEMA - 1),
    "a seq that is none": line("EngineStopped", {"reason": ""}, seq="3"),
    "a time that is none": line("EngineStopped", {"reason": ""}, at="10"),
    "a stream that is none": line("EngineStopped", {"reason": ""}, stream=None),
    "no stream": line("EngineStopped", {"reason": ""}, stream=...),
    "no place in its stream": line("EngineStopped", {"reason": ""}, stream_seq=...),
}


def recording(*lines: Any) -> list[str]:
    """A recording of all sets with these lines."""
    return [header_line(Header(OVERVIEW, 2, 5.0, 5.0, "rollset")), *map(json.dumps, lines)]


def earlier(event: dict[str, Any]) -> dict[str, Any]:
    """The event as one from before the snapshot."""
    return {"record": "event", "schema": 1, "body": event}


@pytest.mark.parametrize("event", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("before", (True, False), ids=("before the snapshot", "after it"))
def test_a_damaged_event_is_refused_by_the_name_of_its_file(event: dict[str, Any], before: bool) -> None:
    with pytest.raises(InputError, match=r"bad\.jsonl") as found:
        RecordedSession("bad.jsonl", recording(earlier(event) if before else event))

    assert found.value.next_step


@pytest.mark.parametrize("fact", ("rollset_recording", "scope", "from", "at", "clock", "product"))
@pytest.mark.parametrize("value", (None, [], {}, "9x"), ids=("nothing", "a list", "an object", "a word"))
def test_a_damaged_header_is_refused_by_the_name_of_its_file(fact: str, value: Any) -> None:
    if fact in ("scope", "product") and value == "9x":
        value = 9
    header = json.loads(recording()[0]) | {fact: value}

    with pytest.raises(InputError):
        RecordedSession("bad.jsonl", [json.dumps(header)])


@pytest.mark.parametrize(
    ("kind", "body"),
    (
        ("PresenceChanged", {"people": 2}),
        ("HoldRaised", {"hold": 3}),
        ("MemberMoved", {}),
        ("UpgradeOutlookChanged", {"outlook": []}),
        ("CraterMeasured", {"crater": 1}),
    ),
)
@pytest.mark.parametrize("before", (True, False), ids=("before the snapshot", "after it"))
def test_an_event_of_a_newer_form_is_a_line_of_the_feed(kind: str, body: Any, before: bool) -> None:
    newer = line(kind, body, schema=SCHEMA + 1)

    player = RecordedSession("new.jsonl", recording(earlier(newer) if before else newer)).player
    player.seek(player.length)

    quiet = kind == "UpgradeOutlookChanged"
    assert [told.type for told in player.scene.feed] == ([] if quiet else [kind])
    assert all("not known to this version" in told.words for told in player.scene.feed)


def test_words_that_are_none_are_found_anew() -> None:
    stopped = line("EngineStopped", {"reason": "asked to"}, words=5)

    feed = RecordedSession("good.jsonl", recording(earlier(stopped))).player.scene.feed

    assert ["asked to" in told.words for told in feed] == [True]


def test_who_is_there_is_read_where_it_fits() -> None:
    present = line("PresenceChanged", {"attached": [ATTACHED]}, words=...)

    session = RecordedSession("good.jsonl", recording(earlier(present)))

    assert [one.user for one in session.player.scene.present] == ["ana"]


def test_replay_of_a_damaged_file_ends_in_words(tmp_path: Path) -> None:
    for number, event in enumerate((DAMAGED["a hold that is a number"], DAMAGED["a time that is none"])):
        file = tmp_path / f"bad{number}.jsonl"
        file.write_text("\n".join(recording(earlier(event))))
        with Terminal([*ROLLSET, "replay", str(file)], columns=200) as terminal:
            assert terminal.ended(20.0) == 2
            assert b"Traceback" not in terminal.raw() and file.name.encode() in terminal.raw()


@pytest.mark.parametrize("at", (1e300, -1e300))
def test_times_that_no_calendar_has_end_no_cockpit(at: float) -> None:
    stopped = line("EngineStopped", {"reason": "asked to"}, at=at, seq=4)
    header = header_line(Header(OVERVIEW, 2, at, 5.0, "rollset"))
    session = RecordedSession("far.jsonl", [header, json.dumps(earlier(stopped)), json.dumps(stopped)])

    async def run() -> str:
        app = Cockpit(session)
        async with app.run_test(size=(100, 30)) as pilot:
            for key in ("full_stop", "l", "escape", "p"):
                await pilot.press(key)
                await pilot.pause(0.4)
            return app.screen.HELP_TITLE if isinstance(app.screen, CockpitScreen) else ""

    assert asyncio.run(run())
