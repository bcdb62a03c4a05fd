"""Pictures of history, of the report of a run, and of two runs beside each other."""

from __future__ import annotations

from functools import cache

from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY, session
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story, has_ended, scale_set
from tests.snapshots.test_home import empty, everything
from tests.snapshots.test_pages import refusing


@cache
def twice() -> Story:
    """A run that faulted, and the next one, which completed."""
    found = Story(scale_set("web-eu", 24, "westeurope"), bad=frozenset(str(i) for i in range(0, 24, 3)))
    found.start()
    found.until(has_ended)
    found.t += 3600
    found.bad = frozenset()
    found.run = "web-eu-8"
    found.start("omar", "the same image, its probe mended")
    found.until(has_ended)
    return found


def both() -> StillSession:
    return StillSession(twice().scene, events=twice().events)


def test_history_of_a_set(picture: Picture) -> None:
    assert picture(both(), "h", first_set=KEY)


def test_history_of_all_sets(picture: Picture) -> None:
    assert picture(StillSession(everything()), "4")


def test_no_history(picture: Picture) -> None:
    assert picture(StillSession(empty()), "4")


def test_report_of_a_fault(picture: Picture) -> None:
    assert picture(session("faulted"), "h", "enter", first_set=KEY)


def test_report_of_a_good_run(picture: Picture) -> None:
    assert picture(session("completed"), "h", "enter", first_set=KEY)


def test_report_of_a_live_run(picture: Picture) -> None:
    assert picture(session("rolling"), "h", "enter", first_set=KEY)


def test_report_that_cannot_be_read(picture: Picture) -> None:
    assert picture(refusing("faulted"), "h", "enter", first_set=KEY)


def test_report_saved(picture: Picture) -> None:
    assert picture(session("faulted"), "h", "enter", "w", first_set=KEY)


def test_two_runs_compared(picture: Picture) -> None:
    assert picture(both(), "h", "space", "down", "space", "equals_sign", first_set=KEY)


def test_compare_without_two_marked_says_why_not(picture: Picture) -> None:
    assert picture(both(), "h", "space", "equals_sign", first_set=KEY)
