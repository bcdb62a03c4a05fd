"""`rollset halt` and `lift-halt`, and what the reading verbs say while a halt stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.tui.fake_engine import SET, UPGRADE, FakeEngine

Run = Callable[..., Any]
HALT = {"by": "ana", "since_at": 1_800_000_000.0, "reason": "fire\x1b[2J"}
SAID = "HALTED by ana since 2027-01-15 08:00:00 UTC (fire"


@pytest.mark.parametrize(
    ("verb", "given"), (("halt", []), ("halt", ["--reason", "fire"]), ("lift-halt", ["--reason", "out"]))
)
def test_the_answer_is_told_or_given_as_json(run: Run, engine: FakeEngine, verb: str, given: list[str]) -> None:
    answer = engine.answers[verb] = {"message": "so it is", "paused": ["web"]}

    for_people, for_programs = run(verb, *given), run(verb, *given, "--json")

    assert for_people.stdout == "so it is\n"
    assert json.loads(for_programs.stdout) == answer
    assert engine.commands == [(verb, {"reason": given[1]} if given else {})] * 2


def test_lifting_without_a_reason_is_a_mistake_of_the_caller(run: Run, engine: FakeEngine) -> None:
    result = run("lift-halt")

    assert result.exit_code == 2 and "--reason" in result.output
    assert engine.commands == []


@pytest.mark.parametrize(
    ("line", "what", "answer"),
    (
        (["sets"], "sets", {"sets": [SET]}),
        (["status"], "sets", {"sets": [SET]}),
        (["status", "web"], "status", {"azure": {}, "ours": UPGRADE}),
        (
            ["engine", "status"],
            "engine",
            {"pid": 7, "version": "1", "started_at": 0.0, "epoch": 2, "head": 3, "sets": 1, "live_upgrades": 0},
        ),
    ),
)
def test_who_looks_is_told_of_a_halt_and_how_to_lift_it(
    run: Run, engine: FakeEngine, line: list[str], what: str, answer: dict[str, Any]
) -> None:
    engine.answers[what] = answer | {"halt": None}
    assert "HALTED" not in run(*line).stdout

    engine.answers[what] = answer | {"halt": HALT}

    said = run(*line).stdout
    assert SAID in said and "\x1b" not in said
    assert "  Once it is over: rollset lift-halt --reason WHY\n" in said
