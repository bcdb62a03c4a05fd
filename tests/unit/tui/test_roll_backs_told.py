"""A roll back after the end is a run of its own: it is told as what it is, not as an upgrade to the old image."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from typing import cast

from engine.decide.count_members import count_members, upgrade_overview
from engine.model import events as e
from engine.model.upgrade import Upgrade
from engine.wire.state import dump
from engine.wire.words import words
from tests.snapshots.moments import story
from tests.snapshots.still import StillSession
from tests.unit.decide.given import Run, scale_set
from tests.unit.tui.fake_engine import COMPLETED
from tui.app import Cockpit
from tui.clocks import Clocks
from tui.glyphs import Glyphs
from tui.palette import Line
from tui.plain.upgrades import ending_lines, history_lines, status_lines
from tui.report import Report, report_of
from tui.report_text import markdown
from tui.screens import set_pages
from tui.screens.history import HistoryScreen
from tui.screens.report_lines import report_lines

BACK = COMPLETED | {"rollback_of": "web-1"}


def text(lines: list[Line]) -> str:
    return "\n".join("".join(piece.text for piece in line).rstrip() for line in lines)


def gone_back() -> Run:
    """web-1 was to 2.0.0 and completed; web-2 took all of it back."""
    run = Run(scale_set(2))
    run.run()
    back = run.back()
    back.run()
    return back


def report(upgrade: Upgrade) -> Report:
    return report_of(
        {
            "upgrade": json.loads(dump(upgrade)),
            "counters": asdict(count_members(upgrade)),
            "events": [],
            "members_known": True,
        }
    )


def test_the_command_line_names_the_upgrade_it_takes_back() -> None:
    assert "1.1.0, roll back of web-1" in "\n".join(history_lines([BACK]))
    assert "roll back" not in "\n".join(history_lines([COMPLETED]))
    assert ending_lines(BACK)[0].startswith("web to 1.1.0, roll back of web-1: Completed")
    assert status_lines(BACK, "utf-8")[1].startswith("upgrade u1, roll back of web-1, from 1.0.0, started ")


def test_events_say_it_where_it_begins() -> None:
    upgrade = gone_back().upgrade
    assert " (roll back of web-1) began: 2 of 2 instances" in words(e.UpgradeStarted(upgrade))
    assert "roll back" not in words(e.UpgradeStarted(replace(upgrade, is_rollback_of=None)))


def test_the_report_says_what_it_is_and_of_a_retry_what_it_continues() -> None:
    upgrade = gone_back().upgrade
    assert upgrade.continues == upgrade.is_rollback_of == "web-1"
    assert "- **it is**: roll back of web-1" in markdown(report(upgrade), 0.0)
    assert " it is      roll back of web-1" in text(report_lines(report(upgrade), Clocks(), Glyphs(), 100, 0.0))
    again = replace(upgrade, is_rollback_of=None)
    assert "- **continues**: web-1" in markdown(report(again), 0.0)
    assert " continues  web-1" in text(report_lines(report(again), Clocks(), Glyphs(), 100, 0.0))


def test_the_tab_of_a_set_says_it() -> None:
    upgrade = gone_back().upgrade
    seen = {upgrade.id: upgrade_overview(upgrade)}
    lines = text(set_pages.history_lines(seen, upgrade.scale_set, Glyphs(), Clocks(), 100))
    assert "  roll back of web-1  ana" in lines


def test_the_history_screen_says_it_in_its_row_and_below_and_finds_it() -> None:
    scene = story("completed").scene
    assert scene.scale_set is not None
    (name, seen), *_ = scene.history.items()
    back = replace(seen, upgrade=replace(seen.upgrade, is_rollback_of="web-eu-1", continues="web-eu-1"))
    found = StillSession(replace(scene, history={name: back}))

    async def run() -> tuple[str, str, int]:
        app = Cockpit(found)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.1)
            app.push_screen(HistoryScreen(seen.upgrade.scale_set))
            await pilot.pause(0.1)
            screen = cast("HistoryScreen", app.screen)
            (entry,) = screen.entries()
            row, below = text([screen.row(entry, 118)]), text(screen.detail(entry, 118))
            screen.letters = "roll back of web-eu-1"
            return row, below, len(screen.entries())

    row, below, matches = asyncio.run(run())
    assert "roll back of web-eu-1" in row
    assert "roll back of web-eu-1" in below and "continues" not in below
    assert matches == 1
