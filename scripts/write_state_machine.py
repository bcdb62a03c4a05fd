"""Write docs/state-machine.md from the tables of engine/decide/transitions.py: `scripts/write_state_machine.py`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engine.decide.count_members import state_bucket  # noqa: E402  # the checkout is on the path only now
from engine.decide.transitions import ACCEPTED, MEMBER_MOVES, NEW_UPGRADE, UPGRADE_MOVES, VERDICTS  # noqa: E402
from engine.model.commands import Verb  # noqa: E402
from engine.model.upgrade import DOING, MemberState, Outcome, UpgradeState  # noqa: E402

PAGE = ROOT / "docs" / "state-machine.md"

INTRODUCTION = """\
# The state machine

Written by `scripts/write_state_machine.py` from the tables in `engine/decide/transitions.py`; a test compares it.

An upgrade stores three facts: its direction (forward or back), the holds on it, and its outcome. The state shown
follows from them. Its members have states of their own; a batch is open until all of its members are at an end, and
is judged then.
"""


State = TypeVar("State", bound=StrEnum)
LEGEND = "`yes`: accepted. `new`: a new upgrade begins, linked to the ended one. Else refused:"
MORE_ON_COMMANDS = """\
A paused upgrade on its way back refuses Cancel, Roll back and Skip too. Commands that name members are refused where no
member qualifies. While [everything is halted](operations.md#halting-everything), Start and Retry of what has ended are
refused, and Resume and Step of one that goes forward.
"""


def diagram(moves: Mapping[tuple[State, State], str], first: State, ends: frozenset[str]) -> str:
    """A Mermaid state diagram of a table of moves."""
    arrows = [f"    {left.value} --> {entered.value}" for left, entered in moves]
    closing = [f"    {state} --> [*]" for state in sorted(ends)]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {first.value}", *arrows, *closing, "```"])


def moves_table(moves: Mapping[tuple[State, State], str]) -> str:
    """Each move with its cause; sources that share target and cause stand in one row."""
    rows: dict[tuple[State, str], list[State]] = {}
    for (left, entered), why in moves.items():
        rows.setdefault((entered, why), []).append(left)
    lines = [f"| {', '.join(left)} | {entered} | {why} |" for (entered, why), left in rows.items()]
    return "\n".join(["| from | to | when |", "|---|---|---|", *lines])


def commands_table() -> str:
    """States down, commands across: accepted, a new upgrade, or the number of the reason below."""
    reasons: dict[str, int] = {}

    def cell(state: UpgradeState, verb: Verb) -> str:
        verdict = VERDICTS[(state, verb)]
        if verdict is ACCEPTED:
            return "yes"
        if verdict == NEW_UPGRADE:
            return "new"
        return str(reasons.setdefault(verdict, len(reasons) + 1))

    rows = [f"| {state} | " + " | ".join(cell(state, verb) for verb in Verb) + " |" for state in UpgradeState]
    head = ["| state | " + " | ".join(Verb) + " |", "|---|" + "---|" * len(Verb)]
    notes = [f"{number}. {reason.rstrip('.')}." for reason, number in reasons.items()]
    return "\n".join(
        [
            *head,
            *rows,
            "",
            LEGEND,
            "",
            *notes,
        ]
    )


def member_states() -> str:
    """Each member state with the counter it is in and whether the member is in flight."""
    lines = []
    for state in MemberState:
        bucket = "by its reason" if state is MemberState.LEFT_OUT else state_bucket(state, None).replace("_", " ")
        bucket = "failed" if state is MemberState.ROLLED_BACK else bucket  # Azure's counter, told apart in words only
        lines.append(f"| {state} | {bucket} | {'yes' if state in DOING else ''} |")
    return "\n".join(["| member state | counter | in flight |", "|---|---|---|", *lines])


def page() -> str:
    """The whole document."""
    alone = {pair: why for pair, why in MEMBER_MOVES.items() if pair[1] is not MemberState.GONE}
    ends = frozenset(outcome.value for outcome in Outcome)
    parts = [
        INTRODUCTION,
        "## Upgrades",
        diagram(UPGRADE_MOVES, UpgradeState.CHECKING, ends),
        moves_table(UPGRADE_MOVES),
        "## Commands",
        commands_table(),
        MORE_ON_COMMANDS,
        "## Members",
        diagram(alone, MemberState.PENDING, frozenset({MemberState.SUCCEEDED.value, MemberState.ROLLED_BACK.value})),
        moves_table(MEMBER_MOVES),
        member_states(),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
