"""The cockpit on a real terminal: it ends when the terminal does, restores it, and is quiet when nothing moves."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.wire.recording import Header, Record, header_line, record_line
from tests.snapshots.story import BEGAN_AT, FACTS, key_of, scale_set

ROOT = Path(__file__).resolve().parents[2]
ALTERNATE_SCREEN_LEFT = b"\x1b[?1049l"
END_S = 2.0


class Terminal:
    """A pseudo terminal with the cockpit in it."""

    def __init__(self, recording: Path, *, term: str = "xterm-256color", size: tuple[int, int] = (80, 24)) -> None:
        self.master, slave = pty.openpty()
        self.resize(*size)
        environment = {**os.environ, "TERM": term, "LANG": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui.cli", "replay", str(recording)],
            cwd=ROOT, env=environment, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, preexec_fn=_own_terminal,
        )  # fmt: skip
        os.close(slave)
        self.seen = b""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, seconds: float, until: bytes = b"\0never\0") -> bytes:
        """What comes within the time, or up to `until`."""
        found, deadline = b"", time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and until not in found:
            if select.select([self.master], [], [], left)[0]:
                try:
                    part = os.read(self.master, 65536)
                except OSError:
                    break
                if not part:
                    break
                found += part
        self.seen += found
        return found

    def open(self) -> None:
        """Wait for the first picture."""
        assert b"UD4" in self.read(30.0, until=b"UD4"), self.seen
        self.read(1.0)

    def ended_within(self, seconds: float) -> int:
        """The exit code."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read(0.05)
        assert self.process.returncode is not None, "it goes on"
        self.read(0.2)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.master >= 0:
            os.close(self.master)


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    own = scale_set("web", 40, "westeurope")
    records: tuple[Record, ...] = (FACTS, own)
    header = Header(key_of("web"), 1, BEGAN_AT, 0.0, "rollset 0.1.0")
    path = tmp_path / "web.jsonl"
    path.write_text("\n".join([header_line(header), *map(record_line, records)]) + "\n")
    return path


@pytest.fixture
def terminal(recording: Path) -> Iterator[Terminal]:
    made = Terminal(recording)
    made.open()
    yield made
    made.close()


def test_a_closed_terminal_ends_it(terminal: Terminal) -> None:
    os.close(terminal.master)
    terminal.master = -1

    terminal.process.wait(timeout=END_S)


@pytest.mark.parametrize("number", (signal.SIGHUP, signal.SIGTERM))
def test_a_request_to_end_restores_the_terminal(terminal: Terminal, number: signal.Signals) -> None:
    terminal.process.send_signal(number)

    assert terminal.ended_within(END_S) == 0
    assert ALTERNATE_SCREEN_LEFT in terminal.seen


def test_bytes_that_are_no_text_do_not_end_it(terminal: Terminal) -> None:
    os.write(terminal.master, b"\xff\xfe\xc3\x28\x80")
    terminal.read(0.5)
    assert terminal.process.poll() is None

    os.write(terminal.master, b"q")

    assert terminal.ended_within(5.0) == 0


def test_it_is_quiet_when_nothing_moves(terminal: Terminal) -> None:
    terminal.read(1.0)

    assert len(terminal.read(3.0)) < 300


def test_it_takes_every_size(terminal: Terminal) -> None:
    for size in ((250, 70), (80, 24), (40, 10), (120, 40)):
        terminal.resize(*size)
        os.kill(terminal.process.pid, signal.SIGWINCH)
        terminal.read(0.5)
        assert terminal.process.poll() is None, size


@pytest.mark.parametrize("term", ("dumb", ""))
def test_a_terminal_that_cannot_move_its_cursor_is_refused(recording: Path, term: str) -> None:
    made = Terminal(recording, term=term)
    try:
        assert made.ended_within(20.0) == 2
        assert b"needs a terminal" in made.seen
    finally:
        made.close()
