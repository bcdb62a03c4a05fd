"""Pictures of one scale set, in the states an upgrade goes through, and of its dialogs."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from engine.model.commands import Verb
from tests.snapshots.conftest import Picture
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story, batch_runs, has_ended, has_failures, key_of, scale_set

KEY = key_of("web-eu")
PLAN: dict[str, Any] = {
    "previous": "contoso:web:stable:1.0.3",
    "target": "contoso:web:stable:1.1.0",
    "batches": [{"members": [str(i) for i in range(8)], "why": "8 of 8 in update domain 0, zone 1 (20 % of 120 = 24)"}],
    "instances": [{"instance_id": "7", "left_out": "protected"}, {"instance_id": "8", "left_out": ""}],
    "eta_low_s": 420.0,
    "eta_high_s": 1200.0,
    "restore_point": "contoso:web:stable:1.0.3, the OS disk of each instance is kept",
    "checks": [
        {"level": "passed", "words": "health is known", "cure": ""},
        {"level": "warned", "words": "2 instances are unhealthy now.", "cure": "See them: e."},
    ],
}


@cache
def story(name: str) -> Story:
    """A web-eu of 120 instances at a moment of its upgrade."""
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
    if name in ("paused", "back"):
        found.command(Verb.PAUSE if name == "paused" else Verb.ROLL_BACK, "omar", "on call asked")
        found.look()
    return found


def session(name: str) -> StillSession:
    return StillSession(story(name).scene, answers={"plan": {"plan": PLAN}})


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
