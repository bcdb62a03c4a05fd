"""Everything halted from a cockpit of 80 by 24 holds for everybody, over a killed engine, until it is lifted."""

from __future__ import annotations

import os
import signal

import pytest

from engine.model.errors import RefusedError
from tests.terminal.conftest import EngineOfATest
from tests.terminal.terminal import ENTER, ROLLSET, Terminal

STANDING = ("Pausing", "Paused")


def test_a_halt_holds_for_everybody_and_over_a_killed_engine_until_it_is_lifted(engine: EngineOfATest) -> None:
    engine.make_set(6, **{"member-seconds": "30"})
    engine.client.command("start", {"set": "web", "to": "1.1.0"})
    # When an operator halts everything, and the engine is killed
    with Terminal(ROLLSET, columns=80, lines=24, env=engine.environment()) as terminal:
        terminal.shows("live", "1 rolling")
        terminal.press("!")
        terminal.shows("Halt everything", "Every live upgrade begins nothing more: web.")
        terminal.press("fire" + ENTER)
        terminal.shows("HALTED by", ": fire", "! lifts it")
    assert engine.set()["upgrade"]["state"] in STANDING
    os.kill(engine.pid, signal.SIGKILL)
    following = EngineOfATest(engine.folder)
    # Then the next engine lets nobody go on either
    with pytest.raises(RefusedError, match=r"halted by .* \(fire\)"):
        following.client.command("resume", {"set": "web"})
    # And once it is lifted with a reason it is over, and the upgrade still paused
    with Terminal(ROLLSET, columns=80, lines=24, env=engine.environment()) as terminal:
        terminal.shows("live", "HALTED by", ": fire")
        terminal.press("!")
        terminal.shows("Lift the halt")
        terminal.press("out" + ENTER)
        terminal.until(lambda text: "HALTED" not in text and "Lift the halt" not in text)
    assert following.set()["upgrade"]["state"] in STANDING
