"""The report of one run; `w` saves it as Markdown or JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from tui.glyphs import UPGRADE_SIGNS
from tui.palette import Line, Meaning, Piece
from tui.report import Report, report_document
from tui.report_text import markdown
from tui.screens.report_lines import report_lines
from tui.screens.run_screen import RunScreen
from tui.subject import Subject


class ReportScreen(RunScreen):
    """One run, from `scope` (its set, or overview)."""

    HELP_TITLE = "Report of a run"

    def __init__(self, scope: str, run: str) -> None:
        super().__init__(scope, (run,))

    @property
    def report(self) -> Report | None:
        """The report, None while it is read."""
        return self.reports[0] if self.reports else None

    def header(self) -> list[Line]:
        """Which run, from where to where, how it stands."""
        report, glyphs = self.report, self.cockpit.glyphs
        if report is None:
            return [(Piece(f" {self.runs[0]}", Meaning.TITLE),)]
        sign = next(sign for state, sign in UPGRADE_SIGNS.items() if state.value == report.state)
        old, new = report.previous.rpartition(":")[2], report.target.rpartition(":")[2]
        return [
            (
                Piece(f" {report.scale_set}", Meaning.TITLE),
                Piece(f"  {old} {glyphs.arrow} {new}  "),
                Piece(f"{glyphs.of(sign)} {sign.word}", sign.meaning, bold=True),
                Piece(f"  {report.id}", Meaning.MUTED),
            )
        ]

    def subject(self) -> Subject:
        """The run's set and the run."""
        bare, seen = self.bare_subject(), self.scene.history.get(self.runs[0])
        row = self.scene.sets.get(seen.upgrade.scale_set) if seen is not None else None
        if row is None or seen is None:
            return bare
        return replace(bare, scale_set=row.scale_set, upgrade=seen.upgrade)

    def lines(self, width: int) -> list[Line]:
        """The whole report."""
        report = self.report
        if report is None:
            return []
        return report_lines(report, self.cockpit.clocks, self.cockpit.glyphs, width, self.source.now().at)

    def do_save(self) -> None:
        """Ask for a file name."""
        report, now_at = self.report, self.source.now().at
        if report is None:
            self.cockpit.say("there is no report yet", bad=True)
            return

        def text_for(name: str) -> str:
            if name.lower().endswith(".json"):
                return json.dumps(report_document(report), indent=2, ensure_ascii=False) + "\n"
            return markdown(report, now_at)

        words = "A name that ends in .json gets JSON, any other Markdown."
        self.cockpit.ask_where_to_save("Save this report", words, f"{report.id}.md", text_for)

    def do_raw(self) -> None:
        """The report as JSON."""
        from tui.screens.raw import RawSheet

        report = self.report
        if report is not None:
            self.cockpit.push_screen(RawSheet(f"report of {report.id}", report_document(report)))

    def do_copy(self) -> None:
        """The report as Markdown."""
        report = self.report
        if report is not None:
            self.cockpit.copy_text(markdown(report, self.source.now().at))
