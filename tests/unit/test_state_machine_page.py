"""docs/state-machine.md says what the tables say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from engine.decide.transitions import MEMBER_MOVES, UPGRADE_MOVES
from engine.model.upgrade import DOING, MemberState, Outcome, UpgradeState

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("write_state_machine", ROOT / "scripts" / "write_state_machine.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "state-machine.md").read_text(encoding="utf-8")
    assert written == module.page(), "run scripts/write_state_machine.py"


def test_every_state_is_entered_and_only_ends_are_never_left() -> None:
    ends = {UpgradeState(outcome.value) for outcome in Outcome}
    assert {entered for _, entered in UPGRADE_MOVES} == set(UpgradeState)
    assert {left for left, _ in UPGRADE_MOVES} == set(UpgradeState) - ends
    assert {entered for _, entered in MEMBER_MOVES} == set(MemberState)
    assert {left for left, _ in MEMBER_MOVES} == set(MemberState) - {MemberState.GONE}
    assert all(any(left is state for left, _ in MEMBER_MOVES) for state in DOING)
