"""Pictures of what lies over a screen: help, palette, the action menu."""

from __future__ import annotations

from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY, session
from tests.snapshots.still import StillSession
from tests.snapshots.test_home import everything


def test_help_of_all_sets(picture: Picture) -> None:
    assert picture(StillSession(everything()), "question_mark")


def test_help_of_a_set(picture: Picture) -> None:
    assert picture(session("rolling"), "question_mark", first_set=KEY)


def test_help_with_keys_of_ones_own(picture: Picture) -> None:
    assert picture(session("rolling"), "f1", first_set=KEY, keys={"help": "f1", "pause": "f5"})


def test_palette(picture: Picture) -> None:
    assert picture(session("rolling"), "colon", first_set=KEY)


def test_palette_with_letters(picture: Picture) -> None:
    assert picture(session("rolling"), "ctrl+p", *"roll", first_set=KEY)


def test_palette_that_finds_nothing(picture: Picture) -> None:
    assert picture(session("rolling"), "colon", *"zzz", first_set=KEY)


def test_actions_on_a_cell(picture: Picture) -> None:
    assert picture(session("rolling"), "a", first_set=KEY)


def test_actions_on_marked_cells(picture: Picture) -> None:
    assert picture(session("rolling"), "space", "space", "a", first_set=KEY)


def test_actions_on_a_row(picture: Picture) -> None:
    assert picture(session("rolling"), "down", "M", "a", first_set=KEY)


def test_hold(picture: Picture) -> None:
    assert picture(session("rolling"), "a", *"hold", "enter", first_set=KEY)


def test_protect(picture: Picture) -> None:
    assert picture(session("rolling"), "down", "M", "a", *"protect", "enter", first_set=KEY)
