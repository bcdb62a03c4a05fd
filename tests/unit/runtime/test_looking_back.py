"""What has happened, asked for later: the events of a set, of one instance, and one run whole."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from engine.model import events as e
from engine.model.errors import InputError, NotFoundError
from engine.runtime.engine import Engine
from engine.runtime.looking_back import PAGE, last_lines, run, timeline
from engine.runtime.snapshot import lines_after, scope_of, streams_of
from tests.unit.runtime.test_explain import faulted

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_events_of_a_set_come_oldest_first_up_to_a_limit(engine: Engine) -> None:
    faulted(engine)

    whole = (await timeline(engine, {"scope": "web"}))["events"]
    last = (await timeline(engine, {"scope": "web", "limit": "2"}))["events"]

    assert [line["seq"] for line in whole] == sorted(line["seq"] for line in whole)
    assert whole[-2:] == last
    assert [line["type"] for line in last] == ["InstanceDiskChanged", "ModelImageChanged"]


async def test_the_events_of_an_instance_are_those_that_name_it(engine: Engine) -> None:
    faulted(engine)

    found = (await timeline(engine, {"scope": "web", "instance": "1"}))["events"]

    own = [line for line in found if line["type"] in ("InstanceProvisioned", "InstanceHealthChanged")]
    assert [line["type"] for line in own] == ["InstanceProvisioned", "InstanceHealthChanged"]
    assert all(line["body"]["instance_id"] == "1" for line in own)


async def test_many_events_are_read_page_by_page_and_turns_come_between(engine: Engine) -> None:
    turn = engine.turn()
    for number in range(PAGE * 3 + 7):
        turn.note("audit", e.PolicyDeleted(str(number)))
    engine.commit(turn)
    turns = 0

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(beside)
        for limit in (1, PAGE - 1, PAGE, PAGE + 1, PAGE * 3, 10_000):
            turns = 0
            found = await last_lines(engine, limit, streams=("audit",))
            names = [line["body"]["name"] for line in found]
            assert names == [str(n) for n in range(PAGE * 3 + 7)][-limit:]
            assert turns >= (len(names) - 1) // PAGE
        tasks.cancel_scope.cancel()


async def test_a_deleted_set_keeps_its_scope_by_its_id(engine: Engine) -> None:
    faulted(engine)
    key = engine.find_set("web").key
    assert scope_of(engine, "WEB") == scope_of(engine, key.upper()) == key
    turn = engine.turn()
    turn.on_scale_set(key, e.ScaleSetDeleted())
    engine.commit(turn)

    assert scope_of(engine, key) == key
    assert lines_after(engine, 0, streams_of(engine, key), 1000)[-1].text.count("ScaleSetDeleted")
    for name in ("web", key + "x"):
        with pytest.raises(NotFoundError):
            scope_of(engine, name)
    assert [scope_of(engine, name) for name in ("all", "overview", "")] == ["all", "overview", ""]


@pytest.mark.parametrize("limit", ("0", "5001", "many"))
async def test_a_limit_out_of_range_is_refused(engine: Engine, limit: str) -> None:
    with pytest.raises(InputError):
        await timeline(engine, {"limit": limit})


async def test_a_run_is_told_with_what_turned_it_and_nothing_quiet(engine: Engine) -> None:
    faulted(engine)

    found = await run(engine, {"id": "web-1"})

    assert found["upgrade"]["id"] == "web-1"
    assert found["counters"]["failed"] == 1
    assert [line["type"] for line in found["events"]] == ["UpgradeStarted", "UpgradeFaulted"]


async def test_an_unknown_run_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFoundError):
        await run(engine, {"id": "web-9"})
