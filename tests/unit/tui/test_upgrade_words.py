"""An upgrade in a few words: its direction, how far it is, when it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.commands import Verb
from engine.model.overview import SetOverview
from engine.model.upgrade import MemberState, Now, Outlook, UpgradeState
from tests.snapshots.story import Story, batch_runs, scale_set
from tui.glyphs import Glyphs
from tui.scene import Scene
from tui.screens.home_rows import columns, entry_line
from tui.upgrade_words import eta, progress, versions, waits_for


def story() -> Story:
    found = Story(scale_set("web", 30, "westeurope"))
    found.start()
    found.until(batch_runs(3, 5))
    return found


def back(scene: Scene) -> int:
    upgrade = scene.upgrade
    return sum(m.state is MemberState.ROLLED_BACK for m in upgrade.members.values()) if upgrade is not None else 0


def test_on_the_way_there_it_counts_who_is_there() -> None:
    seen = story().scene.history["web-7"]

    assert versions(seen, "1.0.3", Glyphs()) == "1.0.3 → 1.1.0"
    assert seen.percent > 0


def test_on_the_way_back_it_is_turned_round_and_counts_who_is_back() -> None:
    found = story()
    found.command(Verb.ROLL_BACK, "ana")
    found.until(lambda scene: back(scene) >= 2)

    seen = found.scene.history["web-7"]
    assert seen.upgrade.state is UpgradeState.ROLLING_BACK and seen.upgrade.goes_back
    assert versions(seen, "1.0.3", Glyphs()) == "1.1.0 → 1.0.3"
    halfway = seen.percent
    found.until(lambda scene: back(scene) >= 4)
    assert 0 < halfway < found.scene.history["web-7"].percent <= 100


def test_the_list_names_what_runs_and_not_what_the_model_asks_for() -> None:
    row = next(iter(story().scene.sets.values()))
    ended = replace(row, upgrade=None, versions={"1.0.3": 16, "1.1.0": 24})

    def line(width: int, row: SetOverview) -> str:
        pieces = entry_line(row, columns(width, [row]), Now(0.0, 0.0), Glyphs(), marked=False, width=width)
        return "".join(piece.text for piece in pieces)

    assert " 1.1.0, 1.0.3 " in line(80, ended)
    assert " 1.1.0 (24), 1.0.3 (16) " in line(120, ended)
    assert " 1.0.3 " in line(80, replace(ended, versions=None))


def test_an_end_that_is_near_is_no_estimate_of_an_estimate() -> None:
    now = Now(100.0, 100.0)
    assert eta(Outlook(1, "", "", 0.0, eta_low_at=110.0, eta_high_at=130.0), now) == "<1m"
    assert eta(Outlook(1, "", "", 0.0, eta_low_at=160.0, eta_high_at=700.0), now) == "~6m (1m-10m)"
    assert eta(None, now) == ""


def test_who_paused_it_is_a_label_and_a_word_and_not_a_thing_that_blocks_it() -> None:
    found = story()
    found.command(Verb.PAUSE, "omar", "lunch")
    found.look()
    upgrade = found.scene.upgrade
    assert upgrade is not None

    label, words = waits_for(upgrade, found.scene.now)

    assert label == "paused"
    assert words.startswith("by omar: lunch")


def test_a_paused_rollback_still_goes_back() -> None:
    found = story()
    found.command(Verb.ROLL_BACK, "omar", "no")
    found.command(Verb.PAUSE, "omar", "lunch")
    upgrade = found.scene.upgrade
    assert upgrade is not None and upgrade.state in (UpgradeState.PAUSING, UpgradeState.PAUSED)

    assert upgrade.goes_back


@pytest.mark.parametrize(
    ("width", "word"), ((70, "RollingForward "), (46, "RollingForward "), (34, "Rolling "), (26, ""))
)
def test_a_rolling_row_has_the_longest_word_that_its_column_has_room_for(width: int, word: str) -> None:
    found = story()
    found.look()
    scene = found.scene
    seen = scene.sets[found.key].upgrade

    pieces = progress(seen, scene.now, Glyphs(), width)

    assert pieces[0].text == f"▶ {word}"
    assert sum(len(piece.text) for piece in pieces) == width
