"""Power loss: what was not synced is gone, in any part. Every commit that was acted upon is still there."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from engine.store import crash_points, store
from engine.store.store import Store
from tests.crash.reference_upgrades import REFERENCES, Run, copy_of, in_child
from tests.crash.traced_process import TracedProcess
from tests.worlds.small_engine import on_virtual_time

GOOD = REFERENCES[0]
DATABASE = "rollset.db"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A healthy scale set, its database closed in order and wholly on the disk."""
    root = tmp_path_factory.mktemp("template")
    assert in_child(lambda: on_virtual_time(Run(root, GOOD).prepare), None, root / "trace") == 0
    return root


def head(root: Path) -> int:
    """The last event of a database; raises when it is damaged."""
    with closing(sqlite3.connect(root / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found: int = connection.execute("SELECT max(seq) FROM event").fetchone()[0]
        return found


class PowerLoss:
    """Watches one upgrade and looks, at each commit and at random writes, what a loss of power would leave."""

    def __init__(self, root: Path, scratch: Path, dice: Random) -> None:
        self.root = root
        self.scratch = scratch
        self.dice = dice
        self.promised = 0
        self.looked = 0
        self.traced: TracedProcess | None = None

    def committed(self) -> None:
        """The engine goes on from a commit: from now on it must outlive everything."""
        real = self._image("real")
        for name in (DATABASE, f"{DATABASE}-wal"):
            if (self.root / name).exists():
                shutil.copy(self.root / name, real / name)
        self.promised = head(real)
        self.look(None)

    def look(self, dice: Random | None) -> None:
        assert self.traced is not None
        image = self._image("image")
        for name in (DATABASE, f"{DATABASE}-wal"):
            file = self.traced.files.get(str(self.root / name))
            if file is not None:
                (image / name).write_bytes(file.after_power_loss(dice))
        self.looked += 1
        found = head(image)
        assert found >= self.promised, f"committed up to {self.promised}, after the power loss {found} are there"

    def on_call(self, name: str) -> bool:
        if self.dice.random() < 0.05:
            self.look(self.dice)
        return False

    def _image(self, name: str) -> Path:
        path = self.scratch / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path


def upgrade_under_power_loss(template: Path, tmp_path: Path, seed: int, *, synchronous: str = "") -> PowerLoss:
    root = copy_of(template, tmp_path / f"run-{seed}")
    lossy = PowerLoss(root, tmp_path / "scratch", Random(seed))

    def main(note: int) -> None:
        def at_point(name: str) -> None:
            if name == "after_commit":
                os.write(note, b".")

        opened = Store.begin_epoch

        def begin_epoch(self: Store, *arguments: object) -> object:
            if synchronous:
                self._connection.execute(f"PRAGMA synchronous={synchronous}")
            return opened(self, *arguments)  # type: ignore[arg-type]  # passed on as they came

        store.Store.begin_epoch = begin_epoch  # type: ignore[method-assign,assignment]  # in this child only
        crash_points.install(at_point)
        on_virtual_time(Run(root, GOOD).live)

    lossy.traced = TracedProcess(root, main)
    try:
        assert lossy.traced.run(lossy.on_call, lossy.committed) == 0
    except BaseException:
        os.kill(lossy.traced.pid, signal.SIGKILL)
        os.waitpid(lossy.traced.pid, 0)
        raise
    return lossy


@pytest.mark.timeout(600)
def test_no_commit_is_lost_with_the_power(template: Path, tmp_path: Path, long_run: bool) -> None:
    for seed in range(40 if long_run else 1):
        lossy = upgrade_under_power_loss(template, tmp_path, seed)
        assert lossy.looked > 40


def test_this_suite_sees_commits_that_are_not_synced(template: Path, tmp_path: Path) -> None:
    """With synchronous=NORMAL the same upgrade loses what it promised: the suite bites."""
    with pytest.raises(AssertionError, match="after the power loss"):
        upgrade_under_power_loss(template, tmp_path, 0, synchronous="NORMAL")


@pytest.mark.timeout(900)
def test_a_kill_at_any_write_or_sync_changes_nothing_about_the_end(
    template: Path, tmp_path: Path, long_run: bool
) -> None:
    counted = Run(copy_of(template, tmp_path / "counted"), GOOD)
    process = TracedProcess(counted.root, lambda note: on_virtual_time(counted.live))
    assert process.run(lambda name: False) == 0
    step = 1 if long_run else max(1, process.calls // 12)
    for number in range(1, process.calls, step):
        run = Run(copy_of(template, tmp_path / f"kill-{number}"), GOOD)
        left = number

        def at_call(name: str) -> bool:
            nonlocal left
            left -= 1
            return left == 0

        traced = TracedProcess(run.root, lambda note, run=run: on_virtual_time(run.live))  # type: ignore[misc]
        assert os.WIFSIGNALED(traced.run(at_call))
        trace = tmp_path / "trace"
        assert in_child(lambda run=run: on_virtual_time(run.live), None, trace) == 0, trace.read_text()  # type: ignore[misc]
        run.check()
        shutil.rmtree(run.root)
