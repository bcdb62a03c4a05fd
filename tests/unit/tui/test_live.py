"""A live session starts an engine that left before it was asked first, and calls nothing lost meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.control.client import Client
from engine.model.errors import UnreachableError
from tui.live import LiveSession
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
