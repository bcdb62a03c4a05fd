"""The plan in words: the gravest check first, what a limit bears in instances, who is left out by reason."""

from __future__ import annotations

from typing import Any

from tests.snapshots.story import Story, scale_set
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning
from tui.screens.plan_lines import PlanPage, batch_lines, fact_lines, left_out, time_words


def plan(count: int = 10, **asked: Any) -> dict[str, Any]:
    return dict(Story(scale_set("web", count, "westeurope")).plan(**asked))


def texts(lines: list[Line]) -> list[str]:
    return ["".join(piece.text for piece in line) for line in lines]


def test_a_limit_that_bears_no_failure_stands_out() -> None:
    lines = fact_lines(PlanPage(plan(4), Glyphs(), 80))

    line = next(line for line in lines if line and line[0].text.strip() == "unhealthy")
    assert "the 1st failure of the whole set (4) stops it" in line[1].text
    assert line[1].meaning is Meaning.NOTICE


def test_a_limit_of_all_never_stops_it() -> None:
    found = texts(fact_lines(PlanPage(plan(4, max_unhealthy_percent=100), Glyphs(), 80)))

    assert any("100 %: it never stops it" in line for line in found)


def test_checks_are_told_the_gravest_first() -> None:
    found = plan() | {
        "checks": [
            {"level": "passed", "words": "fine", "cure": ""},
            {"level": "refused", "words": "no room", "cure": "Free disk space."},
            {"level": "warned", "words": "tight", "cure": ""},
        ]
    }

    lines = texts(fact_lines(PlanPage(found, Glyphs(), 80)))

    order = [n for word in ("no room", "tight", "fine") for n, line in enumerate(lines) if word in line]
    assert order == sorted(order) and len(order) == 3
    assert any(line.strip() == "Free disk space." for line in lines)


def test_every_batch_names_its_members() -> None:
    found = texts(batch_lines(PlanPage(plan(6), Glyphs(), 80)))

    for batch in plan(6)["batches"]:
        assert any(line.strip() == ", ".join(batch["members"]) for line in found)


def test_those_left_out_are_put_together_by_reason() -> None:
    instances = [{"instance_id": str(i), "left_out": "held: disk swap" if i < 3 else ""} for i in range(5)]
    instances.append({"instance_id": "9", "left_out": "alreadyCurrent: already on the target"})

    assert left_out({"instances": instances}) == [
        "instances 0, 1 and 2, held: disk swap",
        "instance 9, already on the target",
    ]


def test_a_time_is_a_range_or_about_one() -> None:
    assert time_words({"eta_low_s": 600.0, "eta_high_s": 7200.0}) == "10m to 2h"
    assert time_words({"eta_low_s": 600.0, "eta_high_s": 610.0}) == "about 10m"
