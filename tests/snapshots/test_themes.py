"""Pictures of every shipped theme, and of the theme being switched."""

from __future__ import annotations

import pytest

from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY, session
from tests.snapshots.still import StillSession
from tests.snapshots.test_home import everything
from tui.glyphs import Glyphs

THEMES = ("light", "high-contrast", "blue-orange", "teal-red", "sixteen")


@pytest.mark.parametrize("size", ((120, 40),), ids=("120x40",), indirect=True)
@pytest.mark.parametrize("theme", THEMES)
def test_all_sets(picture: Picture, theme: str) -> None:
    assert picture(StillSession(everything()), theme=theme)


@pytest.mark.parametrize("size", ((120, 40),), ids=("120x40",), indirect=True)
@pytest.mark.parametrize("theme", THEMES)
def test_an_upgrade_with_failures(picture: Picture, theme: str) -> None:
    assert picture(session("failing"), first_set=KEY, theme=theme)


@pytest.mark.parametrize("size", ((80, 24),), ids=("80x24",), indirect=True)
@pytest.mark.parametrize("theme", THEMES)
def test_a_dialog(picture: Picture, theme: str) -> None:
    assert picture(session("rolling"), "r", first_set=KEY, theme=theme)


def test_ctrl_t_goes_to_the_next_theme(picture: Picture) -> None:
    assert picture(session("rolling"), "ctrl+t", first_set=KEY)


def test_ascii_in_the_terminals_own_colours(picture: Picture) -> None:
    assert picture(session("failing"), first_set=KEY, glyphs=Glyphs(ascii=True), theme="sixteen")


def test_a_theme_that_is_not_there_is_told(picture: Picture) -> None:
    assert picture(StillSession(everything()), theme="beige")
