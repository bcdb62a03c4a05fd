"""`python -m engine.control.serve`: the engine process of a state directory.

What can be told without the engine is told before it is loaded, and it is loaded without the collector of garbage,
which has nothing to find then: a command waits for this.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from engine.control.log_file import set_up_log
from engine.control.ready import tell
from engine.model.errors import RollsetError
from engine.store.engine_lock import EngineLock
from engine.store.state_directory import check_state_directory, refuse_broken_off


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop, or idle. Exit code 0 after an orderly stop, 5 when it could not start."""
    options = read_options(argv)
    state_dir = options.state_dir
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    set_up_log()
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_state_directory(state_dir)
        lock = EngineLock(state_dir / "engine.lock")
        if not lock.acquire():
            return tell(options.ready_fd, f"another engine holds {state_dir}", 5)
        refuse_broken_off(state_dir)
        gc.disable()
        from engine.control.engine_process import run

        run(options, lock)
    except Exception as error:  # noqa: BLE001  # whatever it was, whoever waits is told in one line
        return tell(options.ready_fd, _words(error, state_dir), 5)
    return 0


def _words(error: Exception, state_dir: Path) -> str:
    """Why the engine ended, in one line; all of what nobody foresaw goes to the log."""
    cause = _cause(error)
    if isinstance(cause, RollsetError):
        return cause.words
    if isinstance(cause, OSError):
        return f"{cause.filename or state_dir}: {cause.strerror}"
    logging.getLogger("rollset").error("the engine ended by a defect", exc_info=error)
    return f"a defect, {type(cause).__name__}: {cause}"


def _cause(error: BaseException) -> BaseException:
    """The first error inside groups of errors, which task groups make of one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def read_options(argv: list[str] | None) -> argparse.Namespace:
    """The options of the process."""
    parser = argparse.ArgumentParser(prog="rollset engine serve")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--foreground", action="store_true")
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--idle-exit-s", type=float, default=60.0)
    parser.add_argument("--owner-pid", type=int)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--socket", type=Path)
    parser.add_argument("--group")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
