"""Pictures of a recording: the same screens, driven by its own keys."""

from __future__ import annotations

from functools import cache

from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY, story
from tui.recording import RecordedSession


@cache
def lines() -> tuple[str, ...]:
    return tuple(story("faulted").recording)


def recording() -> RecordedSession:
    return RecordedSession("faulted.jsonl.gz", lines())


def test_the_beginning(picture: Picture) -> None:
    assert picture(recording(), first_set=KEY)


def test_sought_by_share(picture: Picture) -> None:
    assert picture(recording(), "g", *"60%", "enter", first_set=KEY)


def test_sought_by_time(picture: Picture) -> None:
    assert picture(recording(), "g", *"5:20", "enter", first_set=KEY)


def test_a_place_that_is_none(picture: Picture) -> None:
    assert picture(recording(), "g", *"noon", "enter", first_set=KEY)


def test_asked_where_to(picture: Picture) -> None:
    assert picture(recording(), "g", first_set=KEY)


def test_the_next_error(picture: Picture) -> None:
    assert picture(recording(), "n", "n", first_set=KEY)


def test_a_few_events_on_and_back(picture: Picture) -> None:
    assert picture(recording(), "g", *"60%", "enter", "full_stop", "comma", "comma", "greater_than_sign", first_set=KEY)


def test_its_end(picture: Picture) -> None:
    assert picture(recording(), "g", *"100%", "enter", first_set=KEY)


def test_the_errors_at_its_end(picture: Picture) -> None:
    assert picture(recording(), "g", *"100%", "enter", "e", first_set=KEY)


def test_help(picture: Picture) -> None:
    assert picture(recording(), "question_mark", first_set=KEY)


def test_what_a_recording_does_not_hold(picture: Picture) -> None:
    assert picture(recording(), "a", first_set=KEY)
