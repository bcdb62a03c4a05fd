"""The keys of the cockpit: what they send to the engine, and when they send nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from textual.timer import Timer
from textual.widgets import Input

from tests.snapshots.moments import KEY, session, story
from tests.snapshots.still import StillSession, StillSource
from tui.app import Cockpit
from tui.scene import Scene
from tui.screens.cockpit_screen import TICK_S, CockpitScreen
from tui.screens.errors import ErrorsScreen
from tui.screens.home import HomeScreen
from tui.screens.plan import PlanScreen
from tui.session import Link, LinkState

Drive = Callable[[Cockpit, Any], Awaitable[None]]


def drive(found: StillSession, *keys: str, check: Callable[[Cockpit], None] = lambda app: None) -> StillSession:
    """Press keys on the set's screen."""

    async def run() -> None:
        app = Cockpit(found, first_set=KEY)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause(0.1)
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.05)
            await pilot.pause(0.1)
            check(app)

    asyncio.run(run())
    return found


def verbs(found: StillSession) -> list[str]:
    return [verb for verb, _ in found.commands]


def test_pause_acts_at_once() -> None:
    assert verbs(drive(session("rolling"), "p")) == ["pause"]


def test_a_rollback_is_sent_with_what_was_seen_and_typed() -> None:
    found = drive(session("rolling"), "r", *"web-eu", "tab", *"bad", "enter")

    version = story("rolling").scene.upgrade
    assert version is not None
    ((verb, arguments),) = found.commands
    assert verb == "rollback"
    assert arguments == {"set": KEY, "confirm": "web-eu", "reason": "bad", "seen_version": version.version}


def harmless(name: str) -> StillSession:
    """The same moment of a set that is not tagged as production."""
    scene = story(name).scene
    own = replace(scene.scale_sets[KEY], tags={})
    return StillSession(replace(scene, scale_sets={KEY: own}))


@pytest.mark.parametrize("key", ("r", "c"))
def test_what_is_typed_first_is_the_reason_where_no_name_is_asked_for(key: str) -> None:
    ((_, arguments),) = drive(harmless("rolling"), key, *"bad", "space", *"build", "enter").commands
    assert arguments["reason"] == "bad build" and "confirm" not in arguments


def test_escape_leaves_a_dialog_without_a_command() -> None:
    assert drive(session("rolling"), "r", "escape").commands == []


def test_a_key_that_cannot_act_opens_nothing() -> None:
    def check(app: Cockpit) -> None:
        assert not app.screen.query(Input)

    assert drive(session("rolling"), "u", check=check).commands == []


def test_what_is_paused_is_offered_its_resume_and_not_its_pause() -> None:
    def check(app: Cockpit) -> None:
        offered = set(cast("CockpitScreen", app.screen).offered())
        assert "pause" not in offered and "resume" in offered

    drive(session("paused"), check=check)


def test_a_fault_that_comes_while_its_errors_are_open_is_chosen() -> None:
    async def run() -> str:
        app = Cockpit(session("rolling"))
        async with app.run_test(size=(100, 30)) as pilot:
            app.push_screen(ErrorsScreen(KEY))
            await pilot.pause(0.3)
            screen = cast("ErrorsScreen", app.screen)
            cast("StillSource", screen.source).become(story("faulted").scene)
            await pilot.pause(0.5)
            chosen = screen.chosen()
            return chosen.code if chosen is not None else ""

    assert asyncio.run(run()) == "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"


def test_marked_instances_are_held_one_by_one() -> None:
    async def run() -> StillSession:
        found = session("rolling")
        app = Cockpit(found, first_set=KEY)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause(0.1)
            await pilot.press("space", "space")
            await app.action_act("hold")
            await pilot.pause(0.1)
            await pilot.press(*"web-eu", "enter")
            await pilot.pause(0.1)
        return found

    found = asyncio.run(run())
    assert [(verb, a["instance"]) for verb, a in found.commands] == [("hold", "0"), ("hold", "15")]


def test_a_refused_command_stays_in_its_dialog() -> None:
    from engine.model.errors import RefusedError

    class Refusing(StillSession):
        async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
            raise RefusedError("Conflict", "it has moved on", "Look at it again.")

    def check(app: Cockpit) -> None:
        assert app.screen.query("#confirm")

    drive(Refusing(story("rolling").scene), "c", *"web-eu", "enter", check=check)


