"""A run whose upgraded instances fell ill after their success is told with who they are and the numbers of its stop."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from engine.decide.count_members import count_members
from engine.model.code_catalogue import CATALOGUE
from engine.model.codes import ErrorCode
from engine.model.shares import Share
from engine.wire.state import dump
from tests.unit.decide.given import Run
from tests.unit.decide.given_limits import ill_after_success
from tui.clocks import Clocks
from tui.glyphs import Glyphs
from tui.palette import Line
from tui.report import Report, both_limits, report_document, report_of
from tui.report_text import markdown
from tui.screens.error_pages import ErrorPage, cases_of, page_lines
from tui.screens.report_lines import report_lines
from tui.screens.upgrade_panel import PanelView, panel_lines


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece.text for piece in line).rstrip() for line in lines)


def healed() -> Run:
    """The run is over, and those it was stopped for are well again."""
    run = ill_after_success()
    run.healthy("0", "1")
    return run


def page_of(run: Run) -> str:
    case = cases_of(run.upgrade)[0]
    return text(page_lines(ErrorPage(case.code, case, run.set, run.upgrade, Glyphs(), 100)))


def report() -> Report:
    upgrade = healed().upgrade
    return report_of(
        {
            "upgrade": json.loads(dump(upgrade)),
            "counters": asdict(count_members(upgrade)),
            "events": [],
            "members_known": True,
        }
    )


def test_the_errors_screen_names_them_with_their_answers_and_the_numbers_of_the_stop() -> None:
    page = page_of(healed())
    assert "The numbers when it stopped" in page
    assert "2 of 6 = 33.3 %, the limit is 100 %" in page
    assert "2 of 3 = 66.7 %, the limit is 40 %" in page
    assert "instances 0 (1 in batch 1)" in page and "instances 1 (1 in batch 2)" in page
    assert "Instance found to be unhealthy or unreachable. HTTP 503" in page


def test_who_fell_ill_after_success_is_not_offered_to_be_tried_again() -> None:
    run = healed()
    assert "rollset retry" in " ".join(CATALOGUE[ErrorCode.UNHEALTHY_UPGRADED].what_to_do)
    assert "rollset retry" not in page_of(run)
    assert "rollset rollback web" in page_of(run)
    members = run.upgrade.members
    run.upgrade = replace(run.upgrade, members={**members, "m5": replace(members["m5"], judged_failed=True)})
    assert "rollset retry web ID" in page_of(run), "5 is none of those that stopped it"


def test_where_nothing_kept_the_numbers_those_of_now_say_so() -> None:
    run = healed()
    assert run.upgrade.error is not None
    run.upgrade = replace(run.upgrade, error=replace(run.upgrade.error, shares=None))
    page = page_of(run)
    assert "The numbers now" in page and "0 of 3 = 0.0 %, the limit is 40 %" in page
    run.upgrade = replace(run.upgrade, members={})
    assert "The numbers" not in page_of(run), "nobody can be counted"


def test_the_panel_of_the_set_keeps_the_numbers_of_the_stop() -> None:
    run = healed()
    panel = text(panel_lines(PanelView(run.set, run.upgrade, run.now, Glyphs(), 80)))
    assert "33.3 of 100 %  when it stopped" in panel
    assert "66.7 of 40 %  over: it stopped" in panel
    run.upgrade = replace(run.upgrade, error=None)
    assert "0 of 40 %  now" in text(panel_lines(PanelView(run.set, run.upgrade, run.now, Glyphs(), 80)))


def test_the_report_has_them_drawn_as_text_and_as_json() -> None:
    found = report()
    assert sorted(name for cluster in found.failures for name in cluster.instances) == ["0", "1"]
    words = markdown(found, found.started_at)
    assert "- unhealthy of the whole set when it stopped: 2 of 6 (33 %), the limit is 100 %" in words
    assert "- unhealthy of those upgraded when it stopped: 2 of 3 (66 %), the limit is 40 %" in words
    drawn = text(report_lines(found, Clocks(), Glyphs(), 100, found.started_at))
    assert "unhealthy of those upgraded when it stopped: 2 of 3, the limit is 40 %" in drawn
    error = report_document(found)["error"]
    assert error["shares"]["upgraded"] == {"bad": 2, "total": 3, "limit_percent": 40}
    assert [detail["target"] for detail in error["details"]] == ["web/virtualMachines/0", "web/virtualMachines/1"]


def test_an_error_of_another_kind_has_no_numbers() -> None:
    found = report()
    assert found.error is not None
    assert both_limits(found.error)[1][1] == Share(2, 3, 40)
    assert both_limits(replace(found.error, shares=None)) == ()
    assert "when it stopped" not in markdown(replace(found, error=replace(found.error, shares=None)), 0.0)


def test_the_panel_says_that_a_step_pauses_after_its_batch() -> None:
    run = healed()
    run.upgrade = replace(run.upgrade, error=None, outcome=None, pause_after_batch=True)
    view = PanelView(run.set, run.upgrade, run.now, Glyphs(), 80)
    assert "step        one batch, then paused" in text(panel_lines(view))
    run.upgrade = replace(run.upgrade, pause_after_batch=False)
    assert "one batch" not in text(panel_lines(replace(view, upgrade=run.upgrade)))
