"""The query `rehearse` on an engine: nothing changes, and what it records replays to the end that it told."""

from __future__ import annotations

import pytest

from engine.model.errors import InputError, NotFoundError
from engine.runtime.engine import Engine
from engine.runtime.rehearsing import rehearsal
from tests.unit.runtime.conftest import apply, scale_set_document
from tui.recording import RecordedSession

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_nothing_of_the_engine_changes(engine: Engine) -> None:
    apply(engine, scale_set_document())
    before = (engine.head, engine.state.scale_sets, engine.state.upgrades, engine.state.open_effects)

    found = (await rehearsal(engine, {"set": "web", "to": "1.1.0"}))["rehearsal"]

    assert found["state"] == "Completed"
    assert (found["instances"], found["counters"]["successful"]) == (3, 3)
    assert before == (engine.head, engine.state.scale_sets, engine.state.upgrades, engine.state.open_effects)


async def test_the_recording_replays_to_the_end_that_was_told(engine: Engine) -> None:
    apply(engine, scale_set_document())
    asked = {"set": "web", "to": "1.1.0", "inject": "0; engine=30s@5s", "recording": "true"}

    answer = await rehearsal(engine, asked)

    session = RecordedSession("rehearsal", answer["recording"])
    player = session.player
    player.seek(player.length)
    (upgrade,) = player.scene.upgrades.values()
    told = answer["rehearsal"]
    assert told["state"] == upgrade.state.value == "Faulted"
    assert upgrade.error is not None and upgrade.error.code == told["error"]["code"]
    assert player.elapsed_s()[0] == pytest.approx(told["took_s"])
    assert player.scene.scale_sets[upgrade.scale_set].instances["1"].image.version == "1.0.0"
    player.seek(0)
    assert not player.scene.upgrades


@pytest.mark.parametrize("inject", ("17", "zone=9", "often", "3@soon"))
async def test_trouble_that_cannot_be_is_refused(engine: Engine, inject: str) -> None:
    apply(engine, scale_set_document())
    with pytest.raises(InputError):
        await rehearsal(engine, {"set": "web", "to": "1.1.0", "inject": inject})
    with pytest.raises(NotFoundError):
        await rehearsal(engine, {"set": "other", "to": "1.1.0"})
