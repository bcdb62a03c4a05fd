"""E on the plan's screen: what is asked of the engine, and the sheet that shows the answer."""

from __future__ import annotations

from typing import Any

from textual.widgets import Input

from engine.model.errors import InputError
from tests.snapshots.still import StillSession
from tests.snapshots.test_plan import small
from tests.unit.tui.test_cli_rehearsing import REHEARSAL
from tests.unit.tui.test_cockpit_keys import drive
from tests.unit.tui.test_keys_that_cannot_act import shown
from tui.app import Cockpit
from tui.screens.rehearsal import RehearsalPrompt, RehearsalSheet


class AskedSession(StillSession):
    """Remembers what `rehearse` was asked."""

    def __init__(self, answer: Any) -> None:
        found = small()
        super().__init__(found.source("").scene, answers={**found._answers, "rehearse": answer})
        self.asked: list[dict[str, Any]] = []

    async def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if what == "rehearse":
            self.asked.append(arguments)
        return await super().query(what, arguments)


def test_what_goes_wrong_is_asked_for_and_the_answer_is_shown() -> None:
    def check(app: Cockpit) -> None:
        assert isinstance(app.screen, RehearsalSheet)
        assert "ends Faulted after 6m01s" in app.screen.text
        assert "\x1b" not in app.screen.text

    found = AskedSession({"rehearsal": REHEARSAL})
    drive(found, "P", "E", *"10%", "enter", check=check)
    ((asked),) = found.asked
    assert asked["inject"] == "10%"
    assert "to" not in asked, "what the model names, as on the command line"


def test_nothing_may_go_wrong_and_escape_asks_nothing() -> None:
    found = AskedSession({"rehearsal": REHEARSAL})
    drive(found, "P", "E", "enter")
    assert ["inject" in asked for asked in found.asked] == [False]
    left = AskedSession({"rehearsal": REHEARSAL})
    drive(left, "P", "E", "escape")
    assert left.asked == []


def test_a_refusal_is_said_in_the_dialog_and_what_was_typed_stays() -> None:
    def check(app: Cockpit) -> None:
        assert isinstance(app.screen, RehearsalPrompt)
        assert app.screen.query_one(Input).value == "99"
        assert "web-eu has no 99." in shown(app)

    drive(
        AskedSession(InputError("InvalidParameter", "web-eu has no 99.", "See its instances.")),
        "P",
        "E",
        *"99",
        "enter",
        check=check,
    )
