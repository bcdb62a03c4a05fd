"""Pictures of names and words in letters two cells wide, and of text that would do harm to a terminal."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from engine.model.commands import Verb
from tests.snapshots.conftest import Picture
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story, batch_runs, key_of, scale_set

KEY = key_of("결제-서비스")
HARM = "\x1b]0;owned\x07\x1b[2J[red]bold[/red] \u202egnp.exe\u202c end"


@cache
def korean() -> Story:
    """A set in Seoul; who paused it gave a reason that no terminal should obey."""
    found = Story(scale_set("결제-서비스", 24, "koreacentral", production=True))
    found.start("지민", "긴급 보안 패치 적용")
    found.until(batch_runs(2, 3))
    found.command(Verb.PAUSE, "은주", HARM)
    found.look()
    return found


def session() -> StillSession:
    found = korean()
    row = next(iter(found.scene.sets.values()))
    other = replace(row, scale_set=replace(row.scale_set, name="결제-정산-야간배치-운영", key="/other", tags={}))
    scene = replace(found.scene, sets={**found.scene.sets, "/other": other})
    return StillSession(scene, answers={"plan": {"plan": found.plan()}}, events=found.events)


def test_in_the_list_of_sets(picture: Picture) -> None:
    assert picture(session())


def test_on_the_screen_of_a_set(picture: Picture) -> None:
    assert picture(session(), first_set=KEY)


def test_in_a_dialog(picture: Picture) -> None:
    assert picture(session(), "u", *"결제-서", "tab", *"재개합니다", first_set=KEY)


def test_in_history_and_events(picture: Picture) -> None:
    assert picture(session(), "h", first_set=KEY)


def test_in_the_feed(picture: Picture) -> None:
    assert picture(session(), "l", first_set=KEY)


def test_in_the_audit_trail(picture: Picture) -> None:
    assert picture(session(), "5", first_set=KEY)
