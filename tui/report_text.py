"""The report of a run as Markdown: for a ticket, a mail, a terminal. Pure."""

from __future__ import annotations

from engine.model.code_catalogue import CATALOGUE
from engine.model.counters import pending_word
from engine.model.numbers import some_of
from engine.model.shares import Share
from engine.wire.safe_text import printable
from tui.plain.moments import show_clock, show_duration, show_moment
from tui.report import Report, both_limits, chart

CHART = 48
IDS_SHOWN = 40


def markdown(report: Report, now_at: float) -> str:
    """The whole report; times are in UTC. What is written outside cannot become markup."""
    took = show_duration(report.took_s(now_at))
    old, new = report.previous.rpartition(":")[2], report.target.rpartition(":")[2]
    lines = [
        f"# {_safe(report.scale_set)}: {old} → {new}, {report.state}",
        "",
        *_facts(report, took),
        "",
        "## Instances",
        "",
        *_counts(report),
        "",
        "## Batches",
        "",
        *_batches(report, now_at),
        "",
        "## What happened",
        "",
        *(f"- `{show_clock(turn.at)}` {_safe(turn.words)}{_by(turn.actor)}" for turn in report.turns),
        "",
        *_errors(report),
        "## Settings",
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {_safe(value)} |" for name, value in report.settings),
    ]
    return "\n".join(lines) + "\n"


def _safe(text: str) -> str:
    """Printable, and without what Markdown or a table would read as its own."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in printable(text))


def _by(actor: str) -> str:
    return "" if actor in ("", "engine") else f" (by {_safe(actor)})"


def _facts(report: Report, took: str) -> list[str]:
    pairs = [
        ("run", report.id),
        ("who", f"{report.actor} ({report.started_by})"),
        ("why", report.reason or "no reason given"),
        ("from", report.previous),
        ("to", f"{report.target}, {report.target_digest}"),
        ("began", show_moment(report.started_at)),
        ("ended", show_moment(report.ended_at) if not report.live else "it is live"),
        ("took", took + (f", {show_duration(report.paused_s)} of it paused" if report.paused_s else "")),
    ]
    if report.rollback_of:
        pairs.append(("it is", f"roll back of {report.rollback_of}"))
    elif report.continues:
        pairs.append(("continues", report.continues))
    return [f"- **{name}**: {_safe(value)}" for name, value in pairs]


def _counts(report: Report) -> list[str]:
    counted = report.counters
    back = f"{report.rolled_back} rolled back, " if report.rolled_back else ""
    four = (
        f"{counted.successful} successful, {back}{counted.failed - report.rolled_back} failed, "
        f"{counted.in_progress} in progress, "
        f"{counted.pending} {pending_word(report.takes_pending)}"
    )
    ours = {
        "on the target before": counted.already_current,
        "protected": counted.protected,
        "held": counted.held,
        "skipped": counted.skipped,
        "gone": counted.gone,
    }
    aside = ", ".join(f"{count} {words}" for words, count in ours.items() if count)
    return [four + (f"; left out: {aside}" if aside else "")]


def _batches(report: Report, now_at: float) -> list[str]:
    if not report.batches:
        return ["None began."]
    found = ["```"]
    for batch, (first, length) in zip(report.batches, chart(report, CHART, now_at), strict=True):
        bar = (" " * first + ("x" if batch.failed else "=") * length).ljust(CHART)
        count = f"{batch.members:>4}" if report.members_known else "   -"
        took = show_duration((batch.ended_at if batch.ended_at is not None else now_at) - batch.began_at)
        back = " back" if batch.direction == "Back" else ""
        place = printable(batch.place)
        found.append(f"{batch.number:>3} {bar}| {show_clock(batch.began_at)} {took:>6} {count} in {place}{back}")
    return [*found, "```"]


def _share(share: Share) -> str:
    return f"{share.bad} of {share.total} ({share.percent} %), the limit is {share.limit_percent} %"


def _errors(report: Report) -> list[str]:
    if report.error is None and not report.failures:
        return []
    found = ["## Errors", ""]
    if report.error is not None:
        found += [f"**{_safe(report.error.code)}**: {_safe(report.error.message)}", ""]
        numbers = [f"- {words} when it stopped: {_share(share)}" for words, share in both_limits(report.error)]
        found += [*numbers, ""] if numbers else []
        entry = next((e for e in CATALOGUE.values() if e.code.value == report.error.code), None)
        if entry is not None:
            found += [f"- {_safe(line)}" for line in entry.advice(report.scale_set, reference=report.target)] + [""]
    if report.failures:
        found += ["| instances | code | cause | which |", "|---|---|---|---|"]
        for cluster in report.failures:
            some = some_of(cluster.instances, IDS_SHOWN)
            found.append(
                f"| {len(cluster.instances)} | {_safe(cluster.code)} | {_safe(cluster.cause)} | {_safe(some)} |"
            )
        found.append("")
    return found
