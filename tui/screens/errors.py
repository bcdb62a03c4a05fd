"""Errors: what failed in a set's runs, by code and cause, and what every code means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.model.code_catalogue import CATALOGUE
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.wire.recording import OVERVIEW
from tui.cells import fit
from tui.palette import Line, Meaning, Piece
from tui.screens.error_pages import Case, ErrorPage, cases_of, page_lines
from tui.screens.list_screen import ListScreen
from tui.subject import Subject

RUNS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A code, in a run (`case`) or out of the catalogue; `title` alone is a heading."""

    code: str = ""
    case: Case | None = None
    title: str = ""


class ErrorsScreen(ListScreen[Entry]):
    """`scope` is a set's key; in `overview` the codes of all sets' last runs are listed."""

    HELP_TITLE = "Errors"
    FILTER_HINT = "the beginning of a code, or letters of what it is about"
    beside = True

    _by_hand = False

    def cursor_moved(self) -> None:
        self._by_hand = True

    def choose(self, key: str) -> None:
        super().choose(key)
        self._by_hand = True

    def paint(self) -> None:
        """Until somebody moves it the cursor stands on the newest run's own code, also on one that comes meanwhile."""
        own = next((entry for entry in self.entries() if entry.case is not None), None)
        if own is not None and not self._by_hand and not self.letters:
            super().choose(self.key_of(own))
        super().paint()

    def header(self) -> list[Line]:
        """Of which set, how many runs and instances."""
        own = self._set()
        name = own.name if own is not None and self.scope != OVERVIEW else "all scale sets"
        cases = [entry.case for entry in self._shown if entry.case is not None]
        bad = sum(case.instances for case in cases if not case.message)
        words = f"  {many(len({case.run for case in cases}), 'run')} with errors" if cases else "  no errors"
        more = f", {many(bad, 'failed instance')}" if bad else ""
        return [
            (
                Piece(" Errors", Meaning.TITLE),
                Piece(f"  {name}"),
                Piece(words + more, Meaning.BAD if cases else Meaning.GOOD),
            )
        ]

    def _set(self) -> ScaleSet | None:
        row = self.scene.sets.get(self.scope)
        return self.scale_set or (row.scale_set if row is not None else None)

    def _run(self, name: str) -> Upgrade | None:
        seen = self.scene.history.get(name)
        return self.scene.upgrades.get(name) or (seen.upgrade if seen is not None else None)

    def subject(self) -> Subject:
        """The set, with its last run."""
        return replace(self.bare_subject(), scale_set=self._set(), upgrade=self.scene.upgrade)

    def entries(self) -> Sequence[Entry]:
        cases = [Entry(case.code, case) for run in self._runs() for case in cases_of(run)]
        if self.letters:
            wanted = self.letters.casefold()
            begin = [e for e in _catalogue() if e.code.casefold().startswith(wanted)]
            rest = [e for e in _catalogue() if e not in begin and wanted in f"{e.code} {e.title}".casefold()]
            own = [e for e in cases if wanted in e.code.casefold()]
            return [*own, *begin, *rest]
        head = [Entry(title="in its runs" if self.scope != OVERVIEW else "in the last runs"), *cases] if cases else []
        return [*head, Entry(title="every code"), *_catalogue()]

    def _runs(self) -> list[Upgrade]:
        found = sorted(self.scene.history.values(), key=lambda seen: -seen.upgrade.started_at)
        if self.scope == OVERVIEW:
            last = {row.upgrade.upgrade.id for row in self.scene.sets.values() if row.upgrade is not None}
            found = [seen for seen in found if seen.upgrade.id in last]
        runs = [self._run(seen.upgrade.id) for seen in found[:RUNS_SHOWN]]
        return [run for run in runs if run is not None]

    def key_of(self, entry: Entry) -> str:
        return f"{entry.case.run if entry.case is not None else ''} {entry.code}" if entry.code else ""

    def row(self, entry: Entry, width: int) -> Line:
        glyphs = self.cockpit.glyphs
        if not entry.code:
            rule = glyphs.rule * max(0, width - len(entry.title) - 4)
            return (Piece(f" {entry.title} ", Meaning.MUTED), Piece(rule, Meaning.FAINT))
        if entry.case is None:
            return (Piece("   "), Piece(_short(entry.code, width - 4, glyphs.ellipsis)))
        count = f"{entry.case.instances:,}" if entry.case.instances else ""
        sign = glyphs.pick("✗", "X") if entry.case.message else glyphs.dot
        return (
            Piece(f" {sign} ", Meaning.BAD),
            Piece(fit(_short(entry.code, width - 9, glyphs.ellipsis), width - 9) + " ", Meaning.TITLE),
            Piece(fit(count, 4, right=True), Meaning.BAD),
        )

    def detail(self, entry: Entry, width: int) -> list[Line]:
        """The page of the code."""
        case = entry.case
        run = self._run(case.run) if case is not None else None
        own = self._set()
        if run is not None and (own is None or own.key != run.scale_set):
            row = self.scene.sets.get(run.scale_set)
            own = row.scale_set if row is not None else None
        lines = page_lines(ErrorPage(entry.code, case, own if case else None, run, self.cockpit.glyphs, width))
        if case is not None:
            name = own.name if own is not None else ""
            lines.insert(1, (Piece(f" {name}  {case.run}  to {case.target}", Meaning.MUTED),))
        return lines

    def nothing(self) -> list[Line]:
        return [(Piece("  No code begins so.", Meaning.MUTED),)]

    def do_open(self) -> None:
        """To the page, to scroll it; on the page back to the list."""
        front = self.query_one("#list").has_focus
        self.query_one("#detail" if front else "#list").focus()

    def do_copy(self) -> None:
        """The chosen code's page as text."""
        entry = self.chosen()
        if entry is not None:
            lines = self.detail(entry, 100)
            self.cockpit.copy_text("\n".join("".join(piece.text for piece in line).rstrip() for line in lines))


def _catalogue() -> list[Entry]:
    return [Entry(entry.code.value, None, entry.title) for entry in CATALOGUE.values()]


def _short(code: str, width: int, cut: str) -> str:
    """A code in one line: its end tells more than its middle."""
    if len(code) <= width:
        return code
    last = width // 2 + 1  # where Before and In stand
    return code[: max(0, width - last - 1)] + cut + code[len(code) - last :]
