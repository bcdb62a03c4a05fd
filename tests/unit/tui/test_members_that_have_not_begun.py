"""Members that have not begun are called one word everywhere: pending while their turn may come, else untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from engine.decide.count_members import count_members, upgrade_overview
from engine.model.commands import Verb
from engine.model.counters import pending_word
from engine.runtime.answers import counters_dict
from engine.wire.state import dump
from tests.unit.decide.given import Run, scale_set
from tui.clocks import Clocks
from tui.comparison import compare
from tui.glyphs import Glyphs
from tui.palette import Line
from tui.plain.progress import counts_of
from tui.report import Report, report_of
from tui.report_text import markdown
from tui.screens.report_lines import report_lines
from tui.screens.set_cells import cell_rows, cursor_line, legend
from tui.screens.upgrade_panel import PanelView, panel_lines


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece.text for piece in line).rstrip() for line in lines)


def rolling() -> Run:
    """The second of five batches of two is under way: six have not begun."""
    run = Run(scale_set(10), batch="2")
    run.batch()
    return run


def after(*verbs: Verb) -> Callable[[], Run]:
    def made() -> Run:
        run = rolling()
        for verb in verbs:
            run.command(verb)
        return run

    return made


def cancelled() -> Run:
    run = after(Verb.CANCEL)()
    run.batch()
    return run


def report(run: Run) -> Report:
    return report_of(
        {
            "upgrade": json.loads(dump(run.upgrade)),
            "counters": asdict(count_members(run.upgrade)),
            "events": [],
            "members_known": True,
        }
    )


def as_answered(run: Run) -> dict[str, object]:
    upgrade = run.upgrade
    return {
        "counters": counters_dict(count_members(upgrade)),
        "batch": len(upgrade.batches),
        "to_go": upgrade_overview(upgrade).to_go,
        "takes_pending": upgrade.takes_pending,
    }


def told(run: Run) -> dict[str, str]:
    """What each place says of one run."""
    rows = cell_rows(run.set, run.upgrade, "grid")
    found, glyphs = report(run), Glyphs()
    return {
        "legend": text(legend(rows, glyphs)),
        "cursor": "6" + text([cursor_line(run.set, run.upgrade, "9")]).partition("web_9 ")[2],
        "panel": text(panel_lines(PanelView(run.set, run.upgrade, run.now, glyphs, 100))),
        "report": text(report_lines(found, Clocks(), glyphs, 100, run.t)),
        "saved report": markdown(found, run.t),
        "status and history": counts_of(as_answered(run)),
    }


@pytest.mark.parametrize(
    ("made", "word", "other"),
    (
        (rolling, "pending", "untouched"),
        (after(Verb.PAUSE), "pending", "untouched"),
        (after(Verb.CANCEL), "untouched", "pending"),
        (after(Verb.ROLL_BACK), "untouched", "pending"),
        (after(Verb.ROLL_BACK, Verb.PAUSE), "untouched", "pending"),
        (cancelled, "untouched", "pending"),
    ),
    ids=("rolling", "pausing", "cancelling", "rolling back", "pausing on the way back", "cancelled"),
)
def test_every_place_has_the_same_word(made: Callable[[], Run], word: str, other: str) -> None:
    run = made()
    assert pending_word(run.upgrade.takes_pending) == word
    for place, words in told(run).items():
        assert f"6 {word}" in words, place
        assert other not in words, place
        assert not any(wrong in words for wrong in ("waiting", "not begun", "to go")), place


def test_a_comparison_names_both_where_they_differ() -> None:
    live, ended = report(rolling()), report(cancelled())

    def names(first: Report, second: Report) -> list[str]:
        return [pair.name for pair in compare(first, second, Clocks(), 0.0)]

    assert "untouched" in names(ended, ended)
    assert "pending" in names(live, live)
    assert "pending or untouched" in names(live, ended)
