"""What an upgrade is expected to take is learned from its own set's past, not from that of a namesake of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest

from engine.model.upgrade import Outlook
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.forecast import Forecast
from tests.unit.decide.given_times import ran
from tests.unit.runtime.conftest import ANA, apply_healthy


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """An engine with a healthy set `web`."""
    apply_healthy(engine)
    return engine


def past_run(engine: Engine, *, before_the_set: bool) -> None:
    """The state knows a slow run of the set's name: of the set itself, or of one that was deleted before."""
    scale_set = engine.find_set("web")
    slow = ran([[500.0, 900.0], [700.0, 800.0]])
    clock = scale_set.created_clock + (-1.0 if before_the_set else 1.0)
    engine.state.upgrades[slow.id] = replace(slow, scale_set=scale_set.key, started_clock=clock)


def planned(engine: Engine) -> dict[str, Any]:
    """The plan of an upgrade."""
    answer = anyio.run(partial(EngineDoor(engine).query, "plan", {"set": "web", "to": "1.1.0"}, ANA))
    found: dict[str, Any] = answer["plan"]
    return found


def foreseen(engine: Engine) -> Outlook | None:
    """What is told of the live upgrade."""
    live = engine.state.live_upgrade(engine.find_set("web").key)
    assert live is not None
    turn = engine.turn()
    turn.upgrades[live.id] = replace(live, outlook=None)
    Forecast().tell_all(turn, [live.id])
    return turn.upgrades[live.id].outlook


def test_a_plan_learns_nothing_from_a_namesake(engine: Engine) -> None:
    never = planned(engine)
    past_run(engine, before_the_set=True)
    assert planned(engine) == never and "never upgraded" in never["eta_origin"]

    past_run(engine, before_the_set=False)
    assert "the last 1 upgrade of this set" in planned(engine)["eta_origin"]


def test_an_outlook_learns_nothing_from_a_namesake(engine: Engine) -> None:
    anyio.run(partial(EngineDoor(engine).command, "start", {"set": "web", "to": "1.1.0"}, ANA))
    never = foreseen(engine)
    assert never is not None and never.eta_high_at is not None
    past_run(engine, before_the_set=True)
    assert foreseen(engine) == never

    past_run(engine, before_the_set=False)
    taught = foreseen(engine)
    assert taught is not None and taught.eta_high_at is not None and taught.eta_high_at > never.eta_high_at + 500
