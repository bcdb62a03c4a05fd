"""What screens about runs share: the answers to `run` are read anew when something turned, and told when not there."""

from __future__ import annotations

import time
from collections.abc import Sequence

from textual.app import ComposeResult

from engine.model.errors import RollsetError
from tui.cells import wrap
from tui.palette import Line, Meaning, Piece
from tui.report import Report, report_of
from tui.screens.cockpit_screen import CockpitScreen
from tui.widgets.rows import Rows

READ_EVERY_S = 2.0


class RunScreen(CockpitScreen):
    """A screen on the reports of some runs, drawn as lines; a subclass gives `lines`."""

    CSS_PATH = "run_screen.tcss"

    def __init__(self, scope: str, runs: Sequence[str]) -> None:
        super().__init__(scope)
        self.runs = tuple(runs)
        self.reports: tuple[Report, ...] = ()
        self.trouble = ""
        self._read_seq = -1
        self._read_at = 0.0

    def lines(self, width: int) -> list[Line]:
        """All of it, from `self.reports`."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """One page."""
        yield Rows(id="page")

    def on_mount(self) -> None:
        """The page has the focus."""
        self.query_one("#page").focus()

    def paint(self) -> None:
        """The page; what it is made of is read anew when the runs may have moved on."""
        self._read()
        page = self.query_one("#page", Rows)
        if self.reports:
            page.show_lines(self.lines(page.wide))
        else:
            words, meaning = (self.trouble, Meaning.BAD) if self.trouble else ("Reading", Meaning.MUTED)
            page.show_lines([(), *((Piece(f"  {line}", meaning),) for line in wrap(words, page.wide - 4))])

    def _read(self) -> None:
        seq = self.scene.seq
        moving = not self.reports or any(report.live for report in self.reports) or not self.cockpit.session.live
        if seq == self._read_seq or not moving or not seq:
            return
        if self.cockpit.session.live and time.monotonic() - self._read_at < READ_EVERY_S:
            return
        self._read_seq, self._read_at = seq, time.monotonic()
        self.run_worker(self._ask(), group="run", exclusive=True, exit_on_error=False)

    async def _ask(self) -> None:
        session = self.cockpit.session
        try:
            self.reports = tuple([report_of(await session.query("run", {"id": run})) for run in self.runs])
            self.trouble = ""
        except RollsetError as error:
            self.reports, self.trouble = (), error.words
        self.changed()
