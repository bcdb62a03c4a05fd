"""The table of (state, command) pairs is whole."""

from __future__ import annotations

from engine.decide.transitions import ACCEPTED, NEW_UPGRADE, VERDICTS
from engine.model.commands import Verb
from engine.model.upgrade import UpgradeState


def test_every_pair_is_accepted_or_refused_with_a_reason() -> None:
    assert set(VERDICTS) == {(state, verb) for state in UpgradeState for verb in Verb}
    assert all(verdict is ACCEPTED or verdict == NEW_UPGRADE or len(verdict) > 10 for verdict in VERDICTS.values())
