"""The name shown for an upgrade follows from its facts alone."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.counters import pending_word
from engine.model.image import ImageReference
from engine.model.policy import RunSettings
from engine.model.upgrade import (
    DOING,
    FAILED_STATES,
    Batch,
    Direction,
    Hold,
    HoldKind,
    Member,
    MemberState,
    Outcome,
    Upgrade,
    UpgradeState,
)

IMAGE = ImageReference("p", "o", "s", "1.0.0")
HELD = {HoldKind.OPERATOR: Hold(HoldKind.OPERATOR, 0.0, "ana", "")}


def upgrade(**facts: Any) -> Upgrade:
    return Upgrade("u", "k", "web", RunSettings(), IMAGE, "d", (), IMAGE, "User", "ana", "", 0.0, 0.0, **facts)


@pytest.mark.parametrize(
    ("facts", "state"),
    (
        ({}, "Checking"),
        ({"checking": False}, "RollingForward"),
        ({"checking": False, "direction": Direction.BACK}, "RollingBack"),
        ({"holds": HELD}, "Pausing"),
        ({"holds": HELD, "paused_since_clock": 0.0}, "Paused"),
        ({"holds": HELD, "direction": Direction.BACK}, "Pausing"),
        ({"paused_since_clock": 1.0, "checking": False}, "RollingForward"),
        ({"cancelling": True, "holds": HELD}, "Cancelling"),
        *(({"outcome": outcome, "cancelling": True}, outcome.value) for outcome in Outcome),
    ),
)
def test_the_state_is_derived(facts: dict[str, Any], state: str) -> None:
    made = upgrade(**facts)
    assert made.state == UpgradeState(state)
    assert made.live is ("outcome" not in facts)


def test_only_the_last_batch_can_be_open() -> None:
    batch = Batch(1, Direction.FORWARD, "", 0, ("m0",), 1, "", 0.0)
    assert upgrade().open_batch is None
    assert upgrade(batches=(batch,)).open_batch is batch
    ended = Batch(1, Direction.FORWARD, "", 0, ("m0",), 1, "", 0.0, ended_at=1.0)
    assert upgrade(batches=(ended,)).open_batch is None


def test_in_flight_are_the_members_that_do_something() -> None:
    members = {state.value: Member(state.value, "0", "", 0, 0, state) for state in MemberState}
    assert {m.state for m in upgrade(members=members).in_flight()} == DOING
    assert not DOING & FAILED_STATES


def test_an_upgrade_from_before_its_set_was_made_is_a_namesakes_unless_it_is_live() -> None:
    assert upgrade().is_since(9.0)
    ended = upgrade(outcome=Outcome.COMPLETED)
    assert ended.is_since(0.0)
    assert not ended.is_since(9.0)


@pytest.mark.parametrize(
    ("facts", "takes"),
    (
        ({}, True),
        ({"holds": HELD}, True),
        ({"cancelling": True}, False),
        ({"direction": Direction.BACK}, False),
        ({"outcome": Outcome.COMPLETED}, False),
        ({"outcome": Outcome.FAULTED}, False),
    ),
)
def test_who_has_not_begun_may_have_a_turn_while_it_goes_forward(facts: dict[str, Any], takes: bool) -> None:
    assert upgrade(**facts).takes_pending is takes
    assert pending_word(takes) == ("pending" if takes else "untouched")


def test_a_roll_back_after_the_end_names_what_it_takes_back() -> None:
    assert upgrade(is_rollback_of="web-7").roll_back_words == "roll back of web-7"
    assert upgrade(continues="web-7").roll_back_words == ""
