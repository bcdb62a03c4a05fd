"""However it ends, the terminal is as it was; and the engine goes on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.terminal.conftest import EngineOfATest
from tests.terminal.terminal import ESCAPE, LEAVING_CPU_S, ROLLSET, Terminal, environment

MOUSE, ALTERNATE = "1003", "1049"


def restored(terminal: Terminal) -> bool:
    """Nothing the cockpit switched on is left on."""
    terminal.quiet()
    return not terminal.screen.alternate and not {MOUSE, ALTERNATE} & terminal.screen.modes


@pytest.mark.parametrize("number", (signal.SIGHUP, signal.SIGTERM))
def test_a_request_to_end_restores_the_terminal(cockpit: Terminal, number: signal.Signals) -> None:
    assert MOUSE in cockpit.screen.modes
    before = cockpit.took_cpu_s()
    cockpit.signal(number)
    assert cockpit.ended() == 0
    assert cockpit.took_cpu_s() - before < LEAVING_CPU_S
    assert restored(cockpit)


def test_a_closed_terminal_ends_the_cockpit_and_not_the_engine(engine: EngineOfATest) -> None:
    # Given a cockpit that shows an upgrade
    engine.make_set(20, **{"member-seconds": "0.5"})
    engine.client.command("start", {"set": "web", "to": "1.1.0"})
    with Terminal(ROLLSET, env=engine.environment()) as terminal:
        terminal.shows("web", "live")
        # When the line drops
        before = terminal.took_cpu_s()
        terminal.hang_up()
        # Then the cockpit ends, and the upgrade goes on to its end
        terminal.ended()
        assert terminal.took_cpu_s() - before < LEAVING_CPU_S
    engine.until(lambda: engine.set()["upgrade"]["ended_at"] is not None)
    assert engine.set()["upgrade"]["state"] == "Completed"


def test_suspended_and_fetched_back_it_shows_the_same(recording: Path) -> None:
    # Given the cockpit started from a shell
    env = environment(PS1="ready> ", HISTFILE="/dev/null")
    with Terminal(["bash", "--norc", "--noprofile", "-i"], columns=80, lines=24, env=env) as terminal:
        terminal.shows("ready>")
        terminal.press(" ".join([*ROLLSET, "replay", str(recording)]) + "\n")
        terminal.shows("UD4")
        # When it is suspended, the shell has the terminal back
        terminal.press("\x1a")
        terminal.shows("Stopped", "ready>")
        assert restored(terminal)
        # And after fg the cockpit is there again and takes keys
        terminal.press("fg\n")
        terminal.shows("UD0", "UD4")
        terminal.press("q")
        terminal.until(lambda text: "UD4" not in text and "ready>" in text)


def test_bytes_that_are_no_text_do_not_end_it(cockpit: Terminal) -> None:
    cockpit.press(b"\xff\xfe\xc3\x28\x80\x1b[999999999999;1R\x1b[<0;99999999999M\xf0\x9f")
    cockpit.press("?")
    cockpit.shows("Keys")
    cockpit.press(ESCAPE)
    cockpit.until(lambda text: "Keys" not in text)
    cockpit.press("q")
    assert cockpit.ended(5.0) == 0


@pytest.mark.parametrize("term", ("dumb", ""))
def test_a_terminal_that_cannot_move_its_cursor_is_refused(recording: Path, term: str) -> None:
    with Terminal([*ROLLSET, "replay", str(recording)], env=environment(TERM=term)) as terminal:
        assert terminal.ended(20.0) == 2
        assert b"needs a terminal" in terminal.raw() and b"\x1b[?1049h" not in terminal.raw()
