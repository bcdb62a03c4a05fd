"""History: the upgrades of one set or of all, newest first; open one for its report, mark two to compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.model.numbers import many
from engine.model.overview import UpgradeOverview
from engine.wire.recording import OVERVIEW
from tui.cells import fit, width_of
from tui.clocks import short
from tui.glyphs import upgrade_sign
from tui.palette import Line, Meaning, Piece
from tui.screens.list_screen import ListScreen, labelled
from tui.subject import Subject


class HistoryScreen(ListScreen[UpgradeOverview]):
    """`scope` is a set's key, or `overview` for all sets."""

    HELP_TITLE = "History"
    FILTER_HINT = "letters of a set, a version, a state, a code, a person or a reason"
    detail_lines = 5

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.marked: tuple[str, ...] = ()

    def header(self) -> list[Line]:
        """Of what, how many, how they ended."""
        row = self.scene.sets.get(self.scope)
        of = row.scale_set.name if row is not None and self.scope != OVERVIEW else "all scale sets"
        pieces = [Piece(" History", Meaning.TITLE), Piece(f"  {of}"), Piece(f"  {many(len(self._shown), 'upgrade')}")]
        pieces[-1] = Piece(pieces[-1].text, Meaning.MUTED)
        glyphs = self.cockpit.glyphs
        counted: dict[str, tuple[Piece, int]] = {}
        for seen in self._shown:
            sign = upgrade_sign(seen.upgrade)
            _, count = counted.get(sign.word, (Piece(""), 0))
            counted[sign.word] = (Piece(f"  {glyphs.of(sign)} {count + 1:,} {sign.word}", sign.meaning), count + 1)
        pieces += [piece for piece, _ in counted.values()]
        if self.marked:
            pieces.append(Piece(f"  {len(self.marked)} marked", Meaning.ACCENT))
        return [tuple(pieces)]

    def subject(self) -> Subject:
        """The set of the chosen upgrade, and the marked ones."""
        bare, seen = replace(self.bare_subject(), marked_runs=self.marked), self.chosen()
        if seen is None:
            return bare
        row = self.scene.sets.get(seen.upgrade.scale_set)
        return replace(bare, scale_set=row.scale_set if row is not None else None, upgrade=seen.upgrade)

    def entries(self) -> Sequence[UpgradeOverview]:
        found = [
            seen
            for seen in self.scene.history.values()
            if self.scope in (OVERVIEW, seen.upgrade.scale_set, self.scene.scope)
        ]
        wanted = self.letters.casefold()
        found = [seen for seen in found if not wanted or wanted in _searched(seen)]
        return sorted(found, key=lambda seen: (-seen.upgrade.started_at, seen.upgrade.id))

    def key_of(self, entry: UpgradeOverview) -> str:
        return entry.upgrade.id

    def head(self, width: int) -> Line:
        name = fit("SET", _set_width(width)) + " "
        wide = f"{fit('WHO', 10)} " if width >= 100 else ""
        day, change, state = _widths(width)
        counts = f"{fit('TOOK', 6, right=True)} {fit('DONE', 5, right=True)} {fit('BAD', 4, right=True)}"
        text = f"  {fit('BEGAN', day)} {name}{fit('CHANGE', change)} {fit('STATE', state)} {counts}  {wide}WHY"
        return (Piece(text, Meaning.MUTED),)

    def row(self, entry: UpgradeOverview, width: int) -> Line:
        upgrade, counted, glyphs = entry.upgrade, entry.counters, self.cockpit.glyphs
        sign, cut = upgrade_sign(upgrade), glyphs.ellipsis
        day, wide, state = _widths(width)
        change = f"{upgrade.previous_image.version} {glyphs.arrow} {upgrade.target.version}"
        ended = upgrade.ended_at if upgrade.ended_at is not None else self.source.now().at
        failed = counted.failed - entry.rolled_back
        bad = Meaning.BAD if failed else Meaning.OUT
        code = upgrade.error.code if upgrade.error is not None and not upgrade.live else ""
        marked = upgrade.id in self.marked
        return (
            Piece(f"{glyphs.marked} " if marked else "  ", Meaning.ACCENT),
            Piece(self.cockpit.clocks.day(upgrade.started_at)[-day:] + " ", Meaning.MUTED),
            Piece(fit(upgrade.scale_set_name, _set_width(width), cut) + " ", Meaning.TITLE),
            Piece(fit(change, wide, cut) + " "),
            Piece(fit(f"{glyphs.of(sign)} {sign.word}", state, cut) + " ", sign.meaning),
            Piece(fit(short(ended - upgrade.started_at), 6, right=True) + " ", Meaning.MUTED),
            Piece(fit(f"{counted.successful:,}", 5, right=True) + " "),
            Piece(fit(f"{failed:,}", 4, right=True) + "  ", bad),
            *((Piece(fit(upgrade.actor, 10, cut) + " ", Meaning.MUTED),) if width >= 100 else ()),
            Piece(f"{upgrade.roll_back_words}  " if upgrade.roll_back_words else "", Meaning.BACK),
            Piece(code or upgrade.reason, Meaning.BAD if code else Meaning.MUTED),
        )

    def detail(self, entry: UpgradeOverview, width: int) -> list[Line]:
        """Who and why; how it ended."""
        upgrade = entry.upgrade
        first: Line = (
            Piece(f" {upgrade.id}", Meaning.TITLE),
            Piece(f"  by {upgrade.actor}, {self.cockpit.clocks.moment(upgrade.started_at)}", Meaning.MUTED),
        )
        linked = upgrade.roll_back_words or (f"continues {upgrade.continues}" if upgrade.continues else "")
        after = f"  {linked}" if linked else ""
        if after and width_of(first) + len(after) <= width:
            first = (*first, Piece(after, Meaning.MUTED))
        found = [first, *labelled("why", upgrade.reason or "no reason given", width)]
        if upgrade.error is not None:
            words = f"{upgrade.error.code}: {upgrade.error.message}"
            found += labelled("notice" if upgrade.live else "ended by", words, width, Meaning.BAD)
        return found

    def nothing(self) -> list[Line]:
        if self.scope == OVERVIEW:
            return [
                (Piece("  No upgrade was started yet.", Meaning.TITLE),),
                (),
                (Piece("  s on a scale set plans and starts one.", Meaning.MUTED),),
            ]
        return [(Piece("  It was never upgraded.", Meaning.MUTED),)]

    def do_open(self) -> None:
        """The report of the chosen upgrade."""
        from tui.screens.report import ReportScreen

        seen = self.chosen()
        if seen is not None:
            self.cockpit.push_screen(ReportScreen(self.scope, seen.upgrade.id))

    def do_mark(self) -> None:
        """Mark it, or unmark it; the last two marked stay."""
        seen = self.chosen()
        if seen is None:
            return
        name = seen.upgrade.id
        self.marked = tuple(x for x in self.marked if x != name) if name in self.marked else (*self.marked[-1:], name)
        self.paint_now()

    def do_compare(self) -> None:
        """The two marked, side by side; the older one first."""
        from tui.screens.compare import CompareScreen

        known = [self.scene.history[name].upgrade for name in self.marked if name in self.scene.history]
        if len(known) == 2:
            first, second = sorted(known, key=lambda upgrade: upgrade.started_at)
            self.cockpit.push_screen(CompareScreen(self.scope, first.id, second.id))

    def do_raw(self) -> None:
        """The chosen upgrade as JSON, from afar."""
        from tui.screens.raw import RawSheet

        seen = self.chosen()
        if seen is not None:
            self.cockpit.push_screen(RawSheet(f"upgrade {seen.upgrade.id}", seen.upgrade))

    def do_copy(self) -> None:
        """The id of the chosen upgrade."""
        seen = self.chosen()
        if seen is not None:
            self.cockpit.copy_text(seen.upgrade.id)


def _widths(width: int) -> tuple[int, int, int]:
    """Of the columns began (without the year where it is narrow), change and state."""
    return (16, 16, 16) if width >= 100 else (11, 15, 13)


def _set_width(width: int) -> int:
    return 10 if width < 100 else 18


def _searched(seen: UpgradeOverview) -> str:
    upgrade = seen.upgrade
    code = upgrade.error.code if upgrade.error is not None else ""
    return (
        f"{upgrade.id} {upgrade.scale_set_name} {upgrade.previous_image.version} {upgrade.target} "
        f"{upgrade.state.value} {code} {upgrade.roll_back_words} {upgrade.actor} {upgrade.reason}"
    ).casefold()
