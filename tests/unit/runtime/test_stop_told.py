"""The answer to `engine stop` names the upgrades that stand still, and who watches."""

from __future__ import annotations

import pytest

from engine.model import events as e
from engine.model.attached import Attached
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from tests.unit.runtime.conftest import ANA
from tests.unit.runtime.test_explain import begun

pytestmark = pytest.mark.anyio


async def test_what_stands_still_and_who_watches_is_said(engine: Engine) -> None:
    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeStarted(begun(engine)))
    engine.commit(turn)
    engine.presence = (Attached("omar", "viewer", "", 2, 1.0),)

    told = await carry_out(engine, "engine-stop", {}, ANA)

    assert (told["live"], told["watching"]) == (["web"], ["omar"])
    assert told["message"] == (
        "the engine stops; upgrades that are live stand still until the next engine: web; watching: omar"
    )


async def test_at_rest_nothing_more_is_said(engine: Engine) -> None:
    told = await carry_out(engine, "engine-stop", {}, ANA)

    assert told["message"] == "the engine stops"
