from __future__ import annotations

import json

import pytest

from engine.model import events as e
from engine.model.events import Recorded
from engine.runtime import recent_events
from engine.runtime.recent_events import RecentEvents


def recorded(seq: int, stream: str = "engine") -> Recorded:
    return Recorded(seq, stream, seq, 1.0, 1.0, 1, "engine", "", e.EngineStopped(f"stop {seq}"))


def test_events_after_a_seq_come_in_order_and_bounded() -> None:
    recent = RecentEvents(10)
    recent.add([recorded(n) for n in range(11, 21)])
    found = recent.after(15, None, 3)
    assert found is not None
    assert [line.seq for line in found] == [16, 17, 18]
    assert json.loads(found[0].text)["words"] == "engine stopped: stop 16"


def test_only_the_streams_asked_for() -> None:
    recent = RecentEvents(0)
    recent.add([recorded(1), recorded(2, "audit"), recorded(3)])
    assert [line.seq for line in recent.after(0, {"audit"}, 10) or ()] == [2]


def test_what_lies_before_the_memory_is_for_the_store_to_tell() -> None:
    assert RecentEvents(10).after(9, None, 5) is None
    assert RecentEvents(10).after(10, None, 5) == []


def test_the_memory_is_bounded_and_knows_where_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_events, "KEPT", 3)
    recent = RecentEvents(0)
    recent.add([recorded(n) for n in range(1, 7)])
    assert recent.after(2, None, 5) is None
    assert [line.seq for line in recent.after(3, None, 5) or ()] == [4, 5, 6]


def test_what_left_the_store_is_told_no_more_and_nothing_else_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_events, "KEPT", 4)
    recent = RecentEvents(0)
    recent.add([recorded(1), recorded(2, "upgrade/a"), recorded(3, "upgrade/b")])
    recent.add([recorded(4, "upgrade/a")], ["upgrade/a", "upgrade/before"])
    for streams in (None, {"upgrade/a", "upgrade/b", "engine"}):
        assert [line.seq for line in recent.after(0, streams, 10) or ()] == [1, 3]
    recent.add([recorded(n) for n in range(5, 9)], ["upgrade/c"])
    assert [line.seq for line in recent.after(4, None, 10) or ()] == [5, 6, 7, 8]
    assert not recent._gone, "what the memory holds no more needs no memory"
