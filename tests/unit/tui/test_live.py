"""A live session starts an engine that left before it was asked first, and calls nothing lost meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from engine.control.client import Client, stream
from engine.control.client.lines import Line
from engine.control.client.ssh import SshLine
from engine.model.errors import UnreachableError
from tui.live import LiveSession, LiveSource
from tui.session import LinkState


def test_an_engine_that_was_never_there_is_started_before_anything_is_called_lost(tmp_path: Path) -> None:
    told: list[str] = []

    async def run() -> None:
        started = asyncio.Event()
        loop = asyncio.get_running_loop()

        def start() -> None:
            told.append("started")
            loop.call_soon_threadsafe(started.set)
            raise UnreachableError("EngineNotStarted", "it will not start.")

        source = LiveSession(Client(tmp_path), start=start).source("overview")
        follow = asyncio.create_task(source.run(lambda: told.append(source.link.words)))
        await started.wait()
        while source.link.state is not LinkState.LOST:
            await asyncio.sleep(0)
        follow.cancel()

    asyncio.run(run())

    assert told[:2] == ["started", "it will not start."]


def test_a_session_that_may_start_nothing_says_what_is_missing(tmp_path: Path) -> None:
    async def run() -> str:
        source = LiveSession(Client(tmp_path), readonly=True, start=lambda: None).source("overview")
        changed = asyncio.Event()
        follow = asyncio.create_task(source.run(changed.set))
        await changed.wait()
        follow.cancel()
        return source.link.words

    assert "no engine runs" in asyncio.run(run())


class Told:
    """What an engine says to each attempt in turn: a snapshot and these lines of events. After that none runs."""

    def __init__(self, *events: list[bytes]) -> None:
        self.events = list(events)
        self.asked = 0

    async def __call__(self, _line: Line, what: str, _arguments: Mapping[str, str]) -> AsyncIterator[bytes]:
        if what == "snapshot":
            self.asked += 1
        if not self.events:
            raise UnreachableError("EngineNotRunning", "no engine runs.")
        for line in [HEADER] if what == "snapshot" else self.events.pop(0):
            yield line


HEADER = b'{"rollset_recording":1,"product":"rollset 0.1.0","scope":"overview","from":1,"to":null,"at":5.0,"clock":5.0}'


def driven(
    monkeypatch: pytest.MonkeyPatch, said: Told, session: LiveSession, done: str
) -> tuple[LiveSource, list[str]]:
    """The source after the attempt at which `done` is among what it was, and all that it was."""
    monkeypatch.setattr(stream, "lines", said)
    monkeypatch.setattr("tui.live.BACKOFF_S", (0.0,))
    was: list[str] = []

    async def run() -> LiveSource:
        source, over = session.source("overview"), asyncio.Event()

        def changed() -> None:
            was.append(f"{source.link.state}:{source.link.stopped_by}")
            if was[-1] == done and said.asked > 6:
                over.set()

        follow = asyncio.create_task(source.run(changed))
        await over.wait()
        follow.cancel()
        return source

    return asyncio.run(run()), was


def test_an_engine_that_somebody_stopped_stays_down_until_somebody_starts_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[str] = []
    session = LiveSession(Client(tmp_path), start=lambda: started.append("again"))

    source, was = driven(monkeypatch, Told([b'{"stopped_by": "ada"}']), session, "lost:ada")

    assert started == []
    assert was[:2] == ["live:", "lost:ada"]
    assert source.link.startable
    asyncio.run(session.start_engine())
    assert (started, session.stopped_by) == (["again"], "")


def test_an_engine_that_was_killed_is_started_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[str] = []
    session = LiveSession(Client(tmp_path), start=lambda: started.append("again"))

    driven(monkeypatch, Told([]), session, "lost:")

    assert started


def test_it_is_live_again_when_somebody_else_starts_the_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = LiveSession(Client(tmp_path), start=lambda: None)
    said = Told([b'{"stopped_by": "ada"}'], *([[]] * 9))

    source, was = driven(monkeypatch, said, session, "live:")

    assert was[:3] == ["live:", "lost:ada", "live:"]
    assert not source.link.startable


def test_over_ssh_no_line_starts_what_somebody_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    line = SshLine("jump")
    session = LiveSession(Client(line))
    session.stopped("ada")

    assert line.arguments()[-1] == "env ROLLSET_NO_START=1 rollset engine dial-stdio"
    asyncio.run(session.start_engine())
    assert line.arguments()[-1] == "rollset engine dial-stdio"