def test_production_needs_its_name_before_anything_is_sent() -> None:
    def check(app: Cockpit) -> None:
        assert app.screen.query("#confirm")

    assert drive(session("rolling"), "c", "enter", *"web-us", "enter", check=check).commands == []


def test_a_screen_behind_another_draws_nothing() -> None:
    def check(app: Cockpit) -> None:
        behind, front = app.screen_stack[1], app.screen
        assert isinstance(behind, HomeScreen) and isinstance(front, CockpitScreen)
        assert front.is_current and not behind.is_current

    drive(session("rolling"), check=check)


def test_a_screen_and_a_dialog_begin_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[str] = []
    followed: list[str] = []
    interval, run = CockpitScreen.set_interval, StillSource.run

    def count_ticks(screen: CockpitScreen, every_s: float, *given: Any, **more: Any) -> Timer:
        if every_s == TICK_S:
            ticks.append(type(screen).__name__)
        return interval(screen, every_s, *given, **more)

    async def count_followers(source: StillSource, changed: Callable[[], None]) -> None:
        followed.append(source.scene.scope)
        await run(source, changed)

    monkeypatch.setattr(CockpitScreen, "set_interval", count_ticks)
    monkeypatch.setattr(StillSource, "run", count_followers)
    drive(session("never"), "P", "escape", "s")

    assert ticks == ["HomeScreen", "ScaleSetScreen", "PlanScreen"]
    assert len(followed) == len(ticks) + 1, "the dialog follows too"


def test_replay_leaves_for_the_recording_of_the_chosen_upgrade() -> None:
    async def run() -> Cockpit:
        app = Cockpit(session("rolling"), first_set=KEY)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause(0.1)
            await pilot.press("R")
            await pilot.pause(0.2)
        return app

    left = asyncio.run(run()).return_value

    upgrade = story("rolling").scene.upgrade
    assert left is not None and upgrade is not None
    assert (left.upgrade, left.scale_set) == (upgrade.id, KEY)
    assert left.lines == [f'{{"upgrade":"{upgrade.id}"}}'.encode()]


def test_an_answer_that_is_not_as_expected_spoils_one_screen_only() -> None:
    def check(app: Cockpit) -> None:
        assert isinstance(app.screen, PlanScreen)
        assert app.return_code is None

    broken = StillSession(
        story("never").scene, answers={"plan": {"plan": {"previous": "a:b:c:1", "target": "a:b:c:2"}}}
    )
    drive(broken, "P", check=check)


class SlowSession(StillSession):
    """An engine whose snapshot is on its way until `answer`."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.awaited: list[tuple[StillSource, Scene]] = []

    def source(self, scope: str) -> StillSource:
        found = super().source(scope)
        self.awaited.append((found, found.scene))
        found.scene, found.link = Scene(scope), Link(LinkState.CONNECTING)
        return found

    def answer(self) -> None:
        for source, scene in self.awaited:
            source.become(scene)


def test_what_failed_is_chosen_and_counted_once_the_engine_has_answered() -> None:
    async def run() -> tuple[str, str]:
        whole = session("faulted")
        slow = SlowSession(*whole._scenes.values(), answers=whole._answers)
        app = Cockpit(slow)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.1)
            app.push_screen(ErrorsScreen(KEY))
            await pilot.pause(0.3)
            slow.answer()
            await pilot.pause(0.5)
            screen = cast("ErrorsScreen", app.screen)
            chosen = screen.chosen()
            assert chosen is not None
            return "".join(piece.text for piece in screen.header()[0]), chosen.code

    header, code = asyncio.run(run())

    assert "1 run with errors" in header
    assert code == "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"


@pytest.mark.parametrize(("tabs", "front"), ((0, "#cells"), (1, "#panel"), (2, "#events")))
def test_a_panel_over_the_whole_screen_leaves_its_edges_and_goes_with_the_tab(tabs: int, front: str) -> None:
    async def run() -> None:
        app = Cockpit(session("rolling"), first_set=KEY)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.1)
            await pilot.press(*["tab"] * tabs, "plus")
            await pilot.pause(0.1)
            shown = [f"#{w.id}" for w in app.screen.query("#cells, #panel, #events") if w.region.area]
            assert shown == [front]
            assert app.screen.query_one(front).region.width == app.size.width
            assert app.screen.query_one("#foot").region.bottom == app.size.height
            await pilot.press("right_square_bracket", "left_square_bracket")
            await pilot.pause(0.1)
            assert all(w.region.area for w in app.screen.query("#cells, #panel, #events"))

    asyncio.run(run())
