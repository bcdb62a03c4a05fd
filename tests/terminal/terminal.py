"""A program on a pseudo-terminal: keys go in, what it writes is kept with its time and shown on a screen."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.terminal.screen import Screen

ROOT = Path(__file__).resolve().parents[2]
ROLLSET = (sys.executable, "-m", "tui")
READ_BYTES = 64 * 1024

LEAVING_CPU_S = 0.6
"""What leaving may take of a processor: on a free one it is well within the two seconds that are promised."""

ENTER, ESCAPE, RIGHT, DOWN = "\r", "\x1b", "\x1b[C", "\x1b[B"


def environment(**changes: str) -> dict[str, str]:
    """This process's environment as a usual terminal would have it, with changes; an empty value takes one away."""
    left_out = ("TMUX", "STY", "NO_COLOR", "PYTHONDONTWRITEBYTECODE")  # the last: nobody's Rollset compiles each time
    found = {name: value for name, value in os.environ.items() if name not in left_out}
    found |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)} | changes
    return {name: value for name, value in found.items() if value}


class Terminal:
    """Runs `command` as the leader of a session whose terminal this is."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = Screen(columns, lines)
        self.written: list[tuple[float, bytes]] = []
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._changed = threading.Condition()
        self._stalled = False
        self._cpu_s = 0.0
        self._master, slave = pty.openpty()
        self._set_size(columns, lines)
        self._wake, self._waker = os.pipe()
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            list(command),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(env if env is not None else environment()),
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()

    def _read(self) -> None:
        while True:
            ready = select.select([self._wake] if self._stalled else [self._master, self._wake], [], [])[0]
            if self._wake in ready and os.read(self._wake, 1) == b"q":
                return
            if self._master not in ready:
                continue
            try:
                data = os.read(self._master, READ_BYTES)
            except OSError:
                return
            at = time.monotonic()
            with self._changed:
                self.written.append((at, data))
                self.screen.feed(self._decode(data))
                self._changed.notify_all()

    # --- what a person does ---

    def press(self, keys: str | bytes) -> float:
        """Type; the moment it was sent."""
        at = time.monotonic()
        os.write(self._master, keys.encode() if isinstance(keys, str) else keys)
        return at

    def resize(self, columns: int, lines: int) -> None:
        """Another size of the window."""
        with self._changed:
            self.screen.resize(columns, lines)
        self._set_size(columns, lines)

    def stall(self, stalled: bool) -> None:
        """Stop taking what it writes, as a line that hangs; or take it again."""
        self._stalled = stalled
        os.write(self._waker, b"s")

    def hang_up(self) -> None:
        """Close the terminal; the program gets SIGHUP."""
        if self._master < 0:
            return
        os.write(self._waker, b"q")
        self._reader.join()
        for descriptor in (self._master, self._wake, self._waker):
            os.close(descriptor)
        self._master = -1

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        os.kill(self.process.pid, number)

    # --- what is seen ---

    def text(self) -> str:
        """The screen, line by line."""
        with self._changed:
            return "\n".join(self.screen.text())

    def raw(self) -> bytes:
        """Everything that was written."""
        with self._changed:
            return b"".join(data for _, data in self.written)

    def until(self, true: Callable[[str], object], timeout_s: float = 20.0) -> float:
        """Wait until the screen's text is so; the moment the bytes came that made it so."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                text = "\n".join(self.screen.text())
                if true(text):
                    return self.written[-1][0] if self.written else self.began
                left = deadline - time.monotonic()
                assert left > 0, f"it was not shown within {timeout_s:.0f} s; the screen:\n{text}"
                self._changed.wait(left)

    def shows(self, *words: str, timeout_s: float = 20.0) -> float:
        """Wait until the screen shows all of these; the moment it did."""
        return self.until(lambda text: all(word in text for word in words), timeout_s)

    def quiet(self, for_s: float = 0.3, timeout_s: float = 20.0) -> None:
        """Wait until nothing was written for so long."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self._changed:
                last = self.written[-1][0] if self.written else self.began
            if (left := last + for_s - time.monotonic()) <= 0:
                return
            time.sleep(left)
        raise AssertionError(f"it does not come to rest within {timeout_s:.0f} s")

    def ended(self, within_s: float = 6.0) -> int:
        """Wait until it has ended; its exit code, negative for a signal. A free machine takes two seconds at most."""
        deadline = time.monotonic() + within_s
        while self.process.returncode is None and not _is_over(self.process.pid):
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.process.args, within_s)
            time.sleep(0.01)
        self.took_cpu_s()
        return self.process.wait()

    def took_cpu_s(self) -> float:
        """Seconds of a processor that the program has taken, until now or in all; however busy the machine is."""
        if self.process.returncode is None:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            self._cpu_s = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        return self._cpu_s

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _is_over(pid: int) -> bool:
    """Whether a child has ended; it stays to be waited for, and what it took can still be read."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
