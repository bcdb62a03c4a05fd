"""The report of a run, drawn. Pure."""

from __future__ import annotations

from engine.model.code_catalogue import CATALOGUE
from engine.model.counters import pending_word
from tui.cells import fit, wrap
from tui.clocks import Clocks, short
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece
from tui.report import Report, ReportBatch, Turn, both_limits, chart
from tui.screens.list_screen import labelled

LABEL = 10
BAD_TURNS = frozenset({"LimitExceeded", "UpgradeFaulted", "FailuresNoticed"})


def report_lines(report: Report, clocks: Clocks, glyphs: Glyphs, width: int, now_at: float) -> list[Line]:
    """Facts, counts, batches in time, turning points, failures, settings."""
    return [
        *_facts(report, clocks, width, now_at),
        (),
        *_heading("Batches in time", glyphs, width),
        *batch_lines(report, clocks, glyphs, width, now_at),
        (),
        *_errors(report, glyphs, width),
        *_heading("What turned it", glyphs, width),
        *(line for turn in report.turns for line in _turn(turn, clocks, width)),
        (),
        *_heading("Settings", glyphs, width),
        *((Piece(f" {fit(name, 40)}", Meaning.MUTED), Piece(value)) for name, value in report.settings),
    ]


def _heading(title: str, glyphs: Glyphs, width: int) -> list[Line]:
    rule = glyphs.rule * max(0, width - len(title) - 4)
    return [(Piece(f" {title} ", Meaning.TITLE), Piece(rule, Meaning.FAINT))]


def _facts(report: Report, clocks: Clocks, width: int, now_at: float) -> list[Line]:
    counted, back = report.counters, report.rolled_back
    failed = counted.failed - back
    ended = "live" if report.ended_at is None else clocks.moment(report.ended_at)
    took = short(report.took_s(now_at)) + (f", {short(report.paused_s)} of it paused" if report.paused_s else "")
    pairs = [
        ("who", f"{report.actor} ({report.started_by})"),
        ("why", report.reason or "no reason given"),
        ("from", report.previous),
        ("to", report.target),
        ("when", f"{clocks.moment(report.started_at)} to {ended}, {took}"),
    ]
    if report.rollback_of:
        pairs.append(("it is", f"roll back of {report.rollback_of}"))
    elif report.continues:
        pairs.append(("continues", report.continues))
    found = [line for name, value in pairs for line in labelled(name, value, width, label_width=LABEL)]
    ours = {
        "on target before": counted.already_current,
        "protected": counted.protected,
        "held": counted.held,
        "skipped": counted.skipped,
        "gone": counted.gone,
    }
    aside = ", ".join(f"{count:,} {words}" for words, count in ours.items() if count)
    found.append(
        (
            Piece(" " + "instances".ljust(LABEL) + " ", Meaning.MUTED),
            Piece(f"{counted.successful:,} done", Meaning.GOOD),
            Piece(f"  {back:,} rolled back" if back else "", Meaning.BACK),
            Piece(f"  {failed:,} failed", Meaning.BAD if failed else Meaning.MUTED),
            Piece(f"  {counted.in_progress:,} in progress" if report.live else "", Meaning.WORKING),
            Piece(f"  {counted.pending:,} {pending_word(report.takes_pending)}", Meaning.MUTED),
            Piece(f"  {aside}" if aside else "", Meaning.MUTED),
        )
    )
    return found


def batch_lines(report: Report, clocks: Clocks, glyphs: Glyphs, width: int, now_at: float) -> list[Line]:
    """A line a batch: its place, its size, and its stretch between start and end of the run."""
    if not report.batches:
        return [(Piece(" No batch began.", Meaning.MUTED),)]
    place_width = min(16, max(len(batch.place) for batch in report.batches))
    head = 1 + 4 + place_width + 1 + 5 + 2
    room = max(10, width - head - 20)
    stretches = chart(report, room, now_at)
    found: list[Line] = []
    for batch, (first, length) in zip(report.batches, stretches, strict=True):
        found.append(_batch(report, batch, first, length, room, place_width, clocks, glyphs, now_at))
    return found


def _batch(
    report: Report,
    batch: ReportBatch,
    first: int,
    length: int,
    room: int,
    place_width: int,
    clocks: Clocks,
    glyphs: Glyphs,
    now_at: float,
) -> Line:
    open_still, back = batch.ended_at is None, batch.direction == "Back"
    meaning = Meaning.BAD if batch.failed else Meaning.BACK if back else Meaning.GOOD
    meaning = Meaning.WORKING if open_still else meaning
    mark = glyphs.pick("✗", "X") if batch.failed else glyphs.pick("◀", "<") if back else " "
    count = f"{batch.members:,}" if report.members_known else "-"
    took = short((batch.ended_at if batch.ended_at is not None else now_at) - batch.began_at)
    bar = glyphs.pick("━", "=" if not batch.failed else "x") * length
    return (
        Piece(f" {batch.number:>3} ", Meaning.MUTED),
        Piece(fit(batch.place, place_width, glyphs.ellipsis) + " "),
        Piece(fit(count, 5, right=True) + " ", Meaning.MUTED),
        Piece(mark, meaning),
        Piece(glyphs.pick("┈", ".") * first, Meaning.FAINT),
        Piece(bar, meaning),
        Piece(glyphs.pick("┈", ".") * (room - first - length), Meaning.FAINT),
        Piece(f"  {clocks.time(batch.began_at)}", Meaning.MUTED),
        Piece(fit(took, 7, right=True)),
    )


def _turn(turn: Turn, clocks: Clocks, width: int) -> list[Line]:
    bad = turn.type in BAD_TURNS
    by = "" if turn.actor in ("", "engine") else f" ({turn.actor})"
    lines = wrap(turn.words + by, width - 13)
    return [
        (Piece(f" {clocks.time(turn.at) if n == 0 else '':<8}  ", Meaning.MUTED),
         Piece(line, Meaning.BAD if bad else Meaning.TEXT))
        for n, line in enumerate(lines)
    ]  # fmt: skip


def _errors(report: Report, glyphs: Glyphs, width: int) -> list[Line]:
    if report.error is None and not report.failures:
        return []
    found = _heading("Errors", glyphs, width)
    if report.error is not None:
        found.append((Piece(f" {report.error.code}", Meaning.BAD),))
        found += [(Piece(f" {line}"),) for line in wrap(report.error.message, width - 2)]
        for words, share in both_limits(report.error):
            text = f" {words} when it stopped: {share.bad:,} of {share.total:,}, the limit is {share.limit_percent} %"
            meaning = Meaning.BAD if share.exceeded else Meaning.MUTED
            found.append((Piece(fit(text, width, glyphs.ellipsis).rstrip(), meaning),))
        entry = next((e for e in CATALOGUE.values() if e.code.value == report.error.code), None)
        advice = entry.advice(report.scale_set, reference=report.target) if entry is not None else ()
        for line in advice:
            found += labelled(glyphs.pick("→", ">"), line, width, Meaning.ACCENT, label_width=1)
    for cluster in report.failures:
        names = ", ".join(cluster.instances)
        count = f" {len(cluster.instances):>4} "
        found.append((Piece(count, Meaning.BAD), Piece(fit(cluster.cause, width - 8, glyphs.ellipsis).rstrip())))
        found += [(Piece("      " + line, Meaning.MUTED),) for line in wrap(names, width - 8)[:3]]
    return [*found, ()]
