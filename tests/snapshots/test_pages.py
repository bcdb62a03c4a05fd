"""Pictures of what is looked up: an instance, errors, events, images, audit; with nothing in them and with trouble."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.errors import NotPermittedError
from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY, session, story
from tests.snapshots.still import StillSession
from tests.snapshots.test_home import empty, everything

REFUSED: dict[str, Any] = {
    what: NotPermittedError("AuthorizationFailed", f"omar may not read the {what}.", "Ask an admin.")
    for what in ("audit", "timeline", "run")
}


def refusing(name: str) -> StillSession:
    return StillSession(story(name).scene, answers=REFUSED)


@pytest.mark.parametrize("name", ("failing", "faulted", "never"))
def test_instance(picture: Picture, name: str) -> None:
    assert picture(session(name), "enter", first_set=KEY)


def test_instance_whose_past_cannot_be_read(picture: Picture) -> None:
    assert picture(refusing("faulted"), "enter", first_set=KEY)


def test_the_next_instance_over_the_whole_screen(picture: Picture) -> None:
    assert picture(session("faulted"), "enter", "right_square_bracket", "plus", first_set=KEY)


@pytest.mark.parametrize("name", ("faulted", "failing", "never"))
def test_errors(picture: Picture, name: str) -> None:
    assert picture(session(name), "e", first_set=KEY)


def test_errors_of_all_sets(picture: Picture) -> None:
    assert picture(StillSession(everything()), "e")


def test_errors_that_begin_with_letters(picture: Picture) -> None:
    assert picture(session("faulted"), "e", "slash", *"VMExt", "enter", first_set=KEY)


def test_events(picture: Picture) -> None:
    assert picture(session("faulted"), "l", "up", "up", first_set=KEY)


def test_no_events(picture: Picture) -> None:
    assert picture(session("never"), "l", first_set=KEY)


def test_events_that_cannot_be_read(picture: Picture) -> None:
    assert picture(refusing("never"), "l", first_set=KEY)


def test_images(picture: Picture) -> None:
    assert picture(session("rolling"), "3", first_set=KEY)


def test_no_images(picture: Picture) -> None:
    assert picture(StillSession(empty()), "3")


def test_audit(picture: Picture) -> None:
    found = story("refused")
    assert picture(StillSession(found.scene, events=found.events), "5", first_set=KEY)


def test_no_commands(picture: Picture) -> None:
    assert picture(StillSession(empty()), "5")


def test_audit_that_may_not_be_read(picture: Picture) -> None:
    assert picture(StillSession(empty(), answers=REFUSED), "5")


def test_raw_json(picture: Picture) -> None:
    assert picture(session("faulted"), "enter", "d", first_set=KEY)
