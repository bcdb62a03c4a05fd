"""The events of a scope: what came before the snapshot is read, what comes after follows by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.wire.events import recorded_from_dict
from engine.wire.recording import OVERVIEW
from tui.cells import fit
from tui.palette import Line, Meaning, Piece
from tui.scene import FeedLine
from tui.scene_events import feed_line, is_quiet
from tui.screens.list_screen import ListScreen, labelled
from tui.subject import Subject
from tui.widgets.rows import Rows

READ = 2_000


class EventsScreen(ListScreen[FeedLine]):
    """Oldest first; the cursor stays at the end while it is there, so that new ones are seen."""

    HELP_TITLE = "Events"
    FILTER_HINT = "letters of an event, its type, an instance or a person"
    detail_lines = 4

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self._follows = True
        self._read: tuple[FeedLine, ...] = ()
        self._read_of: Mapping[str, Any] | None = None

    def on_mount(self) -> None:
        """Read what came before."""
        self.ask("timeline", {"scope": self.scope, "limit": str(READ)})

    def header(self) -> list[Line]:
        """Of what, how many."""
        row = self.scene.sets.get(self.scope)
        of = row.scale_set.name if row is not None else "all scale sets"
        letters = f"  with {self.letters!r}" if self.letters else ""
        return [
            (
                Piece(" Events", Meaning.TITLE),
                Piece(f"  {of}"),
                Piece(f"  {len(self._shown):,}{letters}", Meaning.MUTED),
                Piece("  following" if self._follows and self.cockpit.session.live else "", Meaning.ACCENT),
            )
        ]

    def subject(self) -> Subject:
        """The set of the scope, where it has one."""
        bare, row = self.bare_subject(), self.scene.sets.get(self.scope)
        if row is None or self.scope == OVERVIEW:
            return bare
        upgrade = row.upgrade.upgrade if row.upgrade is not None else None
        return replace(bare, scale_set=row.scale_set, upgrade=upgrade)

    def entries(self) -> Sequence[FeedLine]:
        if self.answer is not self._read_of and self.answer is not None:
            self._read_of = self.answer
            read = [recorded_from_dict(line) for line in self.answer["events"]]
            self._read = tuple(feed_line(recorded) for recorded in read if not is_quiet(recorded.event))
        found = joined(self._read, self.scene.feed, self.scene.seq)
        wanted = self.letters.casefold()
        if wanted:
            found = [line for line in found if wanted in _searched(line)]
        if self._follows and found:
            self.choose(str(found[-1].seq))
        return found

    def key_of(self, entry: FeedLine) -> str:
        return str(entry.seq)

    def head(self, width: int) -> Line:
        who = f"{fit('WHO', 10)} " if width >= 100 else ""
        of = f"{fit('OF', 18)} " if width >= 100 else ""
        return (Piece(f"  {fit('TIME', 9)} {who}{of}WHAT", Meaning.MUTED),)

    def row(self, entry: FeedLine, width: int) -> Line:
        cut = self.cockpit.glyphs.ellipsis
        of = entry.stream.rpartition("/")[2]
        wide = (
            Piece(fit(entry.actor, 10, cut) + " ", Meaning.MUTED),
            Piece(fit(of, 18, cut) + " ", Meaning.MUTED),
        )
        return (
            Piece(f"  {self.cockpit.clocks.time(entry.at)}  ", Meaning.MUTED),
            *(wide if width >= 100 else ()),
            Piece(entry.words, Meaning.BAD if entry.bad else Meaning.TEXT),
        )

    def detail(self, entry: FeedLine, width: int) -> list[Line]:
        """The whole sentence, and where it stands in the log."""
        moment = self.cockpit.clocks.moment(entry.at)
        where = f"{moment}  {entry.type}  {entry.stream.partition('/')[0]}  seq {entry.seq}  by {entry.actor}"
        meaning = Meaning.BAD if entry.bad else Meaning.TEXT
        return [(Piece(f" {where}", Meaning.MUTED),), *labelled("", entry.words, width, meaning, label_width=0)]

    def nothing(self) -> list[Line]:
        return [(Piece("  Nothing has happened yet.", Meaning.MUTED),)]

    def cursor_moved(self) -> None:
        """At the end it follows, elsewhere it stays."""
        self._follows = self.query_one("#list", Rows).cursor == len(self._shown) - 1

    def do_open(self) -> None:
        """The event as JSON."""
        self.do_raw()

    def do_raw(self) -> None:
        """The event as JSON, as far as it was read."""
        from tui.screens.raw import RawSheet

        entry = self.chosen()
        if entry is None:
            return
        lines = self.answer["events"] if self.answer is not None else []
        found = next((line for line in lines if line["seq"] == entry.seq), None)
        self.cockpit.push_screen(RawSheet(f"event {entry.seq}", found or _as_seen(entry)))

    def do_copy(self) -> None:
        """The chosen event's sentence."""
        entry = self.chosen()
        if entry is not None:
            self.cockpit.copy_text(f"{self.cockpit.clocks.moment(entry.at)} {entry.words}")


def joined(read: Sequence[FeedLine], feed: Sequence[FeedLine], seq: int) -> list[FeedLine]:
    """What was read and what came since, each once, none from after the scene (a recording goes back)."""
    last = read[-1].seq if read else 0
    return [line for line in (*read, *(line for line in feed if line.seq > last)) if line.seq <= seq]


def _searched(line: FeedLine) -> str:
    return f"{line.words} {line.type} {line.actor} {line.instance_id} {line.stream}".casefold()


def _as_seen(line: FeedLine) -> dict[str, object]:
    return {
        "seq": line.seq,
        "stream": line.stream,
        "type": line.type,
        "at": line.at,
        "actor": line.actor,
        "words": line.words,
    }
