"""What has happened, asked for later: the events of a set, of one instance, and one run whole."""

from __future__ import annotations

import pytest

from engine.model.errors import InputError, NotFoundError
from engine.runtime.engine import Engine
from engine.runtime.looking_back import run, timeline
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
    assert [line["type"] for line in last] == ["UpgradeFaulted", "ModelImageChanged"]


async def test_the_events_of_an_instance_are_those_that_name_it(engine: Engine) -> None:
    faulted(engine)

    found = (await timeline(engine, {"scope": "web", "instance": "1"}))["events"]

    own = [line for line in found if line["type"] in ("InstanceProvisioned", "InstanceHealthChanged")]
    assert [line["type"] for line in own] == ["InstanceProvisioned", "InstanceHealthChanged"]
    assert all(line["body"]["instance_id"] == "1" for line in own)


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
