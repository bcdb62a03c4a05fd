"""Pictures of one scale set, in the states an upgrade goes through, and of its dialogs."""

from __future__ import annotations

from functools import cache

import pytest

from engine.model.commands import Verb
from tests.snapshots.conftest import Picture
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story, batch_runs, has_ended, has_failures, key_of, scale_set

KEY = key_of("web-eu")


@cache
def story(name: str) -> Story:
    """A web-eu of 120 instances at a moment of its upgrade; every test gets the same one, so none may go on with it."""
    bad = (
        frozenset(str(i) for i in range(0, 120, 7 if name == "faulted" else 41))
        if name in ("failing", "faulted")
        else frozenset[str]()
    )
    found = Story(scale_set("web-eu", 120, "westeurope", production=True, pause_s=30.0), bad=bad)
    if name == "never":
        return found
    found.start()
    if name == "faulted" or name == "completed":
        found.until(has_ended)
    elif name == "failing":
        found.until(has_failures)
    else:
        found.until(batch_runs(6, 43))
    if name in ("paused", "refused", "back"):
        found.command(Verb.ROLL_BACK if name == "back" else Verb.PAUSE, "omar", "on call asked")
        found.look()
    if name == "refused":
        refusal = "confirm must be the set's name, web-eu, on a set tagged environment=production"
        found.judged("rollback", "eve", "", refusal)
    return found


def session(name: str) -> StillSession:
    found = story(name)
    return StillSession(found.scene, answers={"plan": {"plan": found.plan()}}, events=found.events)


@pytest.mark.parametrize("name", ("never", "rolling", "paused", "failing", "faulted", "back", "completed"))
def test_state(picture: Picture, name: str) -> None:
    assert picture(session(name), first_set=KEY)


@pytest.mark.parametrize("times", (1, 3, 4), ids=("zone", "batch", "grid"))
def test_other_rows_of_the_heat_map(picture: Picture, times: int) -> None:
    assert picture(session("rolling"), *["v"] * times, "down", "right", "space", first_set=KEY)


@pytest.mark.parametrize("tab", (1, 2, 3, 4, 5), ids=("instances", "history", "policy", "extensions", "model"))
def test_tab(picture: Picture, tab: int) -> None:
    assert picture(session("faulted"), *["right_square_bracket"] * tab, first_set=KEY)


@pytest.mark.parametrize(
    ("name", "key"),
    (("completed", "s"), ("paused", "u"), ("paused", "n"), ("rolling", "r"), ("rolling", "c"), ("failing", "t")),
    ids=("start", "resume", "step", "rollback", "cancel", "retry"),
)
def test_dialog(picture: Picture, name: str, key: str) -> None:
    assert picture(session(name), key, first_set=KEY)


def test_skip_what_is_marked(picture: Picture) -> None:
    assert picture(session("rolling"), "end", "space", "up", "space", "x", first_set=KEY)


def test_a_key_that_cannot_act_says_why(picture: Picture) -> None:
    assert picture(session("rolling"), "u", first_set=KEY)


def test_a_set_of_a_thousand(picture: Picture) -> None:
    found = Story(scale_set("web-eu", 1000, "westeurope"))
    assert picture(StillSession(found.scene), first_set=KEY)
