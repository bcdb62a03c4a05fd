"""Connect to the engine of a state directory, or start it: connect, lock, connect again, spawn, wait for ready."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from pathlib import Path

from engine.control.client import Client, lock_note
from engine.model.errors import UnreachableError

READY_S = 15.0
LOG_LIMIT = 4 * 1024 * 1024
SERVE = "engine.control.serve"


def connect_or_start(state_dir: Path, *, owner_pid: int | None = None, serve: str = SERVE) -> Client:
    """A client of the engine of `state_dir`, which is started if none runs.

    `owner_pid` ties the local instances of a started engine to a process (demo, tests). Raises UnreachableError with
    the one line that tells why it did not start.
    """
    client = Client(state_dir)
    if lock_note(state_dir) is not None and client.alive():
        return client
    _prepare(state_dir)
    with open(os.open(state_dir / "spawn.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (lock_note(state_dir) is not None and client.alive()):
            _spawn(state_dir, owner_pid, serve)
    return client


def _prepare(state_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = os.lstat(state_dir)
    except OSError as error:
        raise UnreachableError(
            "StateDirectory", f"{state_dir} cannot be used: {error.strerror}.", "Choose another --state-dir."
        ) from error
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise UnreachableError(
            "StateDirectory",
            f"{state_dir} is owned by user {facts.st_uid} with mode {facts.st_mode & 0o777:o}.",
            "It must be yours and closed to others: chmod 700.",
        )


def _spawn(state_dir: Path, owner_pid: int | None, serve: str) -> None:
    log = state_dir / "engine.log"
    keep = os.O_APPEND if log.exists() and log.stat().st_size < LOG_LIMIT else os.O_TRUNC
    ready, tell = os.pipe()
    command = [sys.executable, "-m", serve, "--state-dir", str(state_dir.resolve()), "--ready-fd", str(tell)]
    if owner_pid is not None:
        command += ["--owner-pid", str(owner_pid)]
    package = str(Path(__file__).resolve().parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))}
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | keep, 0o600), "wb") as output:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environment,
                umask=0o077,
                start_new_session=True,
                pass_fds=(tell,),
            )
        finally:
            os.close(tell)
    _await_ready(ready, process, log)


def _await_ready(ready: int, process: subprocess.Popen[bytes], log: Path) -> None:
    said, deadline = b"", time.monotonic() + READY_S
    with open(ready, "rb", buffering=0) as pipe:
        while not said.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
            if not select.select([pipe], [], [], left)[0]:
                continue
            part = pipe.read(4096)
            if not part:
                break
            said += part
    if said == b"ready\n":
        process.returncode = 0  # the engine outlives this command: nobody waits for it
        return
    why = said.decode(errors="replace").strip() or "it ended without a word"
    raise UnreachableError("EngineNotStarted", f"the engine did not start: {why}.", f"Its log is {log}")
