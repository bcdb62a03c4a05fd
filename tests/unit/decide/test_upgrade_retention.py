"""Which ended upgrades leave the store, and in which order."""

from __future__ import annotations

from functools import cache

from engine.decide.upgrade_retention import KEPT_LAST, KEPT_OF_SET, KEPT_S, due_to_retire
from engine.model.upgrade import Outcome, Upgrade
from tests.unit.decide.given import Run, scale_set, upgrade_of

AT = 2_000_000_000.0


@cache
def _run() -> Run:
    return Run(scale_set(1))


def ended(
    name: str, age_s: float, of: str = "a", outcome: Outcome | None = Outcome.COMPLETED, continues: str | None = None
) -> Upgrade:
    """An upgrade that ended so long before AT; one without an outcome is live."""
    at = None if outcome is None else AT - age_s
    return upgrade_of(_run(), id=name, scale_set=of, outcome=outcome, ended_at=at, continues=continues)


def names(*upgrades: Upgrade, kept_last: int = 0, kept_of_set: int = 1) -> list[str]:
    return [upgrade.id for upgrade in due_to_retire(upgrades, AT, kept_last, kept_of_set)]


def test_four_hundred_days_a_thousand_and_ten_of_a_set_are_kept() -> None:
    assert (KEPT_S, KEPT_LAST, KEPT_OF_SET) == (400 * 24 * 3600, 1000, 10)
    old = [ended(f"a-{n:04}", KEPT_S + 5000 - n) for n in range(1002)]
    assert [u.id for u in due_to_retire(old, AT)] == ["a-0000", "a-0001"]
    assert [u.id for u in due_to_retire(old[:12], AT, 0)] == ["a-0000", "a-0001"]


def test_what_is_older_leaves_oldest_first() -> None:
    found = names(ended("new", 5.0), ended("old", KEPT_S + 2), ended("older", KEPT_S + 3), ended("just", KEPT_S))

    assert found == ["older", "old"]


def test_of_two_that_ended_together_the_lesser_id_leaves_first() -> None:
    assert names(ended("b", KEPT_S + 2), ended("a", KEPT_S + 2), ended("new", 1.0)) == ["a", "b"]


def test_the_last_ones_of_all_sets_stay_however_old() -> None:
    three = [ended("a-1", KEPT_S + 9), ended("b-1", KEPT_S + 8, "b"), ended("a-2", KEPT_S + 7), ended("a-3", 1.0)]

    assert names(*three, ended("b-2", 2.0, "b"), kept_last=3) == ["a-1", "b-1"]
    assert names(*three, ended("b-2", 2.0, "b"), kept_last=4) == ["a-1"]
    assert names(*three, ended("b-2", 2.0, "b"), kept_last=5) == []


def test_the_last_of_a_set_stays() -> None:
    assert names(ended("a-1", KEPT_S + 9), ended("a-2", KEPT_S + 8), ended("b-1", KEPT_S + 9, "b")) == ["a-1"]


def test_what_is_live_stays_and_is_not_counted() -> None:
    live = ended("a-3", 0.0, outcome=None)

    assert names(live, ended("a-2", KEPT_S + 8), ended("a-1", KEPT_S + 9), kept_last=1) == ["a-1"]


def test_what_one_that_stays_continues_stays_with_all_it_continues_itself() -> None:
    line = [
        ended("a-1", KEPT_S + 9),
        ended("a-2", KEPT_S + 8, continues="a-1"),
        ended("a-3", KEPT_S + 7),
        ended("a-4", KEPT_S + 6, continues="a-2"),
    ]
    gone_long_ago = ended("b-4", KEPT_S + 6, "b", continues="b-1")

    assert names(*line, gone_long_ago) == ["a-3"]
    assert names(*line, ended("a-5", 1.0)) == ["a-1", "a-2", "a-3", "a-4"]


def test_the_last_ones_of_a_set_stay() -> None:
    assert names(ended("a-1", KEPT_S + 9), ended("a-2", KEPT_S + 8), ended("a-3", KEPT_S + 7), kept_of_set=2) == ["a-1"]
