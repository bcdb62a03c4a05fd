"""Pictures of the plan of an upgrade."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.model.errors import UnreachableError
from engine.model.health import Health
from engine.model.scale_set import InstanceHold
from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY, session
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story, scale_set


def small(**asked: Any) -> StillSession:
    """Fourteen instances: one protected, one held, two unhealthy."""
    own = scale_set("web-eu", 14, "westeurope", production=True)
    instances = dict(own.instances)
    instances["3"] = replace(instances["3"], protected_from_actions=True)
    instances["5"] = replace(instances["5"], hold=InstanceHold("disk swap", "omar", 0.0))
    for sick in ("7", "8"):
        instances[sick] = replace(instances[sick], health=Health.UNHEALTHY, health_detail="GET /health answered 503")
    story = Story(replace(own, instances=instances))
    return StillSession(story.scene, answers={"plan": {"plan": story.plan(**asked)}}, events=story.events)


def test_all_checks_pass(picture: Picture) -> None:
    assert picture(session("never"), "P", first_set=KEY)


def test_limits_that_cannot_work_and_those_left_out(picture: Picture) -> None:
    assert picture(small(max_unhealthy_percent=5), "P", first_set=KEY)


def test_the_batches_over_the_whole_screen(picture: Picture) -> None:
    assert picture(small(), "P", "tab", "plus", first_set=KEY)


def test_nothing_to_upgrade(picture: Picture) -> None:
    assert picture(session("completed"), "P", first_set=KEY)


def test_the_engine_does_not_answer(picture: Picture) -> None:
    trouble = UnreachableError("EngineUnreachable", "the engine does not answer.", "See rollset doctor.")
    found = session("never")
    assert picture(StillSession(found.source("").scene, answers={"plan": trouble}), "P", first_set=KEY)


def test_saved_to_a_file(picture: Picture) -> None:
    assert picture(small(), "P", "w", first_set=KEY)


def test_started_from_here(picture: Picture) -> None:
    assert picture(small(), "P", "s", *"1.1.0", first_set=KEY)
