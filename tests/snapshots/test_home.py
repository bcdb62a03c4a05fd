"""Pictures of the scale sets screen."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from engine.decide.fold_overview import overview_of
from engine.model.commands import Verb
from engine.model.health import Health
from engine.wire.recording import OVERVIEW, Header
from tests.snapshots.conftest import Picture
from tests.snapshots.still import StillSession
from tests.snapshots.story import BEGAN_AT, FACTS, Story, batch_runs, has_ended, scale_set
from tui.glyphs import Glyphs
from tui.scene import Scene, fold
from tui.session import LinkState


@cache
def everything() -> Scene:
    """Sets in every state an operator meets."""
    rolling = Story(scale_set("web-eu", 120, "westeurope", production=True))
    rolling.start()
    rolling.until(batch_runs(6, 43))
    paused = Story(scale_set("web-us", 60, "eastus"))
    paused.start()
    paused.until(batch_runs(3, 9))
    paused.command(Verb.PAUSE, "omar", "on call asked")
    paused.look()
    faulted = Story(scale_set("queue", 24, "westeurope"), bad=frozenset(str(i) for i in range(24)))
    faulted.start()
    faulted.until(has_ended)
    done = Story(scale_set("search", 15, "northeurope"))
    done.start()
    done.until(has_ended)
    korea = scale_set("결제-api", 12, "koreacentral")
    sick = replace(korea.instances["3"], health=Health.UNHEALTHY)
    korea = replace(korea, instances={**korea.instances, "3": sick})
    scene = fold(fold(Scene(""), Header(OVERVIEW, 100, rolling.now.at, 1.0, "rollset 0.1.0")), FACTS)
    for story in (rolling, paused, faulted, done):
        for row in story.scene.sets.values():
            scene = fold(scene, row)
    return fold(scene, overview_of(korea, None))


def empty() -> Scene:
    return fold(fold(Scene(""), Header(OVERVIEW, 1, BEGAN_AT, 0.0, "rollset 0.1.0")), FACTS)


def test_sets_in_every_state(picture: Picture) -> None:
    assert picture(StillSession(everything()))


def test_the_chosen_set_says_why_it_waits(picture: Picture) -> None:
    assert picture(StillSession(everything()), "down", "down")


def test_no_sets_yet(picture: Picture) -> None:
    assert picture(StillSession(empty()))


def test_the_engine_is_not_there(picture: Picture) -> None:
    assert picture(StillSession(Scene(OVERVIEW), link=LinkState.CONNECTING))


def test_filtered(picture: Picture) -> None:
    assert picture(StillSession(everything()), "slash", "w", "e", "s", "t")


def test_filtered_to_nothing(picture: Picture) -> None:
    assert picture(StillSession(everything()), "slash", "z", "z")


def test_grouped_and_sorted_with_marks(picture: Picture) -> None:
    assert picture(StillSession(everything()), "o", "o", "o", "space", "space", "g")


def test_ascii_in_the_terminals_own_colours(picture: Picture) -> None:
    assert picture(StillSession(everything()), glyphs=Glyphs(ascii=True), theme="sixteen")


def test_light(picture: Picture) -> None:
    assert picture(StillSession(everything()), theme="light")
