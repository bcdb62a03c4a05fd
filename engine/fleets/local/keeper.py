"""The process beside each instance: holds its lock, runs its `boot`, records how it ended, never restarts it.

It outlives the engine. It ends the instance (every process of it) on SIGTERM, when the instance's directory is gone
or when the named owner process is gone, and ends itself when `boot` ends. Killed hard, it takes `boot` with it.
"""

from __future__ import annotations

import contextlib
import os
import time

from engine.fleets.local.supervision import (
    KILL_GRACE_S,
    Child,
    Tail,
    Watch,
    become_daemon,
    boot_id,
    read_available,
    read_spec,
    report,
    start_time,
    take_lock,
    write_json,
)

LOG_LIMIT_BYTES = 64 * 1024


class BootLog:
    """A file with the last of the boot's output: between 64 and 128 KiB once it has said more than that."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tail = Tail(LOG_LIMIT_BYTES)
        self._size = 0
        self._descriptor = self._open()

    def add(self, chunk: bytes) -> None:
        """Append, cutting the file back to its tail when it has grown to twice the limit; a full disk loses output."""
        self._tail.add(chunk)
        with contextlib.suppress(OSError):
            if self._size + len(chunk) > 2 * LOG_LIMIT_BYTES:
                os.ftruncate(self._descriptor, 0)
                self._size = 0
                chunk = bytes(self._tail.kept)
            self._size += os.write(self._descriptor, chunk)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._path, flags, 0o600)


def main(directory: str) -> None:
    """Keep the instance in `directory`. The spec on standard input: `environment` (str to str) and `owner`."""
    spec = read_spec()
    become_daemon()
    lock = take_lock(f"{directory}/lock")
    if lock is None:
        report({"error": "another keeper holds the instance"})
        return
    owner = spec["owner"]
    assert owner is None or isinstance(owner, dict)
    watch = Watch(directory, owner)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{directory}/exit.json")
    log = BootLog(f"{directory}/boot.log")
    child = _boot(directory, spec)
    if child.failure:
        log.add(f"boot could not be started: {child.failure}\n".encode())
    run = _describe(child)
    write_json(f"{directory}/run.json", run)
    report(run)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    reason = _keep(child, watch, log)
    child.end(KILL_GRACE_S)
    _pump(child, log)
    if watch.directory_is_there():
        ended: dict[str, object] = {"pid": child.pid, "exit_code": child.exit_code, "reason": reason, "at": time.time()}
        with contextlib.suppress(OSError):
            write_json(f"{directory}/exit.json", ended)


def _boot(directory: str, spec: dict[str, object]) -> Child:
    environment = spec["environment"]
    assert isinstance(environment, dict)
    cwd = os.path.realpath(f"{directory}/os/current")
    return Child([f"{cwd}/boot"], environment, cwd)


def _describe(child: Child) -> dict[str, object]:
    return {
        "keeper_pid": os.getpid(),
        "keeper_start_time": start_time(os.getpid()),
        "machine_boot_id": boot_id(),
        "pid": child.pid,
        "pid_start_time": child.start_time,
        "started_at": time.time(),
    }


def _keep(child: Child, watch: Watch, log: BootLog) -> str:
    open_pipes = [child.out, child.err]
    while True:
        if child.poll():
            return "exited"
        reason = watch.reason_to_end()
        if reason is not None:
            return reason
        for descriptor in watch.wait(open_pipes, timeout_s=60.0):
            chunk = read_available(descriptor)
            if chunk:
                log.add(chunk)
            elif chunk is not None:
                open_pipes.remove(descriptor)


def _pump(child: Child, log: BootLog) -> None:
    for descriptor in (child.out, child.err):
        for _ in range(64):
            chunk = read_available(descriptor)
            if not chunk:
                break
            log.add(chunk)
