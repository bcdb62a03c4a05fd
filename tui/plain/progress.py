"""An upgrade on one line, and the feed above it: redrawn in place on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any, TextIO

from engine.model.counters import pending_word
from engine.model.upgrade import HoldKind
from engine.wire.safe_text import printable
from tui.plain.moments import show_clock, show_moment
from tui.plain.table import cut

BAR_CELLS = 20


def version_of(reference: object) -> str:
    """The version of `publisher:offer:sku:version`, or the text itself; `-` for nothing."""
    return printable(str(reference)).rpartition(":")[2] if reference else "-"


def versions_in(references: object) -> str:
    """The versions alone of one or several references with their counts: `1.1.0 (10), 1.2.0 (2)`."""
    return ", ".join(version_of(reference) for reference in str(references).split(", "))


def bar(percent: float, cells: int, encoding: str | None) -> str:
    """A progress bar of so many cells; ASCII where the terminal's encoding has no blocks."""
    full, empty = "█", "░"
    try:
        full.encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        full, empty = "#", "."
    done = round(max(0.0, min(100.0, percent)) / 100 * cells)
    return full * done + empty * (cells - done)


def counters_text(counters: Mapping[str, int], rolled_back: int = 0, *, takes_pending: bool = False) -> str:
    """Azure's four counters always, ours only when they are not zero; who is `rolled_back` did not fail here.

    `takes_pending`: who is pending may still have its turn, else it stays untouched.
    """
    pending = f"{counters['pending']} {pending_word(takes_pending)}"
    four = f"{counters['successful']} ok, {counters['inProgress']} in progress, {pending}"
    back = f", {rolled_back} rolled back" if rolled_back else ""
    failed = f"{back}, {counters['failed'] - rolled_back} failed"
    beside = (("alreadyCurrent", "already current"), ("protected",) * 2, ("held",) * 2, ("skipped",) * 2, ("gone",) * 2)
    return four + failed + "".join(f", {counters[key]} {words}" for key, words in beside if counters.get(key))


def counts_of(upgrade: Mapping[str, Any]) -> str:
    """Its counters; before the first batch, where Azure's four are zero, how many are pending, or stayed untouched."""
    to_go = upgrade.get("to_go")
    takes_pending = bool(upgrade["takes_pending"])
    if upgrade["batch"] or not to_go:
        return counters_text(upgrade["counters"], upgrade.get("rolled_back", 0), takes_pending=takes_pending)
    return f"{to_go} {pending_word(takes_pending)}"


def where_to(upgrade: Mapping[str, Any]) -> str:
    """`to 1.1.0`; of a live way back `going back to 1.0.0`."""
    if upgrade.get("goes_back") and upgrade["ended_at"] is None:
        return f"going back to {version_of(upgrade['previous'])}"
    return f"to {version_of(upgrade['target'])}"


def progress_line(upgrade: Mapping[str, Any], encoding: str | None) -> str:
    """Name, bar, counters, batch and what it waits for, on one line."""
    parts = [
        f"{printable(str(upgrade['scale_set_name']))} {where_to(upgrade)}",
        f"{bar(float(upgrade['percent']), BAR_CELLS, encoding)} {float(upgrade['percent']):3.0f} %",
        _batch_words(upgrade),
        counts_of(upgrade),
        str(upgrade["state"]),
    ]
    if upgrade.get("pause_after_batch"):
        parts.append("one batch, then paused")
    if upgrade["blocked_by"]:
        parts.append(waiting_words(upgrade["blocked_by"]))
    return "  ".join(parts)


def _batch_words(upgrade: Mapping[str, Any]) -> str:
    """`batch 2/6`; of one that ended before its time only how far it came."""
    number = upgrade["batch"] or 0
    stopped = upgrade["state"] in ("Cancelled", "Faulted") and upgrade.get("to_go")
    return f"batch {number}, then it stopped" if stopped else f"batch {number}/{upgrade['batches']}"


def waiting_words(blocked: Mapping[str, Any]) -> str:
    """What is waited for, and until when where a time ends it; who paused it needs no such word."""
    until = blocked.get("until_at")
    label = "" if blocked.get("kind") == HoldKind.OPERATOR else "waits: "
    return label + printable(str(blocked["words"])) + (f" (until {show_moment(until)})" if until is not None else "")


def feed_line(event: Mapping[str, Any]) -> str:
    """The time (UTC) and the sentence of an event."""
    return f"{show_clock(float(event['at']))}  {printable(str(event['words']))}"


class Feed:
    """Writes feed lines; on a terminal one progress line stays below them.

    `drawn` is kept so that nothing is written where nothing changed.
    """

    def __init__(self, out: TextIO, draws: bool = True) -> None:
        self._out = out
        self.is_terminal = draws and out.isatty()
        self._drawn = ""

    def line(self, text: str) -> None:
        """One more line of the feed."""
        if not self._drawn:
            self._write(text + "\n")
            return
        below = self._drawn
        self._write("\r\x1b[2K" + text + "\n" + below)

    def progress(self, upgrade: Mapping[str, Any]) -> None:
        """Redraw the progress line; without a terminal nothing is drawn."""
        if not self.is_terminal:
            return
        width = shutil.get_terminal_size().columns - 1
        text = cut(progress_line(upgrade, self._out.encoding), width)
        if text != self._drawn:
            self._write("\r\x1b[2K" + text)
            self._drawn = text

    def end(self) -> None:
        """Leave the progress line behind, as the last line."""
        if self._drawn:
            self._write("\n")
            self._drawn = ""

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
