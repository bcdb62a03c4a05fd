"""`!`: asked once, it halts everything; every header says so, live and in recordings, until it is lifted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from engine.model import events as e
from engine.model.errors import RefusedError
from engine.model.halt import Halt
from engine.wire.events import recorded_to_dict
from tests.snapshots.moments import KEY, story
from tests.snapshots.still import StillSession
from tests.snapshots.story import FACTS
from tests.snapshots.test_home import everything, halted
from tests.unit.tui.test_keys_that_cannot_act import press, shown
from tui.app import Cockpit
from tui.recording import RecordedSession
from tui.scene import Scene, fold
from tui.screens.cockpit_screen import CockpitScreen

FIRE = Halt("ana", 1_767_275_000.0, "fire")


def told(seq: int, *events: e.Event) -> list[e.Recorded]:
    return [e.Recorded(seq + n, "engine", n, 5.0 + n, 5.0 + n, 1, "ana", "", event) for n, event in enumerate(events)]


def screens(found: StillSession, *keys: str, size: tuple[int, int] = (80, 24)) -> list[str]:
    """The text of the screen in front at first and after each key."""

    async def run() -> list[str]:
        app = Cockpit(found, first_set=KEY)
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.1)
            texts = [shown(app)]
            for key in keys:
                await pilot.press(key)
                await pilot.pause(0.1)
                assert isinstance(app.screen, CockpitScreen), key
                texts.append(shown(app))
            return texts

    return asyncio.run(run())


def test_a_halt_is_folded_from_its_events() -> None:
    scene = fold(Scene(""), FACTS)
    began, ended = told(7, e.HaltBegan(FIRE), e.HaltEnded("bo", "it is out"))

    scene = fold(scene, began)
    assert (scene.halt, scene.feed[-1].words) == (
        FIRE,
        "everything halted by ana: fire; nothing begins or goes on forward",
    )
    assert fold(scene, ended).halt is None
    assert fold(Scene(""), began).halt is None, "nothing is known of the engine"


def test_it_is_asked_once_and_the_reason_goes_with_it() -> None:
    found = StillSession(everything())

    said, _, _ = press(found, "exclamation_mark", *"fire", "enter")

    assert found.commands == [("halt", {"reason": "fire"})] and said == ["halt accepted"]
    quiet = StillSession(everything())
    press(quiet, "exclamation_mark", "enter")
    assert quiet.commands == [("halt", {})]


def test_the_dialog_says_what_follows_and_names_the_command_line() -> None:
    _, _, dialog = press(StillSession(everything()), "exclamation_mark", *"fire")

    assert "Every live upgrade begins nothing more: web-eu." in dialog
    assert "Until somebody lifts it with a reason, none begins and no" in dialog
    assert "$ rollset halt --reason fire" in dialog


def test_it_can_be_done_while_nothing_rolls_and_from_the_screen_of_a_set() -> None:
    found = StillSession(story("completed").scene)

    _, _, dialog = press(found, "exclamation_mark", first_set=KEY)

    assert "No upgrade rolls now." in dialog and "$ rollset halt" in dialog


def test_while_it_stands_the_key_lifts_it_and_only_with_a_reason() -> None:
    scene = halted(everything())
    found = StillSession(scene)
    assert scene.engine is not None and scene.engine.halt is not None

    _, _, dialog = press(found, "exclamation_mark", "enter")
    assert found.commands == [] and "Say why first: lifting needs a reason." in dialog
    assert "Upgrades may begin again then; web-us stays paused until" in dialog
    assert "$ rollset lift-halt --reason WHY" in dialog

    said, _, _ = press(found, "exclamation_mark", *"out", "enter")
    assert found.commands == [("lift-halt", {"reason": "out", "seen_since_at": scene.engine.halt.since_at})]
    assert said == ["lift-halt accepted"]


def test_a_refusal_stays_in_the_dialog_and_may_be_tried_again() -> None:
    class Refusing(StillSession):
        async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
            await super().command(verb, arguments)
            raise RefusedError("OperationNotAllowed", "nothing is halted.", "See rollset sets.")

    found = Refusing(halted(everything()))

    _, _, dialog = press(found, "exclamation_mark", *"out", "enter", "enter")

    assert len(found.commands) == 2 and "nothing is halted. See rollset sets." in dialog


def test_every_screen_says_who_halted_since_when_and_why() -> None:
    scene = halted(story("rolling").scene)

    texts = screens(StillSession(scene), "l", "escape", "4", "escape", "5", "escape", "3", "escape", "e", "1")

    lines = [[line for line in text.splitlines() if "HALTED by ana since " in line] for text in texts]
    assert [len(found) for found in lines] == [1] * len(texts)
    assert all("burns" in line and line.rstrip().endswith("! lifts it") for (line,) in lines)


def test_a_long_reason_leaves_room_for_the_way_out() -> None:
    text = screens(StillSession(halted(story("rolling").scene, "x" * 500)))[0]

    assert "x…" in text and "! lifts it" in text


@pytest.mark.parametrize("name", ("completed", "faulted"))
def test_a_key_that_would_begin_one_says_why_it_cannot(name: str) -> None:
    said, _, _ = press(StillSession(halted(story(name).scene)), "s", first_set=KEY)

    assert said[0].startswith("start: halted by ana since ") and said[0].endswith("burns); lift that first")


def test_a_recording_shows_it_from_its_event_to_its_end_and_lifts_nothing() -> None:
    lines = list(story("completed").recording)
    at = story("completed").scene.seq
    lines += [json.dumps(recorded_to_dict(x)) for x in told(at + 1, e.HaltBegan(FIRE), e.HaltEnded("bo", "out"))]
    player = RecordedSession("web.jsonl", lines).player

    halts = []
    for position in (player.length - 2, player.length - 1, player.length, player.length - 1):
        player.seek(position)
        halts.append(player.scene.halt)

    assert halts == [None, FIRE, None, FIRE]
    session = RecordedSession("web.jsonl", lines[:-1])
    session.player.seek(session.player.length)
    said, _, _ = press(session, "exclamation_mark")
    assert said == ["halt all: a recording has happened: nothing in it can be changed"]
    assert "HALTED by ana" in shown_once(session) and "lifts it" not in shown_once(session)


def shown_once(session: RecordedSession) -> str:
    async def run() -> str:
        app = Cockpit(session)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.1)
            return shown(app)

    return asyncio.run(run())


def test_of_another_day_the_date_is_told_too() -> None:
    scene = halted(story("rolling").scene)
    assert scene.engine is not None and scene.halt is not None
    older = replace(scene.engine, halt=replace(scene.halt, since_at=scene.now.at - 9 * 86_400))

    assert "HALTED by ana since 20" not in screens(StillSession(scene))[0]
    assert "HALTED by ana since 2025-12-2" in screens(StillSession(replace(scene, engine=older)))[0]
