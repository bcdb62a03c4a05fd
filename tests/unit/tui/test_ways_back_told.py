"""A way back that is paused says so in plain text, and a step that it pauses after its batch."""

from __future__ import annotations

from tests.unit.tui.fake_engine import SET, UPGRADE
from tui.plain.fleet import set_lines
from tui.plain.upgrades import status_lines

LIMIT = {"now": 3, "total": 3, "percent": 100.0, "limit_percent": 20, "exceeded": True, "verdict": "goes on"}
BACK = UPGRADE | {"state": "Paused", "goes_back": True, "limits": {"unhealthy": LIMIT}}


def test_no_limit_stops_a_paused_way_back() -> None:
    lines = status_lines(BACK, "utf-8")

    assert lines[0].startswith("web going back to 1.0.0 ")
    assert "no limit stops a rollback" in lines
    assert not any("over it" in line for line in lines)


def test_the_list_of_sets_tells_where_a_paused_way_back_goes() -> None:
    text = "\n".join(set_lines([SET | {"upgrade": BACK}]))

    assert "Paused going back to 1.0.0" in text


def test_a_run_that_is_over_is_told_by_where_it_was_to_go() -> None:
    assert status_lines(BACK | {"state": "RolledBack", "ended_at": 1090.0}, "utf-8")[0].startswith("web to 1.1.0 ")


def test_a_step_says_that_it_pauses_after_its_batch() -> None:
    assert status_lines(UPGRADE | {"pause_after_batch": True}, "utf-8")[0].endswith("  one batch, then paused")
    assert "one batch" not in status_lines(UPGRADE, "utf-8")[0]
