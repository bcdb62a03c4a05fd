"""Telling the process that started the engine that it is ready, or in one line why it is not."""

from __future__ import annotations

import contextlib
import os
import sys

PROGRESS = "... "
"""Begins a line after which more will come."""


def tell(ready_fd: int | None, line: str, code: int) -> int:
    """Write one line to a pipe that is then closed, or to standard error; returns `code`.

    Whoever started the engine may be gone by now: that is no reason to end.
    """
    one = " ".join(line.split())
    if ready_fd is None:
        print(one, file=sys.stderr)
    else:
        with contextlib.suppress(OSError):
            os.write(ready_fd, (one + "\n").encode())
        os.close(ready_fd)
    return code


def tell_progress(ready_fd: int | None, line: str) -> None:
    """Say what takes a moment, before the last word; nobody is told where nobody waits, or waits no longer."""
    if ready_fd is None:
        return
    with contextlib.suppress(OSError):
        os.write(ready_fd, (PROGRESS + " ".join(line.split()) + "\n").encode())
