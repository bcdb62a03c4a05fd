"""Scale sets: a row a set, what is moving, what it waits for, what broke."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from engine.model.counters import pending_word
from engine.model.overview import SetOverview
from tui.cells import first_lines
from tui.clocks import short
from tui.palette import Line, Meaning, Piece
from tui.screens.acting import ActingScreen
from tui.screens.filtered import FilteredScreen
from tui.screens.home_rows import (
    GROUPS,
    NARROW,
    Entry,
    arrange,
    columns,
    entry_line,
    head_line,
    latest_line,
    sorts,
    totals_line,
)
from tui.screens.set_header import production_tag
from tui.subject import Subject
from tui.upgrade_words import batches, blocked_by, ended_words, eta, waits_for
from tui.widgets.rows import Rows

DETAIL_LINES, DETAIL_LINES_LOW = 7, 4
"""Of the chosen set below the list, on a high screen and on a low one."""
HIGH, EDGE_LINES = 30, 5
OPERATORS_NAMED, LEAST_LATEST = 4, 4
EMPTY = (
    ("No scale sets yet.", Meaning.TITLE),
    ("", Meaning.TEXT),
    ("Try it at once, with real processes on this machine:", Meaning.MUTED),
    ("    rollset demo", Meaning.ACCENT),
    ("", Meaning.TEXT),
    ("Or make your own, from an ARM template or a scale set's JSON:", Meaning.MUTED),
    ("    rollset image publish FOLDER --as publisher:offer:sku:1.0.0", Meaning.ACCENT),
    ("    rollset apply scale-set.json", Meaning.ACCENT),
    ("", Meaning.TEXT),
    ("They appear here as soon as they are there.", Meaning.MUTED),
)


class HomeScreen(ActingScreen, FilteredScreen):
    """All scale sets from afar."""

    CSS_PATH = "home.tcss"
    HELP_TITLE = "Scale sets"
    FILTERED = "#sets"
    FILTER_HINT = "letters of a name, a region, a resource group or a tag"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (HIGH, "-high")]

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self._sort = "name"
        self._group = ""
        self._entries: list[Entry] = []
        self._chosen = ""

    def body(self) -> ComposeResult:
        """Column names, the list, the filter, what is known of the chosen one."""
        yield Rows(id="columns", focusable=False)
        yield Rows(has_cursor=True, id="sets")
        yield self.filter_box()
        yield Rows(id="detail", focusable=False)
        yield Rows(id="latest", follows_end=True)

    def header(self) -> list[Line]:
        """Who and where; then the totals."""
        return [self._who(), totals_line(list(self.scene.sets.values()), self.cockpit.glyphs, self.size.width)]

    def _who(self) -> Line:
        engine, now = self.scene.engine, self.source.now()
        up = f"   engine up {short(now.at - engine.started_at)}" if engine is not None else ""
        return (
            Piece(" rollset", Meaning.TITLE),
            Piece(f"  {self.cockpit.session.place}", Meaning.TEXT),
            Piece(up, Meaning.MUTED),
            Piece(self._operators(), Meaning.MUTED),
        )

    def _operators(self) -> str:
        users = sorted({one.user for one in self.scene.present})
        if len(users) < 2:
            return ""
        names = f": {', '.join(users)}" if len(users) <= OPERATORS_NAMED and self.size.width >= 100 else ""
        return f"   {len(users)} operators{names}"

    def paint(self) -> None:
        """The list as it is now; the cursor stays on its set."""
        scene, now, glyphs = self.scene, self.source.now(), self.cockpit.glyphs
        rows = self.query_one("#sets", Rows)
        width = rows.wide
        self._remember(rows)
        self._entries = arrange(scene.sets.values(), self.letters, self._sort, self._group)
        at = columns(width, scene.sets.values())
        some = bool(self._entries)
        self.query_one("#columns", Rows).show_lines([head_line(at, self._sort, glyphs)] if some else [])
        rows.has_cursor = some
        if some:
            entries, marked = self._entries, self.cockpit.marked_sets
            rows.show(
                len(entries),
                lambda y, wide: entry_line(entries[y], at, now, glyphs, marked=_key(entries[y]) in marked, width=wide),
            )
            self._keep_chosen(rows)
        else:
            rows.show_lines(self._nothing())
        detail = self.query_one("#detail", Rows)
        detail.styles.height = self._detail_lines()
        detail.show_lines(self._detail(width))
        latest, feed = self.query_one("#latest", Rows), scene.feed if some else ()
        latest.styles.height = lines = self._latest_lines()
        latest.display = some and lines > 0
        latest.show(len(feed), lambda y, wide: latest_line(feed[y], scene, self.cockpit.clocks, glyphs, wide))

    def _nothing(self) -> list[Line]:
        invitation: list[Line] = [(Piece(f"  {text}", meaning),) for text, meaning in EMPTY]
        return [(), *(self.why_empty(self.size.width) or invitation)]

    def _remember(self, rows: Rows) -> None:
        """The cursor says which set is chosen; lines may come and go under it."""
        if rows.has_cursor and rows.cursor < len(self._entries):
            self._chosen = _key(self._entries[rows.cursor]) or self._chosen

    def _keep_chosen(self, rows: Rows) -> None:
        keys = [_key(entry) for entry in self._entries]
        if self._chosen in keys:
            rows.move_to(keys.index(self._chosen))
        elif not keys[rows.cursor]:
            rows.move_to(next((n for n, key in enumerate(keys) if key), 0))

    def chosen(self) -> SetOverview | None:
        """The set under the cursor."""
        at = self.query_one("#sets", Rows).cursor
        entry = self._entries[at] if at < len(self._entries) else None
        return entry if isinstance(entry, SetOverview) else None

    def subject(self) -> Subject:
        """The set that is marked, else the one under the cursor, with its upgrade from afar."""
        marked = tuple(sorted(self.cockpit.marked_sets & self.scene.sets.keys()))
        bare = replace(self.bare_subject(), marked_sets=marked)
        row = self.scene.sets[marked[0]] if len(marked) == 1 else self.chosen()
        if row is None:
            return bare
        return replace(bare, scale_set=row.scale_set, upgrade=row.upgrade.upgrade if row.upgrade is not None else None)

    def _detail_lines(self) -> int:
        """More where the screen is high, or the list leaves room."""
        room = self._room() - len(self._entries)
        return DETAIL_LINES if self.size.height >= HIGH or room >= DETAIL_LINES else DETAIL_LINES_LOW

    def _room(self) -> int:
        """Lines for the list and what is below it."""
        return self.size.height - EDGE_LINES - len(self.halt_lines())

    def _latest_lines(self) -> int:
        """A third of a high screen, and what a short list leaves of any up to a half; none where that is little."""
        height = self.size.height
        left = self._room() - len(self._entries) - self._detail_lines() - 2
        if height < HIGH:
            return left if left >= LEAST_LATEST else 0
        return max(min(16, height * 35 // 100), min(height // 2, left))

    def _detail(self, width: int) -> list[Line]:
        row, glyphs, now = self.chosen(), self.cockpit.glyphs, self.source.now()
        rule: Line = (Piece(" " + glyphs.rule * max(0, width - 2), Meaning.FAINT),)
        if row is None:
            return []
        first: Line = (
            Piece(f" {row.scale_set.name}", Meaning.TITLE),
            Piece(f"  {row.scale_set.location}", Meaning.MUTED),
            *production_tag(row.scale_set),
        )
        if row.upgrade is None:
            return [rule, (*first, Piece("  never upgraded", Meaning.MUTED))]
        upgrade = row.upgrade.upgrade
        number, total = batches(upgrade)
        pending = pending_word(upgrade.takes_pending)
        counts, beside = row.upgrade.counters, upgrade.live and width >= NARROW  # a narrow list says the same
        first = (
            *first,
            Piece(f"  {ended_words(row.upgrade)}, "),
            Piece(f"{counts.in_progress} in progress, {row.upgrade.to_go} {pending}"),
            *((Piece(f"  batch {number} of {total}  {eta(upgrade.outlook, now)}", Meaning.MUTED),) if beside else ()),
        )
        label, why = waits_for(upgrade, now) if upgrade.live else ("", blocked_by(upgrade, now))
        lines = first_lines(f"{label} {why}".strip(), width - 3, self._detail_lines() - 2) if why else []
        meaning = Meaning.PROBING if upgrade.live else Meaning.BAD
        return [rule, first, *((Piece(f" {line}", meaning),) for line in lines)]

    # --- what its keys do ---

    @on(Rows.Moved, "#sets")
    def _moved(self) -> None:
        self.paint_now()

    @on(Rows.Opened, "#sets")
    def do_open(self) -> None:
        """Open the set under the cursor."""
        if (row := self.chosen()) is not None:
            self.cockpit.open_set(row.scale_set.key)

    def offered(self) -> Iterable[str]:
        """Nothing can be opened or marked where nothing is listed."""
        needs_a_row = () if self.chosen() is not None else ("open", "mark", "sort", "group", "raw", "copy")
        return [name for name in super().offered() if name not in needs_a_row]

    def do_mark(self) -> None:
        """Mark the set under the cursor, or unmark it, and go on to the next."""
        if (row := self.chosen()) is not None:
            self.cockpit.marked_sets ^= {row.scale_set.key}
            self.query_one("#sets", Rows).action_move(1)
            self.paint_now()

    def do_raw(self) -> None:
        """What is known of the set from afar, as JSON."""
        from tui.screens.raw import RawSheet

        if (row := self.chosen()) is not None:
            self.cockpit.push_screen(RawSheet(row.scale_set.name, row))

    def do_copy(self) -> None:
        """The resource id of the set under the cursor."""
        if (row := self.chosen()) is not None:
            self.cockpit.copy_text(row.scale_set.resource_id)

    def do_sort(self) -> None:
        """Sort by the next column."""
        names = sorts(columns(self.query_one("#sets", Rows).wide, self.scene.sets.values()))
        at = names.index(self._sort) if self._sort in names else 0
        self._sort = names[(at + 1) % len(names)]
        self.cockpit.say(f"sorted by {self._sort}")
        self.paint_now()

    def do_group(self) -> None:
        """Group by the next way."""
        names = list(GROUPS)
        self._group = names[(names.index(self._group) + 1) % len(names)]
        self.cockpit.say(f"grouped by {self._group}" if self._group else "not grouped")
        self.paint_now()

    def do_back(self) -> None:
        """Unmark what is marked, then clear the filter; a recording is left, on an engine there is nothing behind."""
        if self.cockpit.marked_sets:
            self.cockpit.marked_sets.clear()
            self.paint_now()
        elif self.query_one("#filter", Input).display:
            self.clear_filter()
        else:
            self.cockpit.do_back()


def _key(entry: Entry) -> str:
    return entry.scale_set.key if isinstance(entry, SetOverview) else ""
