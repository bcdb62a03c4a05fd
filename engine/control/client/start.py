"""Connect to the engine of a state directory, or start it: connect, lock, connect again, spawn, wait for ready."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.control.client.calls import Client
from engine.control.client.lines import lock_note, refuse_foreign
from engine.control.client.running import is_older, stopping
from engine.model.errors import RollsetError, UnreachableError
from engine.model.state_names import refuse_other_things
from engine.model.version import VERSION

READY_S = 15.0
"""So long without a word from an engine that starts, and it is left alone."""
READING_S = 120.0
"""So long after it said that it reads its store."""
STARTING_TOLD_S = 1.0
PROGRESS = "... "
"""Begins a line of the engine after which more will come (engine.control.ready)."""
SPAWN_LOCK_S = 30.0
HAND_OVER_S = 70.0
STOPPING_S = 120.0
"""An engine that stops waits for acts on disks that have begun; they end by then, or something hangs."""
STOPPING_TOLD_S = 1.0
LOG_NAME = "engine.log"
SERVE = "engine.control.serve"
NO_SPAWN_VARIABLE = "ROLLSET_NO_START"

Say = Callable[[str], None]


def _quiet(_line: str) -> None:
    """Nobody listens."""


def connect_or_start(
    state_dir: Path,
    *,
    owner_pid: int | None = None,
    serve: str = SERVE,
    version: str = VERSION,
    say: Say = _quiet,
    told_after_s: float = STARTING_TOLD_S,
    readonly: bool = False,
) -> Client:
    """A client of the engine of `state_dir`, which is started if none runs.

    `owner_pid` ties the local instances of a started engine to a process (demo, tests). An engine older than `version`
    is replaced: at once when nothing is live, else at its next safe point; one that is stopping is waited for. `say`
    tells the operator why it takes a moment: that it starts, where that takes longer than `told_after_s`. Raises
    UnreachableError with the one line that tells why it did not start.
    """
    refuse_foreign(state_dir)
    client = Client(state_dir, readonly=readonly)
    if _answers(state_dir, client) and not stopping(state_dir) and not is_older(state_dir, version):
        return client
    _prepare(state_dir)
    with _spawn_lock(state_dir):
        await_stop(state_dir, say)
        if _answers(state_dir, client) and not (is_older(state_dir, version) and _replaced(state_dir, client, say)):
            return client
        _spawn(state_dir, owner_pid, serve, _Starting(state_dir, say, told_after_s))
    return client


def _answers(state_dir: Path, client: Client) -> bool:
    note = lock_note(state_dir)
    try:
        return note is not None and client.alive()
    except TimeoutError as error:
        pid = (note or {}).get("pid")
        raise UnreachableError(
            "EngineSilent",
            f"engine {pid} holds {state_dir} and is silent ({error}): it is stopped, or waits for its disk.",
            f"kill -CONT {pid}; or end it, which loses nothing: kill -9 {pid}",
        ) from error


def await_stop(state_dir: Path, say: Say = _quiet) -> None:
    """Return once no engine of `state_dir` is stopping any more. Raises UnreachableError after STOPPING_S."""
    began, told = time.monotonic(), False
    while (pid := stopping(state_dir)) is not None:
        waited_s = time.monotonic() - began
        if waited_s > STOPPING_S:
            raise UnreachableError(
                "EngineStopping",
                f"engine {pid} stops and still finishes what it has begun, after {STOPPING_S:.0f} s.",
                "Wait for its end: rollset engine logs --follow",
            )
        if not told and waited_s > STOPPING_TOLD_S:
            told = True
            say(f"engine {pid} is stopping: it finishes what it has begun")
        time.sleep(0.02)


def _replaced(state_dir: Path, client: Client, say: Say) -> bool:
    """Ask an older engine to hand over; False when it did not in time and goes on as it is."""
    note = lock_note(state_dir) or {}
    live = int(client.query("engine", {}).get("live_upgrades", 0))
    if live:
        say(
            f"engine {note.get('version')} is older than this command and has {live} live upgrades; "
            "it finishes what it has begun, then the new version goes on with them"
        )
    try:
        client.command("engine-hand-over", {"reason": "a newer version takes over"})
    except RollsetError as error:
        say(f"engine {note.get('version')} goes on, older than this command: {error.message}")
        return False
    deadline = time.monotonic() + HAND_OVER_S
    while time.monotonic() < deadline:
        if lock_note(state_dir) is None:
            return True
        time.sleep(0.05)
    say(f"engine {note.get('version')} goes on, older than this command: what it has begun takes longer")
    return False


def _prepare(state_dir: Path) -> None:
    if os.environ.get(NO_SPAWN_VARIABLE):
        raise UnreachableError(
            "EngineNotRunning",
            f"no engine runs for {state_dir}, and {NO_SPAWN_VARIABLE} is set.",
            "rollset engine serve --foreground",
        )
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = os.listdir(state_dir)
    except OSError as error:
        raise UnreachableError(
            "StateDirectory", f"{state_dir} cannot be used: {error.strerror}.", "Choose another --state-dir."
        ) from error
    refuse_foreign(state_dir)
    refuse_other_things(state_dir, names)  # before the first file of ours is in it


@contextmanager
def _spawn_lock(state_dir: Path) -> Iterator[None]:
    """One command at a time starts an engine; a lock that is kept for SPAWN_LOCK_S belongs to something that hangs."""
    try:
        descriptor = os.open(state_dir / "spawn.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UnreachableError(
            "StateDirectory", f"{error.filename}: {error.strerror}.", "Is it yours, writable, with room? rollset doctor"
        ) from error
    try:
        deadline = time.monotonic() + SPAWN_LOCK_S + HAND_OVER_S + STOPPING_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise UnreachableError(
                        "EngineNotStarted",
                        "another command starts the engine and does not get done.",
                        "Look for a hanging rollset process.",
                    ) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


class _Starting:
    """What is said while an engine starts: nothing while it is quick, then what it does, in order."""

    def __init__(self, state_dir: Path, say: Say, told_after_s: float) -> None:
        self._say = say
        self._words = [f"starting the engine of {state_dir} ..."]
        self.tells_at = time.monotonic() + told_after_s
        self.tell_when_due()

    def progress(self, words: str) -> None:
        """It said what it does."""
        self._words.append(words)
        self.tell_when_due()

    def tell_when_due(self) -> None:
        """Say what was held back, once it is due."""
        if time.monotonic() >= self.tells_at:
            for words in self._words:
                self._say(words)
            self._words = []


def _spawn(state_dir: Path, owner_pid: int | None, serve: str, starting: _Starting) -> None:
    log = state_dir / LOG_NAME
    ready, tell = os.pipe()
    command = [sys.executable, "-m", serve, "--state-dir", str(state_dir.resolve()), "--ready-fd", str(tell)]
    command += ["--log", str(log.resolve())]
    if owner_pid is not None:
        command += ["--owner-pid", str(owner_pid)]
    package = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))}
    try:
        with open(_open_log(log), "wb") as output:
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
    except OSError as error:
        os.close(ready)
        raise UnreachableError(
            "EngineNotStarted",
            f"the engine did not start: {error.filename or command[0]}: {error.strerror}.",
            "rollset doctor",
        ) from error
    finally:
        os.close(tell)
    _await_ready(ready, process, log, starting)


def _open_log(log: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(log, flags, 0o600)


def _await_ready(ready: int, process: subprocess.Popen[bytes], log: Path, starting: _Starting) -> None:
    said, limit_s = b"", READY_S
    deadline = time.monotonic() + limit_s
    with open(ready, "rb", buffering=0) as pipe:
        while not said.endswith(b"\n") and (left := deadline - time.monotonic()) > 0:
            starting.tell_when_due()
            until_told = starting.tells_at - time.monotonic()
            if not select.select([pipe], [], [], min(left, until_told) if until_told > 0 else left)[0]:
                continue
            part = pipe.read(4096)
            if not part:
                break
            said += part
            while said.startswith(PROGRESS.encode()) and b"\n" in said:
                line, _, said = said.partition(b"\n")
                starting.progress(line.decode(errors="replace").removeprefix(PROGRESS))
                limit_s = READING_S
                deadline = time.monotonic() + limit_s
    if said == b"ready\n":
        process.returncode = 0  # the engine outlives this command: nobody waits for it
        return
    last = _last_words(process, log, limit_s)
    why = said.decode(errors="replace").strip() or last
    raise UnreachableError("EngineNotStarted", f"the engine did not start: {why.rstrip('.')}.", f"Its log is {log}")


def _last_words(process: subprocess.Popen[bytes], log: Path, limit_s: float) -> str:
    """One line on an engine that never said ready: it takes its time, or its log's last line tells."""
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.returncode = 0  # it may still be migrating or replaying: never killed, never waited for
        return f"process {process.pid} is not ready after {limit_s:.0f} s and goes on trying"
    try:
        with open(log, "rb") as source:
            source.seek(max(0, os.fstat(source.fileno()).st_size - 4096))
            lines = source.read().decode(errors="replace").split("\n")
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last[:300] or f"it ended with code {process.returncode} without a word"
