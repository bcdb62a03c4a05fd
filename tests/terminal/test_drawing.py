"""What terminals of every kind and speed are shown."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path

import pytest

from tests.terminal.screen import Screen
from tests.terminal.terminal import DOWN, LEAVING_CPU_S, ROLLSET, Terminal, environment

COLOUR = re.compile(rb"\x1b\[[\d;]*m")


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_a_stalled_line_neither_holds_it_up_nor_fills_its_memory(whole_upgrade: Path) -> None:
    # Given a recording that plays as fast as it can, on a line that takes nothing
    with Terminal([*ROLLSET, "replay", str(whole_upgrade)]) as terminal:
        terminal.shows("UD4")
        terminal.press(">>>>>>")
        terminal.shows("100x")
        before = resident_bytes(terminal.process.pid)
        written = len(terminal.raw())
        terminal.stall(True)
        terminal.press("p")
        time.sleep(2.0)
        grown = resident_bytes(terminal.process.pid) - before
        # When the line takes again, the present state is there at once, and not what was in between
        terminal.stall(False)
        terminal.shows("Completed", "■ end")
        terminal.quiet()
        assert grown < 20 * 1024 * 1024
        assert len(terminal.raw()) - written < 300_000


def test_it_leaves_a_stalled_line(whole_upgrade: Path) -> None:
    with Terminal([*ROLLSET, "replay", str(whole_upgrade)]) as terminal:
        terminal.shows("UD4")
        terminal.stall(True)
        for _ in range(60):
            terminal.press("l")
            terminal.press("[v]")
        before = terminal.took_cpu_s()
        terminal.press("q")
        terminal.ended()
        assert terminal.took_cpu_s() - before < LEAVING_CPU_S + 0.9, "with what the keys before it take"


def test_it_follows_the_window_to_every_size(cockpit: Terminal) -> None:
    for columns, lines in ((250, 70), (80, 24), (40, 10), (120, 40)):
        cockpit.resize(columns, lines)
        cockpit.until(lambda _text, size=(columns, lines): fills(cockpit.screen, size))  # type: ignore[misc]  # its type


def fills(screen: Screen, size: tuple[int, int]) -> bool:
    """The picture reaches the screen's edges, and no further."""
    text = screen.text()
    return size[0] - 30 < max(map(len, text)) <= size[0] and len(text) == size[1] and bool(text[-1] and text[0])


@pytest.mark.parametrize("term", ("xterm", "screen", "screen-256color", "tmux-256color", "linux", "vt100"))
def test_every_usual_terminal_shows_the_set(recording: Path, term: str) -> None:
    with Terminal([*ROLLSET, "replay", str(recording)], env=environment(TERM=term, COLORTERM="")) as terminal:
        terminal.shows("UD0", "UD4", "web")
        colours = COLOUR.findall(terminal.raw())
        assert not any(b"38;2;" in found for found in colours), "more colours than it has"
        assert term == "screen-256color" or term == "tmux-256color" or not any(b"38;5;" in f for f in colours)
        if term == "linux":
            assert terminal.text().isascii()


def test_no_colour_where_none_is_wanted(recording: Path) -> None:
    with Terminal([*ROLLSET, "replay", str(recording)], env=environment(NO_COLOR="1")) as terminal:
        terminal.shows("UD0", "UD4")
        codes = {code for found in COLOUR.findall(terminal.raw()) for code in found[2:-1].split(b";")}
        assert not codes & {b"38", b"48", *(str(n).encode() for n in (*range(30, 38), *range(40, 48), *range(90, 108)))}


def test_what_is_copied_reaches_the_terminal_through_tmux(recording: Path) -> None:
    with Terminal([*ROLLSET, "replay", str(recording)], env=environment(TMUX="/tmp/tmux,1,0")) as terminal:
        terminal.shows("UD4")
        terminal.press("y")
        terminal.shows("copied")
        found = re.search(rb"\x1bPtmux;\x1b\x1b\]52;c;([A-Za-z0-9+/=]+)\x07\x1b\\", terminal.raw())
        assert found is not None and base64.b64decode(found[1])


def test_the_mouse_is_left_to_the_terminal_where_it_is_switched_off(recording: Path, own_environment: Path) -> None:
    folder = own_environment / "config_home" / "rollset"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("[cockpit]\nmouse = false\n")
    with Terminal([*ROLLSET, "replay", str(recording)]) as terminal:
        terminal.shows("UD4")
        terminal.quiet()
        assert b"\x1b[?1003h" not in terminal.raw() and b"\x1b[?1000h" not in terminal.raw()


def test_at_rest_nothing_is_written(cockpit: Terminal) -> None:
    cockpit.quiet(0.6)
    before = len(cockpit.raw())
    time.sleep(2.0)
    assert len(cockpit.raw()) - before < 100


def test_a_key_draws_no_more_than_what_it_changes(cockpit: Terminal) -> None:
    cockpit.quiet()
    before = len(cockpit.raw())
    cockpit.press(DOWN)
    cockpit.until(lambda _: len(cockpit.raw()) > before)
    cockpit.quiet()
    assert len(cockpit.raw()) - before < 2_000


def test_keys_typed_in_one_burst_each_see_what_the_one_before_did(whole_upgrade: Path) -> None:
    with Terminal([*ROLLSET, "replay", str(whole_upgrade)]) as terminal:
        terminal.shows("UD4")
        # A dialog that takes a place, its text and enter; then the events, their filter and letters
        terminal.press("g50%\r")
        terminal.until(lambda text: re.search(r" 25\d/5\d\d ", text))
        terminal.press("l/batch")
        terminal.until(lambda text: "\nbatch" in text)
