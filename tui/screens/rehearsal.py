"""A rehearsal asked for in the plan's screen: what goes wrong in it, and how it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from textual.screen import ModalScreen

from engine.model.errors import RollsetError
from tui.palette import Meaning
from tui.plain.rehearsal import rehearsal_lines
from tui.screens.prompt import Prompt
from tui.screens.raw import RawSheet

Rehearse = Callable[[dict[str, str]], Awaitable[dict[str, Any]]]


class RehearsalSheet(RawSheet):
    """The answer of the query `rehearse`, as `rollset rehearse` shows it."""

    def __init__(self, rehearsal: Mapping[str, Any]) -> None:
        ModalScreen.__init__(self)
        self._title = "rehearsal"
        self.text = "\n".join(rehearsal_lines(rehearsal))


class RehearsalPrompt(Prompt):
    """Asks what is made to go wrong; the answer is in `answer` when it ends, None when nothing is to be rehearsed.

    What the engine refuses is told here, and what was typed stays.
    """

    def __init__(self, rehearse: Rehearse) -> None:
        words = (
            "3,7  10%  zone=1: never healthy on the new version",
            "3,7@5m  zone=1@5m: unreachable from then on",
            "engine=90s  engine=90s@5m: no engine for so long",
            "several with ; between them",
        )
        hint = "empty: nothing does; 10%; engine=90s"
        super().__init__("Rehearse this plan on a twin. What goes wrong?", words, hint)
        self._rehearse = rehearse
        self.answer: Mapping[str, Any] | None = None

    def take(self, typed: str) -> None:
        """Rehearse it; another enter begins anew."""
        self.tell("The engine rehearses", Meaning.MUTED)
        self.run_worker(self._ask(typed), group="rehearsal", exclusive=True, exit_on_error=False)

    async def _ask(self, typed: str) -> None:
        try:
            self.answer = await self._rehearse({"inject": typed} if typed else {})
        except RollsetError as error:
            self.tell(error.words)
        else:
            self.dismiss(typed)
