"""The engine is killed at every commit while old upgrades leave: each is whole, in the store or in its recording."""

from __future__ import annotations

import gzip
import json
import os
import signal
from pathlib import Path

import anyio

from engine.decide.upgrade_retention import KEPT_S
from engine.runtime.old_upgrades import FOLDER, retire_upgrades
from engine.runtime.verbs import carry_out
from engine.store import crash_points
from engine.store.reading import reading
from engine.store.replay import compare_with_log
from engine.wire.recording import read_lines
from tests.crash.reference_upgrades import copy_of, in_child, in_memory, kill_at
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

LATER_S = KEPT_S + 86_400.0


async def upgrade_thrice(root: Path) -> None:
    async with small_engine(root, DurableFleet(root / "fleet")) as engine:
        await create(engine, 2)
        for to in ("1.1.0", "1.0.0", "1.1.0"):
            await carry_out(engine, "start", {"set": "web", "to": to}, ANA)
            await until(lambda: ended(engine))
            await anyio.sleep(1)
        order = sorted(engine.state.upgrades.values(), key=lambda u: u.started_at)
        (root / "order").write_text(json.dumps([u.id for u in order]))


async def retire(root: Path) -> None:
    async with small_engine(root, DurableFleet(root / "fleet"), later_s=LATER_S) as engine:
        await until(lambda: engine.wall.may_discard(engine.clock.now()))
        await retire_upgrades(engine, root, kept_last=0, kept_of_set=1)


def in_store(root: Path) -> dict[str, bool]:
    """By upgrade, whether the store has it; it has all of its rows or none."""
    found = {}
    with reading(root / "rollset.db") as connection:
        for upgrade_id in json.loads((root / "order").read_text()):
            counts = [
                connection.execute(sql, (value,)).fetchone()[0]
                for sql, value in (
                    ("SELECT count(*) FROM event WHERE stream=?", f"upgrade/{upgrade_id}"),
                    ("SELECT count(*) FROM upgrade WHERE id=?", upgrade_id),
                    ("SELECT count(*) FROM ended_upgrade WHERE id=?", upgrade_id),
                    ("SELECT count(*) FROM effect WHERE operation=?", upgrade_id),
                )
            ]
            assert all(counts) or not any(counts), counts
            found[upgrade_id] = any(counts)
        assert compare_with_log(connection) == []
    return found


def test_a_kill_at_any_point_loses_neither_rows_nor_recording(tmp_path: Path) -> None:
    with in_memory(else_in=tmp_path) as root:
        template = root / "template"
        template.mkdir()
        trace = root / "trace"
        assert in_child(lambda: on_virtual_time(lambda: upgrade_thrice(template)), None, trace) == 0
        counted, points = copy_of(template, root / "counted"), root / "points"

        def count() -> None:
            seen: list[str] = []
            crash_points.install(seen.append)
            on_virtual_time(lambda: retire(counted))
            points.write_text(json.dumps(seen))

        assert in_child(count, None, trace) == 0, trace.read_text()
        names = json.loads(points.read_text())
        assert names.count("in_commit") >= 4
        states = [killed_and_ended(copy_of(template, root / f"run-{n}"), n + 1, trace) for n in range(len(names))]

    assert {sum(stays) for stays in states} == {1, 2, 3}, "the kills met no retirement"


def killed_and_ended(root: Path, point: int, trace: Path) -> list[bool]:
    """Kill at a point, look, and let the next engine end it; gives which upgrades the kill left in the store."""
    status = in_child(lambda: on_virtual_time(lambda: retire(root)), kill_at(point), trace)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, trace.read_text()
    left = in_store(root)
    for upgrade_id, stays in left.items():
        assert stays or tells_its_end(root / FOLDER / f"{upgrade_id}.jsonl.gz")
    assert in_child(lambda: on_virtual_time(lambda: retire(root)), None, trace) == 0, trace.read_text()
    assert list(in_store(root).values()) == [False, False, True]
    return list(left.values())


def tells_its_end(recording: Path) -> bool:
    lines = gzip.decompress(recording.read_bytes()).decode().splitlines()
    assert list(read_lines(lines, recording.name))
    return any('"UpgradeCompleted"' in line for line in lines)
