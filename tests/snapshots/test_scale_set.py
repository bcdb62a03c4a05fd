"""Pictures of one scale set, in the states an upgrade goes through, and of its dialogs."""

from __future__ import annotations

import pytest

from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY, session
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story, scale_set


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
    (("completed", "s"), ("paused", "u"), ("paused", "n"), ("rolling", "r"), ("rolling", "c"), ("faulted", "t")),
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
