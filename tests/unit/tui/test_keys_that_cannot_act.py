"""Given a key that cannot act, when it is pressed, then it says why and opens nothing; what is marked is acted on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.model.errors import InputError
from tests.snapshots.moments import KEY, session, story
from tests.snapshots.still import StillSession
from tests.snapshots.story import key_of
from tests.snapshots.test_home import everything
from tests.snapshots.test_plan import small
from tests.unit.tui.test_cockpit_keys import drive
from tui.app import Cockpit
from tui.recording import RecordedSession
from tui.screens.cockpit_screen import CockpitScreen


def press(found: StillSession | RecordedSession, *keys: str, first_set: str = "") -> tuple[list[str], Cockpit, str]:
    """What was said after the last key, the app, and the whole text of the dialog in front."""

    async def run() -> tuple[list[str], Cockpit, str]:
        app = Cockpit(found, first_set=first_set)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause(0.1)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.05)
            await pilot.pause(0.1)
            words = "" if isinstance(app.screen, CockpitScreen) else shown(app)
            return [note.message for note in app._notifications], app, words

    return asyncio.run(run())


def shown(app: Cockpit) -> str:
    """The text of the screen in front."""
    lines = [strip.text for strip in app.screen._compositor.render_strips()]
    return "\n".join(lines)


def recording() -> RecordedSession:
    return RecordedSession("web.jsonl", story("completed").recording)


@pytest.mark.parametrize(
    ("key", "words"),
    (
        ("s", "start: a recording has happened: nothing in it can be changed"),
        ("exclamation_mark", "halt all: a recording has happened: nothing in it can be changed"),
        ("P", "plan: only an engine makes a plan; a recording has none"),
        ("E", "rehearse: only an engine can rehearse; a recording has no plan"),
        ("R", "replay: this is a recording already; p plays it"),
    ),
)
def test_a_recording_says_why_it_cannot_be_changed(key: str, words: str) -> None:
    said, _, dialog = press(recording(), key, first_set=KEY)
    assert (said, dialog) == ([words], "")


def test_the_keys_that_drive_a_recording_are_its_own() -> None:
    player = recording()
    said, _, _ = press(player, "full_stop", "full_stop", "comma", first_set=KEY)
    assert said == [] and player.player.position == 1


def test_an_engine_says_that_it_is_no_recording() -> None:
    said, _, _ = press(session("rolling"), "full_stop", first_set=KEY)
    assert said == ["next event: this is an engine and no recording; R plays an upgrade again"]


def test_a_key_of_other_screens_says_so() -> None:
    said, _, _ = press(session("rolling"), "x")
    assert said == ["skip: not on this screen; ? shows its keys"]


def test_pause_acts_on_all_sets_that_are_marked_and_esc_unmarks_them() -> None:
    found = StillSession(everything())

    said, app, _ = press(found, "space", "space", "p")
    assert [verb for verb, _ in found.commands] == ["pause", "pause"] and said == ["2 upgrades paused"]
    assert {arguments["set"] for _, arguments in found.commands} == app.marked_sets

    said, app, _ = press(StillSession(everything()), "space", "space", "r", "escape")
    assert not app.marked_sets
    assert said == ["roll back: 2 scale sets are marked, and this acts on one; esc unmarks them"]


def test_one_marked_set_is_acted_on_wherever_the_cursor_is() -> None:
    found = StillSession(everything())
    _, app, _ = press(found, "down", "down", "space", "up", "p")
    assert {arguments["set"] for _, arguments in found.commands} == app.marked_sets == {key_of("web-eu")}


def test_a_refusal_that_the_dialog_shows_is_not_told_twice() -> None:
    class Refusing(StillSession):
        async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
            raise InputError("NotFound", "contoso:web:stable:9 is not published.", "See rollset images.")

    error = InputError("NotFound", "contoso:web:stable:9 is not published.", "See rollset images.")
    found = Refusing(story("never").scene, answers={"plan": error})

    _, _, dialog = press(found, "s", *"web-eu", "tab", "tab", *"web-eu", "enter", first_set=KEY)

    assert dialog.count("is not published") == 1 and "Nothing was done: the reason is above." in dialog


def test_a_set_from_afar_is_shown_as_json() -> None:
    _, _, dialog = press(StillSession(everything()), "d")
    assert "─  queue  ─" in dialog and '"scale_set"' in dialog


@pytest.mark.parametrize(("key", "name"), (("v", "view"), ("M", "mark row")))
def test_a_key_of_the_map_says_so_where_the_map_is_not(key: str, name: str) -> None:
    said, _, _ = press(session("rolling"), "right_square_bracket", key, first_set=KEY)

    assert said == [f"{name}: the heat map is on the first tab"]


def test_a_plan_beside_a_live_upgrade_says_that_a_start_would_be_refused() -> None:
    found = small()
    live = story("rolling").scene.upgrade
    assert live is not None
    scene = found.source("").scene
    beside = replace(scene, upgrades={live.id: replace(live, scale_set=next(iter(scene.scale_sets)))})

    def check(app: Cockpit) -> None:
        assert f"{live.id} is live, RollingForward" in shown(app) and "it would be refused" in shown(app)
        assert "nothing has moved" not in shown(app)

    drive(StillSession(beside, answers=found._answers), "P", check=check)
