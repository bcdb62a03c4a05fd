"""The process beside one run of an extension: runs its command once, in bounds, and records how it ended.

It outlives the engine, so a run that the engine began and did not see end is still recorded. The record is written
before the command starts; a record that says `begun` while nobody holds the run's lock means nobody knows how it ended.
"""

from __future__ import annotations

import os
import time

from engine.fleets.local.supervision import (
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

OUTPUT_LIMIT_BYTES = 4096
# The command comes by the environment and leaves it at once: process arguments are readable by every user.
SHELL = ["/bin/sh", "-c", 'command=$ROLLSET_COMMAND; unset ROLLSET_COMMAND; eval "$command"']


def main(directory: str) -> None:
    """Run one extension of the instance in `directory`.

    The spec on standard input: `effect_id`, `name`, `record` (path), `lock` (path), `cwd`, `command`, `environment`,
    `timeout_s`, `owner`. Says `{"started": bool}` on standard output and closes it when the record is complete.
    """
    spec = read_spec()
    become_daemon()
    record_path = str(spec["record"])
    lock = take_lock(str(spec["lock"]))
    if lock is None or os.path.exists(record_path):
        report({"started": False})
        return
    owner, environment = spec["owner"], spec["environment"]
    assert isinstance(environment, dict) and (owner is None or isinstance(owner, dict))
    watch = Watch(directory, owner)
    record: dict[str, object] = {
        "effect_id": spec["effect_id"],
        "kind": "extension",
        "name": spec["name"],
        "phase": "begun",
        "started_at": time.time(),
        "runner_pid": os.getpid(),
        "runner_start_time": start_time(os.getpid()),
        "machine_boot_id": boot_id(),
    }
    write_json(record_path, record, durable=True)
    report({"started": True})
    child = Child(SHELL, environment | {"ROLLSET_COMMAND": str(spec["command"])}, str(spec["cwd"]))
    record |= _run(child, watch, float(str(spec["timeout_s"])))
    if watch.directory_is_there():
        write_json(record_path, record, durable=True)


def _run(child: Child, watch: Watch, timeout_s: float) -> dict[str, object]:
    began = time.monotonic()
    tails = {child.out: Tail(OUTPUT_LIMIT_BYTES), child.err: Tail(OUTPUT_LIMIT_BYTES)}
    open_pipes = list(tails)
    if child.failure:
        tails[child.err].add(child.failure.encode())
    outcome = ""
    while not outcome:
        left_s = began + timeout_s - time.monotonic()
        if child.poll():
            outcome = "completed"
        elif watch.reason_to_end() is not None:
            outcome = "interrupted"
        elif left_s <= 0:
            outcome = "timed_out"
        else:
            _read(watch.wait(open_pipes, left_s), tails, open_pipes)
    child.end(0.0)
    for _ in range(64):
        _read(open_pipes.copy(), tails, open_pipes)
    out, err = tails[child.out], tails[child.err]
    return {
        "phase": "done",
        "outcome": outcome,
        "exit_code": child.exit_code if outcome == "completed" else None,
        "stdout": out.kept.decode(errors="replace"),
        "stdout_dropped": out.dropped,
        "stderr": err.kept.decode(errors="replace"),
        "stderr_dropped": err.dropped,
        "took_s": time.monotonic() - began,
    }


def _read(readable: list[int], tails: dict[int, Tail], open_pipes: list[int]) -> None:
    for descriptor in readable:
        chunk = read_available(descriptor)
        if chunk:
            tails[descriptor].add(chunk)
        elif chunk is not None:
            open_pipes.remove(descriptor)
