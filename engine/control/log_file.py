"""The engine's log: lines with a UTC time on standard error, in a file that never grows beyond two limits."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

LOG_LIMIT = 4 * 1024 * 1024
"""Bytes after which the file becomes `engine.log.1`, which replaces the one before."""


def set_up_log() -> None:
    """Everything that is logged goes to standard error, one line each with its time."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


def bound_log(path: Path, limit: int = LOG_LIMIT) -> bool:
    """Begin a new file when the present one is over the limit, or was taken away; True when it did.

    Standard output and error of this process go to the new file, so that a crash's last words are in it too.
    """
    try:
        here = os.fstat(sys.stderr.fileno())
        there = _facts(path)
        same = there is not None and (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)
        if same and here.st_size <= limit:
            return False
        if same:
            os.replace(path, path.with_name(path.name + ".1"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        logging.getLogger(__name__).warning("the log cannot be renewed: %s", error)
        return False
    sys.stdout.flush()
    sys.stderr.flush()
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)
    return True


def _facts(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
