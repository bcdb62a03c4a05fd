"""What is told about the engine's work, and about who watches it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from engine.control.metrics import metrics_text, sample
from engine.control.presence import Presence, people
from engine.control.streams import Attached, Requests
from engine.model import events as e
from engine.runtime.door import Caller
from engine.runtime.engine_door import EngineDoor
from engine.runtime.measures import Durations, Measures
from engine.runtime.opening import open_engine
from engine.runtime.permissions import Role
from tests.unit.control.served import Served
from tests.worlds.simulated_web import ANN, create, until
from tests.worlds.watching import upgrade_of

LINE = re.compile(r'^[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\.)*"(,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? -?[0-9.e+-]+$')


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_after_an_upgrade_the_numbers_are_those_of_the_upgrade(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        door = await create(engine, tmp_path, capacity=5)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await until(lambda: not upgrade_of(engine).live)
        engine.measures.waited(["Paused"], 10.0)
        engine.measures.waited(["Paused"], 12.5)

        text, head = metrics_text(engine, Requests(dropped=3), 2), engine.head

    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert all(LINE.match(line) for line in text.splitlines() if not line.startswith("#"))
    assert values['rollset_upgrades{state="Completed"}'] == "1"
    assert values['rollset_upgrades{state="Faulted"}'] == "0"
    assert values['rollset_blocked_seconds_total{reason="Paused"}'] == "2.5"
    assert values['rollset_effect_seconds_count{kind="ReplaceOsDisk",outcome="Succeeded"}'] == "5"
    assert values["rollset_streams_dropped_total"] == "3"
    assert values["rollset_hooks_pending"] == "2"
    assert int(values["rollset_events_total"]) == head


@pytest.mark.anyio
async def test_every_metric_has_help_and_type_and_no_sample_comes_twice(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        text = metrics_text(engine, Requests(), 0)

    names = re.findall(r"^# TYPE (\S+) (?:gauge|counter|histogram)$", text, re.MULTILINE)
    assert names == re.findall(r"^# HELP (\S+) .+$", text, re.MULTILINE)
    assert len(names) == len(set(names)) >= 12
    samples = [line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples))
    assert text.endswith("\n")


def test_label_values_are_escaped() -> None:
    assert sample("a", {"b": 'x"y\\z\n'}, 1) == 'a{b="x\\"y\\\\z\\n"} 1'


def test_a_histogram_counts_upwards() -> None:
    durations = Durations()
    for duration_s in (0.05, 0.7, 1000.0):
        durations.add(duration_s)

    assert durations.at_most == [1, 1, 2, 2, 2, 2, 2, 2]
    assert (durations.count, durations.total_s) == (3, 1000.75)


def test_time_is_not_counted_before_the_first_look_nor_backwards() -> None:
    measures = Measures()
    for clock in (100.0, 99.0, 101.0):
        measures.waited(["Hold"], clock)

    assert measures.blocked_s == {"Hold": 2.0}


def test_metrics_are_served_as_prometheus_reads_them(tmp_path: Path) -> None:
    served = Served(tmp_path / "s")
    try:
        said = served.raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    finally:
        served.close()

    assert said.startswith(b"HTTP/1.1 200")
    assert b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n" in said


def stream(user: str, since: float, origin: str = "") -> Attached:
    return Attached(Caller(1, user, {"ssh-connection": origin} if origin else {}, Role.VIEWER), "all", since)


def test_streams_of_one_person_from_one_place_are_one_line() -> None:
    seen = Requests(
        attached=[stream("ann", 50), stream("ann", 40), stream("ann", 60, "192.0.2.1 1 2 3"), stream("bo", 90)]
    )

    found = people(seen, wall=1000.0, clock=100.0)

    assert [(x.user, x.origin, x.streams, x.since_at) for x in found] == [
        ("ann", "", 2, 940.0),
        ("ann", "192.0.2.1", 1, 960.0),
        ("bo", "", 1, 990.0),
    ]


@pytest.mark.anyio
async def test_a_change_of_people_is_one_event_and_more_streams_of_the_same_are_none(tmp_path: Path) -> None:
    async with open_engine(tmp_path) as engine:
        seen = Requests()
        presence = Presence(engine, seen)
        for attached in ([], [stream("ann", 0)], [stream("ann", 0), stream("ann", 1)], [stream("bo", 2)], []):
            seen.attached = attached
            presence.look()
            presence.look()
        told = [r.event for r in engine.store.events(0) if isinstance(r.event, e.PresenceChanged)]
        door = EngineDoor(engine)
        seen.attached = [stream("bo", 2)]
        presence.look()
        answer = await door.query("presence", {}, ANN)

    assert [[x.user for x in event.attached] for event in told] == [["ann"], ["bo"], []]
    assert answer["attached"][0]["user"] == "bo"


Serve = Callable[..., Served]


def test_who_follows_is_known_while_they_do(serve: Serve) -> None:
    served = serve()
    served.call(served.door.add)
    following = served.client.events(0, "all", True)
    next(following)

    (attached,) = served.seen.attached

    assert attached.caller.role is Role.ADMIN
    following.close()

    async def gone() -> None:
        with anyio.fail_after(10):
            while served.seen.attached:
                await anyio.sleep(0.01)

    anyio.run(gone)
