"""Audit: every command, by whom, accepted or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.engine_events import CommandJudged
from engine.model.events import Recorded
from engine.wire.events import recorded_from_dict
from tui.cells import fit, wrap
from tui.palette import Line, Meaning, Piece
from tui.screens.list_screen import ListScreen, labelled

READ = 1_000


class AuditScreen(ListScreen[Recorded]):
    """Newest first."""

    HELP_TITLE = "Audit"
    FILTER_HINT = "letters of a person, a verb, a scale set or a reason"
    detail_lines = 7

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self._asked_at = -1
        self._read: tuple[Recorded, ...] = ()
        self._read_of: Mapping[str, Any] | None = None

    def header(self) -> list[Line]:
        """How many, and how many were refused."""
        judged = [entry.event for entry in self._shown if isinstance(entry.event, CommandJudged)]
        refused = sum(event.refusal is not None for event in judged)
        some: Line = (Piece(" Audit", Meaning.TITLE), Piece(f"  {len(judged):,} commands"))
        return [(*some, Piece(f"  {refused:,} refused" if refused else "", Meaning.NOTICE))]

    def paint(self) -> None:
        """Read again when a command was judged since."""
        last = max((line.seq for line in self.scene.feed if line.type == "CommandJudged"), default=0)
        if last != self._asked_at:
            self._asked_at = last
            self.ask("audit", {"limit": str(READ)})
        super().paint()

    def entries(self) -> Sequence[Recorded]:
        if self.answer is not None and self.answer is not self._read_of:
            self._read_of = self.answer
            self._read = tuple(recorded_from_dict(line) for line in reversed(self.answer["entries"]))
        wanted = self.letters.casefold()
        return [entry for entry in self._read if not wanted or wanted in _searched(entry)]

    def key_of(self, entry: Recorded) -> str:
        return str(entry.seq)

    def head(self, width: int) -> Line:
        when, who, verb, on = _widths(width)
        names = f"  {fit('TIME', when)} {fit('WHO', who)} {fit('VERB', verb)} {fit('ON', on)} {fit('VERDICT', 10)} WHY"
        return (Piece(names, Meaning.MUTED),)

    def row(self, entry: Recorded, width: int) -> Line:
        event, glyphs = entry.event, self.cockpit.glyphs
        if not isinstance(event, CommandJudged):
            return (Piece(f"  {self.cockpit.clocks.moment(entry.at)} {type(event).__name__}", Meaning.MUTED),)
        fine = event.refusal is None
        verdict = glyphs.pick("✓ accepted", "+ accepted") if fine else glyphs.pick("✗ refused", "X refused")
        when, who, verb, on = _widths(width)
        moment = f"{self.cockpit.clocks.day(entry.at)[:10]} {self.cockpit.clocks.time(entry.at)}"
        return (
            Piece(f"  {moment[-when:]} ", Meaning.MUTED),
            Piece(fit(event.actor, who, glyphs.ellipsis) + " ", Meaning.TEXT),
            Piece(fit(event.verb, verb, glyphs.ellipsis) + " ", Meaning.TITLE),
            Piece(fit(short_name(event.subject), on, glyphs.ellipsis) + " ", Meaning.TEXT),
            Piece(fit(verdict, 10) + " ", Meaning.GOOD if fine else Meaning.BAD),
            Piece(event.refusal or event.reason, Meaning.MUTED if fine else Meaning.TEXT),
        )

    def detail(self, entry: Recorded, width: int) -> list[Line]:
        """The whole command: its arguments, its reason, why it was refused, where it came from."""
        event = entry.event
        if not isinstance(event, CommandJudged):
            return []
        given = ", ".join(f"{name}={value}" for name, value in event.arguments.items() if name != "set")
        claimed = ", ".join(f"{name}={value}" for name, value in event.claimed.items())
        found = labelled("command", f"{event.verb} {short_name(event.subject)}", width, Meaning.TITLE)
        found += labelled("refused", event.refusal, width, Meaning.BAD) if event.refusal else []
        found += labelled("reason", event.reason or "none given", width)
        found += labelled("with", given, width, Meaning.MUTED) if given else []
        found += labelled("claimed", claimed, width, Meaning.MUTED) if claimed else []
        return found

    def nothing(self) -> list[Line]:
        if self.answer is None:
            words = "Reading the audit trail"
        elif self.cockpit.session.live:
            words = "No command was given yet."
        elif not self.answer["whole"]:
            words = "A recording of one scale set holds no commands; the engine's audit trail does: rollset audit"
        elif self.answer["later"]:
            words = f"No command was given up to here; {self.answer['later']:,} further on."
        else:
            words = "No command was given while this was recorded."
        return [(Piece(f"  {line}", Meaning.MUTED),) for line in wrap(words, self.size.width - 4)]

    def do_raw(self) -> None:
        """The entry as JSON."""
        from tui.screens.raw import RawSheet

        entry = self.chosen()
        lines = self.answer["entries"] if self.answer is not None else []
        if entry is not None:
            found = next(line for line in lines if line["seq"] == entry.seq)
            self.cockpit.push_screen(RawSheet(f"event {entry.seq}", found))


def _widths(width: int) -> tuple[int, int, int, int]:
    """Of the columns time (without the year where it is narrow), who, verb and on."""
    return (19, 10, 14, 18) if width >= 100 else (14, 8, 11, 12)


def short_name(subject: str) -> str:
    """A scale set's name out of its resource id; other subjects as they are."""
    return subject.rpartition("/")[2] if subject.startswith("/") else subject


def _searched(entry: Recorded) -> str:
    event = entry.event
    if not isinstance(event, CommandJudged):
        return type(event).__name__.casefold()
    verdict = "accepted" if event.refusal is None else f"refused {event.refusal}"
    return f"{event.actor} {event.verb} {event.subject} {event.reason} {verdict}".casefold()
