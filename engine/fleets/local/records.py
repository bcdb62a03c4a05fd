"""What one instance remembers of the effects it was given: a record each, the last one, and the fence."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

from engine.fleets.local.facts import EffectRecord, ExtensionResult, FencedError
from engine.fleets.local.layout import InstancePaths, is_locked, make_directory, read_json
from engine.fleets.local.supervision import write_json

KEPT_RECORDS = 64


def check_fence(paths: InstancePaths, instance_id: str, epoch: int) -> None:
    """Remember the highest epoch seen; raises FencedError for a lower one."""
    found = read_json(paths.fence)
    seen = 0 if found is None else int(found["epoch"])
    if epoch < seen:
        raise FencedError(instance_id, epoch, seen)
    if epoch > seen:
        write_json(str(paths.fence), {"epoch": epoch}, durable=True)


def write_record(paths: InstancePaths, record: dict[str, Any]) -> None:
    """Record the effect durably and as the last one."""
    make_directory(paths.effects)
    write_json(str(paths.effect_record(record["effect_id"])), record, durable=True)
    note_last(paths, record["effect_id"])


def note_last(paths: InstancePaths, effect_id: str) -> None:
    """Make this the last effect, and forget the oldest records beyond KEPT_RECORDS."""
    write_json(str(paths.last_effect), {"effect_id": effect_id})
    records = [entry for entry in os.scandir(paths.effects) if entry.name.endswith(".json")]
    if len(records) > KEPT_RECORDS:
        records.sort(key=lambda entry: entry.stat().st_mtime_ns)
        for entry in records[:-KEPT_RECORDS]:
            for path in (entry.path, entry.path.removesuffix(".json") + ".lock"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)


def raw_record(paths: InstancePaths, effect_id: str) -> dict[str, Any] | None:
    """The record as written, or None."""
    return read_json(paths.effect_record(effect_id))


def last_effect(paths: InstancePaths) -> EffectRecord | None:
    """The effect this instance was given last."""
    found = read_json(paths.last_effect)
    return None if found is None else effect(paths, str(found["effect_id"]))


def effect(paths: InstancePaths, effect_id: str) -> EffectRecord | None:
    """What is known of an effect; None when the instance never began it (or has long forgotten it)."""
    record = raw_record(paths, effect_id)
    if record is None:
        return None
    kind = str(record["kind"])
    if kind == "extension" and record["phase"] == "begun":
        if is_locked(paths.effect_lock(effect_id)):
            return EffectRecord(effect_id, kind, "running", None)
        # The runner held its lock when it wrote `begun`, and has let go since: what it says now is final.
        record = raw_record(paths, effect_id) or record
    phase = str(record["phase"])
    if kind != "extension":
        return EffectRecord(effect_id, kind, phase, None)
    if phase == "done":
        return EffectRecord(effect_id, kind, phase, _result(record))
    lost = ExtensionResult("unknown", None, "", "", 0, 0, float(record["started_at"]), 0.0)
    return EffectRecord(effect_id, kind, "unknown", lost)


def generations(paths: InstancePaths) -> Iterator[int]:
    """The numbers of disks in the records of disk effects."""
    for path in paths.effects.glob("*.json"):
        record = read_json(path)
        if record is not None and record["kind"] != "extension":
            yield int(record["generation"])


def running_extensions(paths: InstancePaths) -> Iterator[dict[str, Any]]:
    """Records of the extension runs that nobody has seen end."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in sorted(paths.effects.glob("*.json")):
            record = read_json(path)
            if record is not None and record["kind"] == "extension" and record["phase"] == "begun":
                yield record


def _result(record: dict[str, Any]) -> ExtensionResult:
    return ExtensionResult(
        outcome=str(record["outcome"]),
        exit_code=record["exit_code"],
        stdout=str(record["stdout"]),
        stderr=str(record["stderr"]),
        stdout_dropped=int(record["stdout_dropped"]),
        stderr_dropped=int(record["stderr_dropped"]),
        started_at=float(record["started_at"]),
        took_s=float(record["took_s"]),
    )


def begun_disk(effect_id: str, kind: str, epoch: int, generation: int, previous: int) -> dict[str, Any]:
    """The record with which a replacement or a restore of the OS disk begins."""
    return {
        "effect_id": effect_id,
        "kind": kind,
        "epoch": epoch,
        "phase": "begun",
        "generation": generation,
        "previous": previous,
        "at": time.time(),
    }
