"""EIO, a full disk and short writes below SQLite: no act without its record, no damage, and the upgrade ends."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import anyio
import pytest

from engine.model.errors import UnreachableError
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from tests.crash.reference_upgrades import REFERENCES, Run, copy_of, in_child
from tests.crash.sick_disk import Verdict, sick_disk
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, NEW, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

START = {"set": "web", "to": NEW.version, "key": "k"}
SICK_FOR = 40
"""So many writes in a row fail before the disk is well again."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template")
    assert in_child(lambda: on_virtual_time(Run(root, REFERENCES[0]).prepare), None, root / "trace") == 0
    return root


def upgrade_on(root: Path, verdict: Verdict) -> int:
    """One upgrade on such a disk, to its end; returns how many writes there were."""
    fleet = DurableFleet(root / "fleet")

    def started(engine: Engine) -> bool:
        return bool(engine.state.upgrades)

    async def main() -> None:
        async with small_engine(root, fleet, later_s=10_000) as engine:
            with sick_disk(verdict) as asked:
                with anyio.fail_after(10_000):
                    while not started(engine):
                        with suppress(UnreachableError):
                            await carry_out(engine, "start", START, ANA)
                        await anyio.sleep(1)
                await until(lambda: ended(engine))
                counted.append(len(asked))

    counted: list[int] = []
    on_virtual_time(main)
    with closing(sqlite3.connect(root / "rollset.db")) as connection:
        intents = {row[0] for row in connection.execute("SELECT id FROM effect")}
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT outcome FROM upgrade").fetchall() == [("Completed",)]
    acts = [act["effect"] for act in fleet.acts()]
    assert len(set(acts)) == len(acts), "it acted twice"
    assert set(acts) <= intents, "it acted without a record"
    return counted[0]


def failing(first: int, number: int) -> Verdict:
    return lambda n, size: -number if first <= n < first + SICK_FOR else size


@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", (errno.EIO, errno.ENOSPC))
def test_writes_that_fail_from_any_one_on_are_no_end(
    template: Path, tmp_path: Path, number: int, long_run: bool
) -> None:
    writes = upgrade_on(copy_of(template, tmp_path / "well"), lambda n, size: size)
    assert writes > 100
    for first in range(1, writes, 7 if long_run else max(1, writes // 6)):
        root = copy_of(template, tmp_path / f"from-{first}")
        assert upgrade_on(root, failing(first, number)) > SICK_FOR
        shutil.rmtree(root)


@pytest.mark.parametrize(
    "verdict",
    (
        lambda n, size: max(1, size // 2),
        lambda n, size: 1 if n % 50 == 0 else size,
        lambda n, size: -errno.EIO if n % 1501 == 0 else max(1, size // 2),
    ),
    ids=("halves", "one byte now and then", "halves and errors"),
)
def test_short_writes_change_nothing(template: Path, tmp_path: Path, verdict: Verdict) -> None:
    upgrade_on(copy_of(template, tmp_path / "run"), verdict)
