"""Given a process that stood still while a probe was out, when the probe times out, then that is no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import anyio
import pytest

from engine.runtime import probe_pool
from engine.runtime.probe import ProbeAnswer, ProbeKind, ProbeTarget
from engine.runtime.probe_pool import ProbePool, Schedule
from tests.worlds.small_engine import on_virtual_time

TARGET = ProbeTarget("http", "127.1.2.3", 8080)
ANSWERED = ProbeAnswer(ProbeKind.ANSWERED, 200, b"", "answered 200", 0.1)
TIMED_OUT = ProbeAnswer(ProbeKind.TIMED_OUT, None, b"", "no answer", 5.0)


class Away:
    """Answers in turn; before each the process stands still for so many seconds."""

    def __init__(self, *story: tuple[float, ProbeAnswer]) -> None:
        self.story = list(story)
        self.lost = 0.0
        self.asked: list[float] = []

    async def probe(self, target: ProbeTarget, *, allowed: Callable[[str], bool]) -> ProbeAnswer:
        self.asked.append(anyio.current_time())
        await anyio.sleep(0.1)
        gone, answer = self.story.pop(0) if self.story else (0.0, ANSWERED)
        self.lost += gone
        return answer


def heard(monkeypatch: pytest.MonkeyPatch, away: Away) -> list[ProbeKind]:
    """What a pool reports of one instance within 12 seconds, asked every 10."""
    found: list[ProbeKind] = []
    monkeypatch.setattr(probe_pool, "probe", away.probe)

    def wanted() -> Mapping[str, Schedule]:
        return {"0": Schedule(TARGET, 10.0)}

    async def main() -> None:
        pool = ProbePool(
            wanted, lambda _, answer: found.append(answer.kind), lambda _: True, Random(1), lambda: away.lost
        )
        with anyio.move_on_after(12.0):
            await pool.run()

    on_virtual_time(main)
    return found


def test_a_time_out_while_the_process_stood_still_is_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away((18.0, TIMED_OUT), (0.0, ANSWERED))
    assert heard(monkeypatch, away)[0] is ProbeKind.ANSWERED
    assert away.asked[1] - away.asked[0] < 0.2


def test_a_time_out_of_a_process_that_ran_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away((0.0, TIMED_OUT))
    assert heard(monkeypatch, away)[0] is ProbeKind.TIMED_OUT
    assert away.asked[1] - away.asked[0] > 8.0


def test_an_answer_counts_however_long_the_process_stood_still(monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(monkeypatch, Away((18.0, ANSWERED)))[0] is ProbeKind.ANSWERED
