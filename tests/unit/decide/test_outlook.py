"""What an operator may expect, and when that is news."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.decide.evolve import evolve_upgrade
from engine.decide.outlook import batches_to_come, look_ahead, says_something_new
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.upgrade import Outlook
from tests.unit.decide.given import Run, scale_set

OUTLOOK = Outlook(3, "Health", "health of 2 instances", 10.0, 300.0, 100.0, 200.0)


def test_batches_to_come_are_those_not_begun() -> None:
    run = Run()
    assert batches_to_come(run.upgrade, run.set) == [2, 2, 2, 2]
    run.batch()
    assert batches_to_come(run.upgrade, run.set) == [2, 2, 2]
    run.run()
    assert batches_to_come(run.upgrade, run.set) == []


def test_going_back_only_touched_members_are_to_come() -> None:
    run = Run()
    run.batch()
    run.swap()
    run.command(Verb.ROLL_BACK)
    assert batches_to_come(run.upgrade, run.set) == [2]


def test_the_outlook_says_what_is_waited_for_and_nothing_after_the_end() -> None:
    run = Run(scale_set(1))
    run.swap()
    seen = look_ahead(run.upgrade, run.set, run.now, 0)
    assert (seen.blocked_kind, seen.blocked_since_at, seen.blocked_until_at) == ("Health", 1000.0, 1300.0)
    run.healthy()
    after = look_ahead(run.upgrade, run.set, run.now, 0)
    assert (after.blocked_kind, after.blocked_words) == ("", "")


def test_a_batch_is_late_once_it_takes_longer_than_it_may_and_not_before() -> None:
    run = Run(scale_set(1))
    run.swap()
    assert look_ahead(run.upgrade, run.set, run.now, 0, None, 0.0).late == ""
    run.wait(90.0)
    assert look_ahead(run.upgrade, run.set, run.now, 0, None, 90.0).late == ""
    late = look_ahead(run.upgrade, run.set, run.now, 0, None, 89.6)
    assert late.late == "batch 1 is LATE: 99 of 100 such batches end within 90 s"
    assert late.blocked_words == f"health of 1 instance; {late.late}"


@pytest.mark.parametrize(
    ("change", "news"),
    (
        ({}, False),
        ({"batches_to_come": 2}, True),
        ({"blocked_kind": "Operator"}, True),
        ({"blocked_words": "health of 1 instance"}, True),
        ({"blocked_since_at": 99.0}, False),
        ({"eta_low_at": 104.9}, False),
        ({"eta_low_at": 105.0}, True),
        ({"eta_high_at": 195.0}, True),
        ({"blocked_until_at": None}, True),
        ({"blocked_until_at": 304.0}, False),
    ),
)
def test_only_what_an_operator_would_see_is_news(change: dict[str, Any], news: bool) -> None:
    assert says_something_new(OUTLOOK, replace(OUTLOOK, **change)) is news


def test_the_first_outlook_is_news_and_an_end_that_nobody_knew_stays_none() -> None:
    assert says_something_new(None, OUTLOOK)
    unknown = replace(OUTLOOK, eta_low_at=None, eta_high_at=None, blocked_until_at=None)
    assert not says_something_new(unknown, unknown)


def test_the_outlook_is_kept_until_the_end() -> None:
    run = Run()
    seen = evolve_upgrade(run.upgrade, e.UpgradeOutlookChanged(OUTLOOK), run.now)
    assert seen.outlook == OUTLOOK
    assert seen.version == run.upgrade.version
    assert evolve_upgrade(seen, e.UpgradeCompleted(), run.now).outlook is None
