"""`!`: halt everything, asked once; while a halt stands, lift it with a reason."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from engine.model.errors import RollsetError
from engine.model.halt import Halt
from engine.model.numbers import some_of
from engine.model.upgrade import HoldKind, Upgrade
from tui.cells import wrap
from tui.palette import Line, Meaning, Piece
from tui.widgets.field import Field
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import Cockpit

WIDE = 64
NAMED = 10
KEYS = " enter does it, esc leaves it "
UNSAID = "Say why first: lifting needs a reason."


class HaltDialog(ModalScreen[None]):
    """Says what would happen and sends it. `stands` is the halt that stands, `live` the upgrades it is about."""

    CSS_PATH = "halt_dialog.tcss"
    AUTO_FOCUS = "#reason"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "leave", "leave it", show=False),
        Binding("enter", "act", "do it", show=False),
    ]

    def __init__(self, stands: Halt | None, live: Sequence[Upgrade]) -> None:
        super().__init__()
        self._stands = stands
        self._live = live
        self._trouble = ""
        self._busy = False

    @property
    def _cockpit(self) -> Cockpit:
        return cast("Cockpit", self.app)

    @property
    def _verb(self) -> str:
        return "halt" if self._stands is None else "lift-halt"

    def compose(self) -> ComposeResult:
        """What it does, why, and the command line that does the same."""
        with Vertical(id="dialog"):
            yield Rows(id="effect", focusable=False)
            yield Field("why", "reason", "kept in the audit trail")
            yield Rows(id="outcome", focusable=False)

    def on_mount(self) -> None:
        """Draw it."""
        self.query_one("#dialog").border_subtitle = KEYS
        for rows in self.query(Rows):
            rows.use(self._cockpit.dialog_palette, ascii=self._cockpit.glyphs.ascii)
        self._draw()

    def _draw(self) -> None:
        said = _halting(self._live) if self._stands is None else self._lifting(self._stands)
        title = "Halt everything" if self._stands is None else "Lift the halt"
        effect: list[Line] = [(Piece(title, Meaning.TITLE),), ()]
        for words in said:
            effect += [*((Piece(line),) for line in wrap(words, WIDE)), ()]
        outcome: list[Line] = [()]
        if self._trouble:
            outcome += [*((Piece(line, Meaning.BAD),) for line in wrap(self._trouble, WIDE)), ()]
        outcome += [(Piece(line, Meaning.ACCENT),) for line in wrap(f"$ {self._command_line()}", WIDE)]
        for name, lines in (("#effect", effect), ("#outcome", outcome)):
            rows = self.query_one(name, Rows)
            rows.styles.height = len(lines)
            rows.show_lines(lines)

    def _lifting(self, stands: Halt) -> Iterator[str]:
        since = self._cockpit.clocks.moment(stands.since_at)
        yield f"Halted by {stands.by} since {since}: {stands.reason or 'no reason given'}."
        paused = [u.scale_set_name for u in self._live if HoldKind.OPERATOR in u.holds]
        stay = (
            f"; {some_of(paused, NAMED)} {'stays' if len(paused) == 1 else 'stay'} paused until resumed"
            if paused
            else ""
        )
        yield f"Upgrades may begin again then{stay}."

    def _reason(self) -> str:
        return self.query_one("#reason", Input).value.strip()

    def _command_line(self) -> str:
        why = shlex.quote(self._reason()) if self._reason() else "WHY" if self._stands is not None else ""
        return f"rollset {self._verb}" + (f" --reason {why}" if why else "")

    @on(Input.Changed)
    def _typed(self) -> None:
        self._trouble = ""
        self._draw()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_act()

    def action_leave(self) -> None:
        """Nothing happens."""
        self.dismiss(None)

    def action_act(self) -> None:
        """Send it, once."""
        if self._stands is not None and not self._reason():
            self._trouble = UNSAID
            self._draw()
        elif not self._busy:
            self._busy = True
            self.run_worker(self._send(), group="send", exit_on_error=False)

    async def _send(self) -> None:
        given: dict[str, object] = {"reason": self._reason()} if self._reason() else {}
        if self._stands is not None:
            given["seen_since_at"] = self._stands.since_at
        try:
            answer = await self._cockpit.session.command(self._verb, given)
        except RollsetError as error:
            self._trouble, self._busy = error.words, False
            self._draw()
        else:
            self._cockpit.say(str(answer["message"]))
            self.dismiss(None)


def _halting(live: Sequence[Upgrade]) -> Iterator[str]:
    names = [upgrade.scale_set_name for upgrade in live]
    yield f"Every live upgrade begins nothing more: {some_of(names, NAMED)}." if names else "No upgrade rolls now."
    yield (
        "Until somebody lifts it with a reason, none begins and no paused one goes on forward, whoever asks. "
        "Any may still be rolled back, a live one cancelled."
    )
