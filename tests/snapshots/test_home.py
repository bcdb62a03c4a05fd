"""Pictures of the scale sets screen."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from engine.decide.fold_overview import overview_of
from engine.model.commands import Verb
from engine.model.engine_events import Attached
from engine.model.halt import Halt
from engine.model.health import Health
from engine.wire.events import recorded_to_dict
from engine.wire.recording import OVERVIEW, Earlier, Header
from tests.snapshots.conftest import Picture
from tests.snapshots.still import LOST, StillSession
from tests.snapshots.story import BEGAN_AT, FACTS, Story, batch_runs, has_ended, scale_set
from tui.glyphs import Glyphs
from tui.scene import Scene, fold
from tui.session import Link, LinkState


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
    scene = fold(scene, overview_of(korea, None))
    last = sorted((x for story in (rolling, paused, faulted, done) for x in story.events), key=lambda x: x.at)[-40:]
    for number, recorded in enumerate(last, 60):
        scene = fold(scene, Earlier(recorded_to_dict(replace(recorded, seq=number))))
    return replace(
        scene, present=(Attached("ana", "admin", "local", 1, 0.0), Attached("omar", "operator", "ssh", 1, 0.0))
    )


def halted(scene: Scene, reason: str = "the storage of westeurope burns") -> Scene:
    """As it is once ana has halted everything."""
    assert scene.engine is not None
    return replace(scene, engine=replace(scene.engine, halt=Halt("ana", scene.now.at - 300.0, reason)))


def empty() -> Scene:
    return fold(fold(Scene(""), Header(OVERVIEW, 1, BEGAN_AT, 0.0, "rollset 0.1.0")), FACTS)


def test_sets_in_every_state(picture: Picture) -> None:
    assert picture(StillSession(everything()))


def test_the_chosen_set_says_why_it_waits(picture: Picture) -> None:
    assert picture(StillSession(everything()), "down", "down")


def test_no_sets_yet(picture: Picture) -> None:
    assert picture(StillSession(empty()))


def test_the_engine_is_not_there(picture: Picture) -> None:
    assert picture(StillSession(Scene(OVERVIEW), link=Link(LinkState.CONNECTING)))


def test_the_engine_is_lost_and_what_was_known_stays(picture: Picture) -> None:
    assert picture(StillSession(everything(), link=LOST))


def test_the_engine_is_lost_before_anything_was_known(picture: Picture) -> None:
    assert picture(StillSession(Scene(OVERVIEW), link=LOST))


def test_halting_everything_names_what_it_pauses(picture: Picture) -> None:
    assert picture(StillSession(everything()), "exclamation_mark")


def test_while_everything_is_halted_the_header_says_so_and_the_key_lifts_it(picture: Picture) -> None:
    assert picture(StillSession(halted(everything())), "exclamation_mark", "w", "h", "y")


def test_readonly_says_why_nothing_can_be_started(picture: Picture) -> None:
    session = StillSession(everything())
    session.readonly = True
    assert picture(session, "s")


def test_times_in_utc(picture: Picture) -> None:
    assert picture(StillSession(everything()), "z")


def test_filtered(picture: Picture) -> None:
    assert picture(StillSession(everything()), "slash", "w", "e", "s", "t")


def test_filtered_to_nothing(picture: Picture) -> None:
    assert picture(StillSession(everything()), "slash", "z", "z")


def test_grouped_and_sorted_with_marks(picture: Picture) -> None:
    assert picture(StillSession(everything()), "o", "o", "o", "space", "space", "g")


def test_ascii_in_the_terminals_own_colours(picture: Picture) -> None:
    assert picture(StillSession(everything()), glyphs=Glyphs(ascii=True), theme="sixteen")
