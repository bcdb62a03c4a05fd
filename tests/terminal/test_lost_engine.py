"""An engine that goes away leaves its last state on the screen, with its age, until it is back."""

from __future__ import annotations

import os
import signal

from engine.control.client import lock_note
from tests.terminal.conftest import EngineOfATest
from tests.terminal.terminal import ROLLSET, Terminal


def test_a_lost_engine_shows_its_age_and_comes_back(engine: EngineOfATest) -> None:
    # Given a cockpit that may only look, so that it starts no engine
    engine.make_set(10)
    with Terminal([*ROLLSET, "--readonly"], env=engine.environment()) as terminal:
        terminal.shows("web", "live")
        # When the engine is killed
        os.kill(engine.pid, signal.SIGKILL)
        # Then the last state stays with its age, which grows
        terminal.shows("web", "engine lost", "1s old")
        terminal.shows("web", "engine lost", "2s old")
        # And when there is an engine again, it is live again
        EngineOfATest(engine.folder)
        terminal.until(lambda text: "web" in text and "lost" not in text and "live" in text)


def test_an_operators_cockpit_starts_a_lost_engine_again(engine: EngineOfATest) -> None:
    engine.make_set(10)
    with Terminal(ROLLSET, env=engine.environment()) as terminal:
        terminal.shows("web", "live")
        before = engine.pid
        os.kill(before, signal.SIGKILL)
        terminal.shows("engine lost")
        terminal.until(lambda text: "web" in text and "lost" not in text)
        assert engine.pid != before


def test_an_engine_that_somebody_stopped_stays_down_until_the_key(engine: EngineOfATest) -> None:
    engine.make_set(10)
    with Terminal(ROLLSET, env=engine.environment()) as terminal:
        terminal.shows("web", "live")
        engine.until(lambda: engine.client.query("presence", {})["attached"])
        engine.client.command("engine-stop", {})
        terminal.shows("web", "engine stopped by", "S starts it")
        engine.until(lambda: lock_note(engine.folder / "state") is None)
        terminal.press("S")
        terminal.until(lambda text: "web" in text and "stopped" not in text and "live" in text)


def test_a_cockpit_that_starts_its_engine_says_so_before_it_draws(engine: EngineOfATest) -> None:
    engine.make_set(3)
    os.kill(engine.pid, signal.SIGKILL)

    with Terminal(ROLLSET, env=engine.environment()) as terminal:
        terminal.shows("web", "live")
        first = b"".join(data for _, data in terminal.written).partition(b"\x1b")[0].decode()

    assert first.split("\r\n") == [f"starting the engine of {engine.folder / 'state'} ...", "reading 1 scale set", ""]
