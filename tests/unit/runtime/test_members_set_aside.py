"""Members of upgrades that ended long ago are in the store alone, and nobody who asks for them notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.decide.count_members import upgrade_overview
from engine.model.upgrade import Upgrade
from engine.runtime import set_aside
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.verbs import carry_out
from engine.wire.recording import read_lines
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until

Look = Callable[[EngineDoor], Awaitable[Any]]


async def _upgrades(engine: Engine, count: int) -> None:
    await create(engine, 3)
    for number in range(count):
        to = "1.1.0" if number % 2 == 0 else "1.0.0"
        await carry_out(engine, "start", {"set": "web", "to": to}, ANA)
        await until(lambda: ended(engine))
        await anyio.sleep(1)


def _in_order(engine: Engine) -> list[Upgrade]:
    return sorted(engine.state.upgrades.values(), key=lambda u: u.started_at)


@pytest.mark.parametrize("again", (False, True), ids=("running", "started again"))
def test_old_upgrades_are_light_and_told_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    async def answers(engine: Engine) -> list[Any]:
        door = EngineDoor(engine)
        found: list[Any] = [await door.query("history", {"set": "web"}, ANA)]
        for upgrade in _in_order(engine):
            found.append((await door.query("upgrade", {"id": upgrade.id}, ANA))["ours"]["members"])
            found.append((await door.query("run", {"id": upgrade.id}, ANA))["upgrade"])
            found.append(await door.query("explain", {"what": upgrade.id}, ANA))
            found.append(upgrade_overview(upgrade))
        found += [record for record in read_lines(await door.snapshot("web"), "x") if isinstance(record, Upgrade)]
        return found

    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await _upgrades(engine, 5)
            whole = await answers(engine)
            assert [u.counted is None for u in _in_order(engine)] == [True] * 5
            monkeypatch.setattr(set_aside, "KEPT_WHOLE", 2)
            if not again:
                await carry_out(engine, "start", {"set": "web", "to": "1.0.0"}, ANA)
                whole = await answers(engine)
                await until(lambda: ended(engine))
                assert [u.counted is None for u in _in_order(engine)] == [False] * 4 + [True] * 2
                assert [len(u.members) for u in _in_order(engine)] == [0] * 4 + [3] * 2
                first_five = slice(1, 1 + 5 * 4)
                assert (await answers(engine))[first_five] == whole[first_five]
                return
        async with small_engine(tmp_path, fleet) as engine:
            assert [u.counted is None for u in _in_order(engine)] == [False] * 3 + [True] * 2
            light = await answers(engine)
            light[0]["gaps"] = whole[0]["gaps"]
            assert light == whole

    on_virtual_time(main)
