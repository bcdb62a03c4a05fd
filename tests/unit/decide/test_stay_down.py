"""Instances that were ended together with the engine: which upgrades need them at once, and which wait for them."""

from __future__ import annotations

import pytest

from engine.decide.stay_down import goes_on_by_itself
from engine.model.record_copy import replace
from engine.model.upgrade import Hold, HoldKind, MemberState, Outcome, Upgrade
from tests.unit.decide.given import Run


def at_rest() -> Upgrade:
    """A live upgrade that has begun no member."""
    upgrade = Run().upgrade
    return replace(upgrade, members={k: replace(m, state=MemberState.PENDING) for k, m in upgrade.members.items()})


PAUSED = {HoldKind.OPERATOR: Hold(HoldKind.OPERATOR, 0.0, "ana", "")}


def test_only_an_upgrade_that_nobody_must_ask_to_go_on_needs_its_instances_with_the_next_engine() -> None:
    upgrade = at_rest()
    assert goes_on_by_itself(upgrade)
    assert not goes_on_by_itself(None)
    assert not goes_on_by_itself(replace(upgrade, outcome=Outcome.COMPLETED))
    assert not goes_on_by_itself(replace(upgrade, holds=PAUSED))
    assert not goes_on_by_itself(replace(upgrade, delayed=True))
    suspect = Hold(HoldKind.STORE_SUSPECT, 0.0, "engine", "")
    assert goes_on_by_itself(replace(upgrade, holds={HoldKind.STORE_SUSPECT: suspect})), "it is lifted by itself"


@pytest.mark.parametrize("changes", ({"holds": PAUSED}, {"delayed": True}))
def test_one_that_has_begun_something_needs_them_though_it_is_paused(changes: dict[str, object]) -> None:
    upgrade = at_rest()
    name, member = next(iter(upgrade.members.items()))
    begun = replace(upgrade, members={**upgrade.members, name: replace(member, state=MemberState.REPLACING)})
    assert goes_on_by_itself(replace(begun, **changes))
