"""Three upgrades that crash suites run again and again, and how one life of an engine goes through them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trio

from engine.model.effects import DISK_EFFECTS
from engine.model.upgrade import Upgrade, UpgradeState
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from engine.store import crash_points
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, NEW, create, digest_of, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

INSTANCES = 6


def _upgrade(engine: Engine) -> Upgrade | None:
    return engine.state.last_upgrade(engine.find_set("web").key)


def _batch(number: int) -> Callable[[Engine], bool]:
    def reached(engine: Engine) -> bool:
        upgrade = _upgrade(engine)
        return upgrade is not None and len(upgrade.batches) >= number

    return reached


def _paused(engine: Engine) -> bool:
    upgrade = _upgrade(engine)
    return upgrade is not None and upgrade.state is UpgradeState.PAUSED


@dataclass(frozen=True, slots=True)
class Step:
    """A command sent under a key of its own once `when` is true; once sent, its client repeats it until an answer."""

    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    when: Callable[[Engine], bool] = lambda engine: True


@dataclass(frozen=True, slots=True)
class Reference:
    """One upgrade and the outcome it must have whatever is killed on the way."""

    name: str
    outcome: str
    steps: Sequence[Step]
    broken: Sequence[str] = ()


_START = Step("start", {"to": NEW.version, "health_window": 30, "batch": "2"})
REFERENCES = (
    Reference("a good image", "Completed", (_START,)),
    Reference(
        "a broken image that is restored",
        "Faulted",
        (Step("start", {"to": NEW.version, "health_window": 5, "restore_failed": "always", "batch": "2"}),),
        (digest_of(NEW),),
    ),
    Reference(
        "paused, resumed and rolled back",
        "RolledBack",
        (_START, Step("pause", when=_batch(2)), Step("resume", when=_paused), Step("rollback", when=_batch(3))),
    ),
)


class Run:
    """The state directory of one reference upgrade, and the commands that were answered."""

    def __init__(self, root: Path, reference: Reference) -> None:
        self.root = root
        self.reference = reference

    def _lines(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().split() if path.exists() else []

    def _note(self, name: str, key: str) -> None:
        with open(self.root / name, "a") as file:
            file.write(key + "\n")

    async def prepare(self) -> None:
        """A healthy scale set on the old image."""
        async with small_engine(self.root, self._fleet()) as engine:
            await create(engine, INSTANCES)

    async def live(self) -> None:
        """One life of an engine with its client: every command not answered yet, then the end of the upgrade."""
        later_s = 10_000.0 * (1 + self.epoch())
        async with small_engine(self.root, self._fleet(), later_s=later_s) as engine:
            for number, step in enumerate(self.reference.steps):
                key = f"step-{number}"
                if key in self._lines("answered"):
                    continue
                if key not in self._lines("sent"):
                    await until(partial(step.when, engine))
                    self._note("sent", key)
                await carry_out(engine, step.verb, {"set": "web", "key": key, **step.arguments}, ANA)
                self._note("answered", key)
            await until(lambda: ended(engine))

    def _fleet(self) -> DurableFleet:
        return DurableFleet(self.root / "fleet", self.reference.broken)

    def epoch(self) -> int:
        found: int = self.rows("SELECT epoch FROM engine")[0][0]
        return found

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.root / 'rollset.db'}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def check(self) -> None:
        """The upgrade ended as it must; no answered command is lost; nothing was done twice; nothing hangs."""
        assert self.rows("SELECT outcome FROM upgrade") == [(self.reference.outcome,)]
        verdicts = dict(self.rows("SELECT key, verdict FROM command WHERE key LIKE 'step-%'"))
        assert verdicts == {f"step-{n}": "accepted" for n in range(len(self.reference.steps))}
        assert set(self._lines("answered")) == set(verdicts)
        audit = self.rows("SELECT json_extract(body, '$.key') FROM event WHERE type='CommandJudged'")
        assert Counter(key for (key,) in audit if key.startswith("step-")) == Counter(verdicts.keys())
        acts = self._fleet().acts()
        twice = [key for key, count in Counter(act["effect"] for act in acts).items() if count > 1]
        assert twice == [], "an effect was done twice"
        kinds = {kind.value for kind in DISK_EFFECTS}
        swaps = Counter((a["instance"], a["kind"]) for a in acts if a["kind"] in kinds)
        assert set(swaps.values()) <= {1}, "a disk was replaced twice"
        assert self.rows("SELECT id FROM effect WHERE outcome IS NULL") == []
        assert self.rows("PRAGMA integrity_check") == [("ok",)]


def in_child(main: Callable[[], Any], at_point: Callable[[str], None] | None, trace: Path) -> int:
    """Run `main` in a forked process; returns its wait status (0 is a clean end). `trace` takes what it raised."""
    child = os.fork()
    if child == 0:
        code = 1
        sys.settrace(None)  # what a killed process covers is never counted, and counting takes half of its time
        try:
            crash_points.install(at_point)
            trio._core._run._r.seed(1)  # the only way to the same order of tasks, and of points, in each life
            main()
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it was, this process must end here
            trace.write_text("".join(traceback.format_exception(*sys.exc_info())))
        os._exit(code)
    return os.waitpid(child, 0)[1]


def kill_at(number: int) -> Callable[[str], None]:
    """A handler of crash points that kills the process, as kill -9 does, at the given one (counted from 1)."""
    left = number

    def reached(name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


@contextmanager
def in_memory(else_in: Path) -> Iterator[Path]:
    """A folder whose syncs cost nothing: a killed process loses nothing the kernel has, on whatever it was to be."""
    if not os.access("/dev/shm", os.W_OK):
        yield else_in
        return
    with TemporaryDirectory(prefix="rollset-crash-", dir="/dev/shm") as folder:
        yield Path(folder)


def copy_of(template: Path, target: Path) -> Path:
    shutil.copytree(template, target)
    return target


def points_of(run: Run) -> list[str]:
    """The names of all crash points of an undisturbed life, in order."""
    names = run.root / "points.json"

    def main() -> None:
        seen: list[str] = []
        crash_points.install(seen.append)
        on_virtual_time(run.live)
        names.write_text(json.dumps(seen))

    assert in_child(main, None, run.root / "trace") == 0, (run.root / "trace").read_text()
    found: list[str] = json.loads(names.read_text())
    return found
