"""Given a process that runs, stands still or is put back, when its clock is read, then only observed time is added."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.runtime.clock import MOST_AT_ONCE_S, EngineClock


class Host:
    """A machine's two clocks, moved by hand."""

    def __init__(self) -> None:
        self.wall_at = 1000.0
        self.monotonic_s = 50.0

    def clock(self, base: float = 0.0) -> EngineClock:
        return EngineClock(base, lambda: self.wall_at, lambda: self.monotonic_s)

    def passes(self, seconds: float) -> None:
        self.wall_at += seconds
        self.monotonic_s += seconds


def test_time_that_is_read_often_is_observed_in_full() -> None:
    host = Host()
    clock = host.clock(base=7.0)
    for _ in range(100):
        host.passes(0.25)
        clock.now()
    assert clock.now().clock == 7.0 + 25.0
    assert clock.now().at == 1025.0
    assert clock.lost_s() == 0.0


def test_a_process_that_was_stopped_adds_next_to_nothing() -> None:
    host = Host()
    clock = host.clock()
    host.passes(1.0)
    clock.now()
    host.passes(20.0)
    assert clock.now().clock == 1.0 + MOST_AT_ONCE_S
    assert clock.lost_s() == 20.0 - MOST_AT_ONCE_S
    host.passes(1.5)
    assert clock.now().clock == 2.5 + MOST_AT_ONCE_S


def _wall_back(host: Host) -> None:
    host.wall_at -= 3600.0


def _monotonic_back(host: Host) -> None:
    host.monotonic_s -= 10.0


@pytest.mark.parametrize("jump", (_wall_back, _monotonic_back))
def test_observed_time_never_goes_back(jump: Callable[[Host], None]) -> None:
    host = Host()
    clock = host.clock()
    host.passes(1.0)
    before = clock.now().clock
    jump(host)
    assert clock.now().clock == before
    host.passes(1.0)
    assert clock.now().clock == before + 1.0
