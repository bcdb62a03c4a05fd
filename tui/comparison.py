"""Two runs side by side: what is alike and what is not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.counters import pending_word
from tui.clocks import Clocks, short
from tui.report import Report


@dataclass(frozen=True, slots=True)
class Pair:
    """One fact of both; `heading` begins a part and has no values."""

    name: str
    first: str
    second: str
    heading: bool = False

    @property
    def differs(self) -> bool:
        """Whether the two are not alike."""
        return not self.heading and self.first != self.second


def compare(first: Report, second: Report, clocks: Clocks, now_at: float) -> list[Pair]:
    """Facts, counts, settings, batches by number, failures by cause; settings that are alike come last."""
    settings = [Pair(name, a, b) for (name, a), (_, b) in zip(first.settings, second.settings, strict=True)]
    settings.sort(key=lambda pair: not pair.differs)
    return [
        *_facts(first, second, clocks, now_at),
        _heading("Instances"),
        *_counts(first, second),
        _heading("Failures by cause"),
        *(_failures(first, second) or [Pair("", "none", "none")]),
        _heading("Batches"),
        *_batches(first, second, now_at),
        _heading("Settings"),
        *settings,
    ]


def _heading(name: str) -> Pair:
    return Pair(name, "", "", heading=True)


def _facts(first: Report, second: Report, clocks: Clocks, now_at: float) -> list[Pair]:
    def both(name: str, a: str, b: str) -> Pair:
        return Pair(name, a, b)

    return [
        both("run", first.id, second.id),
        both("scale set", first.scale_set, second.scale_set),
        both("state", first.state, second.state),
        both("from", first.previous, second.previous),
        both("to", first.target, second.target),
        both("began", clocks.moment(first.started_at), clocks.moment(second.started_at)),
        both("took", short(first.took_s(now_at)), short(second.took_s(now_at))),
        both("of it paused", short(first.paused_s), short(second.paused_s)),
        both("who", first.actor, second.actor),
        both("why", first.reason or "-", second.reason or "-"),
        both("error", first.error.code if first.error else "-", second.error.code if second.error else "-"),
    ]


def _counts(first: Report, second: Report) -> list[Pair]:
    names = {
        "successful": "done",
        "in_progress": "in progress",
        "pending": " or ".join(dict.fromkeys(pending_word(x.takes_pending) for x in (first, second))),
        "already_current": "on target before",
        "protected": "protected",
        "held": "held",
        "skipped": "skipped",
        "gone": "gone",
    }
    pairs = [
        Pair(words, f"{getattr(first.counters, name):,}", f"{getattr(second.counters, name):,}")
        for name, words in names.items()
    ]
    failed = [x.counters.failed - x.rolled_back for x in (first, second)]
    pairs[1:1] = [
        Pair("failed", f"{failed[0]:,}", f"{failed[1]:,}"),
        Pair("rolled back", f"{first.rolled_back:,}", f"{second.rolled_back:,}"),
    ]
    return [pair for n, pair in enumerate(pairs) if n < 2 or (pair.first, pair.second) != ("0", "0")]


def _failures(first: Report, second: Report) -> list[Pair]:
    a = {cluster.cause: len(cluster.instances) for cluster in first.failures}
    b = {cluster.cause: len(cluster.instances) for cluster in second.failures}
    return [Pair(cause, _count(a.get(cause)), _count(b.get(cause))) for cause in dict.fromkeys((*a, *b))]


def _count(count: int | None) -> str:
    return "-" if count is None else f"{count:,} instance{'' if count == 1 else 's'}"


def _batches(first: Report, second: Report, now_at: float) -> list[Pair]:
    found = [Pair("batches", str(len(first.batches)), str(len(second.batches)))]
    most = max(len(first.batches), len(second.batches))
    return found + [Pair(f"batch {n + 1}", _one(first, n, now_at), _one(second, n, now_at)) for n in range(most)]


def _one(report: Report, number: int, now_at: float) -> str:
    if number >= len(report.batches):
        return "-"
    batch = report.batches[number]
    took = short((batch.ended_at if batch.ended_at is not None else now_at) - batch.began_at)
    count = f"{batch.members:,} in " if report.members_known else ""
    return f"{count}{batch.place}, {took}" + (", failed" if batch.failed else "")
