"""Starting, finding and ending keepers and extension runners, without ever signalling a stranger.

A process is known by pid, start time and the machine's boot id together, and signalled through a pidfd opened before
the start time was checked, so a reused pid is never hit.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.fleets.local import supervision
from engine.fleets.local.layout import InstancePaths, is_locked, read_json
from engine.model.errors import InputError, UnreachableError

START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
_LOCK_TIMEOUT_S = 5.0
_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); from engine.fleets.local.{module} import main; main(sys.argv[2])"
)


@dataclass(frozen=True, slots=True)
class Running:
    """A keeper and its boot process, both proved alive."""

    keeper_pid: int
    pid: int


def owner_of(pid: int | None) -> dict[str, int] | None:
    """The owner as keepers know it; raises InputError when there is no such process."""
    if pid is None:
        return None
    started = supervision.start_time(pid)
    if started is None:
        raise InputError("InvalidParameter", f"owner process {pid} does not exist.", "Name a living process.")
    return {"pid": pid, "start_time": started}


def launch(module: str, directory: Path, spec: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Start a keeper or a runner for the instance directory. The spec goes by pipe: it can hold secrets."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BOOTSTRAP.format(module=module), str(_PACKAGE_ROOT), str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": supervision.MINIMAL_PATH},
        start_new_session=True,
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(dict(spec)).encode())
        process.stdin.close()
    return process


def first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What the launched process said first; raises UnreachableError when it said nothing in time."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    said = b""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not said.endswith(b"\n"):
        if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        chunk = os.read(descriptor, 4096)
        if not chunk:
            break
        said += chunk
    if not said:
        process.kill()
    process.wait()
    try:
        answer = json.loads(said)
    except ValueError:
        raise UnreachableError(
            "KeeperNotStarted",
            f"an instance's keeper or runner said {said!r} instead of starting within {START_TIMEOUT_S:.0f} s.",
            "Check free memory and the process limit (ulimit -u), then repeat.",
        ) from None
    assert isinstance(answer, dict)
    return answer


def start_keeper(paths: InstancePaths, environment: Mapping[str, str], owner: dict[str, int] | None) -> None:
    """Start the instance; returns once `boot` is exec'd or has failed to be (then its exit code is recorded)."""
    process = launch("keeper", paths.directory, {"environment": dict(environment), "owner": owner})
    assert process.stdout is not None
    with process.stdout:
        answer = first_line(process)
    if "error" in answer:
        raise UnreachableError(
            "InstanceLocked", f"{paths.directory}: {answer['error']}.", "Stop the instance, then repeat."
        )


def find_running(paths: InstancePaths) -> Running | None:
    """The instance's processes when lock, pids, start times and boot id all agree, else None."""
    run = read_json(paths.run)
    if run is None or not is_locked(paths.lock) or run["machine_boot_id"] != supervision.boot_id():
        return None
    for pid, started in (("keeper_pid", "keeper_start_time"), ("pid", "pid_start_time")):
        if run[started] is None or supervision.start_time(run[pid]) != run[started]:
            return None
    return Running(run["keeper_pid"], run["pid"])


def ended_by_itself(paths: InstancePaths) -> bool:
    """Whether the last boot ended without anybody's doing, as its keeper saw it."""
    ended = read_json(paths.exit)
    return ended is not None and ended["reason"] == "exited"


def stop_keeper(paths: InstancePaths) -> None:
    """End the instance and its keeper; returns when both are gone. Not running is fine."""
    run = read_json(paths.run)
    if run is None:
        return
    if run["machine_boot_id"] == supervision.boot_id():
        end_process(run["keeper_pid"], run["keeper_start_time"])
        if not paths.exit.exists():
            _end_strays(paths)
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while is_locked(paths.lock):
        if time.monotonic() > deadline:
            raise UnreachableError("InstanceLocked", f"{paths.lock} is held by a process that is not its keeper.", "")
        time.sleep(0.005)


def end_process(pid: int, started: int | None) -> None:
    """SIGTERM and, after STOP_TIMEOUT_S, SIGKILL to exactly that process; returns when it is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if started is None or supervision.start_time(pid) != started:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], STOP_TIMEOUT_S)[0]:
                return
    finally:
        os.close(handle)


def _end_strays(paths: InstancePaths) -> None:
    """Kill what a keeper that was itself killed has left: every process whose environment names this instance's data.

    Costs a walk over /proc, so it is done only when the keeper recorded no end.
    """
    mark = b"ROLLSET_DATA=" + os.fsencode(paths.data)
    for entry in os.listdir("/proc"):
        if not entry.isdecimal() or int(entry) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(int(entry))
            try:
                if mark in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0"):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
