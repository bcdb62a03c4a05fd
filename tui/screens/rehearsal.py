"""A rehearsal asked for in the plan's screen: what goes wrong in it, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.screen import ModalScreen

from tui.plain.rehearsal import rehearsal_lines
from tui.screens.prompt import Prompt
from tui.screens.raw import RawSheet

NOTHING = "nothing"


class RehearsalSheet(RawSheet):
    """The answer of the query `rehearse`, as `rollset rehearse` shows it."""

    def __init__(self, rehearsal: Mapping[str, Any]) -> None:
        ModalScreen.__init__(self)
        self._title = "rehearsal"
        self.text = "\n".join(rehearsal_lines(rehearsal))


def what_goes_wrong() -> Prompt:
    """Asks what is made to go wrong; ends with None when nothing is to be rehearsed."""
    words = (
        "3,7  10%  zone=1: never healthy on the new version",
        "3,7@5m  zone=1@5m: unreachable from then on",
        "engine=90s  engine=90s@5m: no engine for so long",
        "several with ; between them",
    )
    return Prompt("Rehearse this plan on a twin. What goes wrong?", words, "10%; engine=90s", NOTHING)


def injected(typed: str) -> dict[str, str]:
    """What was typed, as the engine takes it."""
    return {} if typed == NOTHING else {"inject": typed}
