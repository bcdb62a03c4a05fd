"""Plain text: tables line up, durations and times are read and shown, the progress line is redrawn."""

from __future__ import annotations

import io

import pytest

from engine.arm.iso8601 import parse_duration_s
from engine.model.errors import InputError
from tests.unit.tui.fake_engine import UPGRADE
from tui.plain.moments import iso_duration, parse_duration, parse_moment, show_duration, show_moment
from tui.plain.progress import Feed, bar, progress_line
from tui.plain.table import cut, table, width_of


def test_wide_characters_and_combining_marks_line_up() -> None:
    lines = table(("NAME", "STATE"), [("東京", "up"), ("e\u0301t", None)])
    assert {width_of(line[: line.rindex(" ") + 1]) for line in lines} == {6}


@pytest.mark.parametrize(("text", "width", "expected"), (("abc", 3, "abc"), ("abcd", 3, "ab…"), ("東京都", 5, "東京…")))
def test_cut_counts_cells(text: str, width: int, expected: str) -> None:
    assert cut(text, width) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), (("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800), ("PT1M30S", 90))
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text, "--x") == seconds


@pytest.mark.parametrize("text", ("", "P", "PT", "ten", "-5s", "5 minutes"))
def test_what_is_no_duration_names_the_option(text: str) -> None:
    with pytest.raises(InputError, match="--x"):
        parse_duration(text, "--x")


def test_iso_durations_stay_as_they_were_written() -> None:
    assert (iso_duration("PT1M", "--x"), iso_duration("90s", "--x")) == ("PT1M", "PT1M30S")


@pytest.mark.parametrize(
    ("text", "iso"), (("12d", "PT288H"), ("90s", "PT1M30S"), ("365d", "PT8760H"), ("1.5s", "PT1.5S"))
)
def test_long_durations_are_written_as_azure_reads_them(text: str, iso: str) -> None:
    assert iso_duration(text, "--pause") == iso
    assert parse_duration_s(iso, "--pause") == parse_duration(text, "--pause")


@pytest.mark.parametrize(
    "text", ("99999999d", "9" * 400 + "s", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+14:00")
)
def test_a_moment_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--at"):
        parse_moment(text, 1_800_000_000.0, "--at")


def test_a_moment_that_no_calendar_has_is_shown_all_the_same() -> None:
    assert show_moment(1e15) == "1000000000000000s"


def test_moments_lie_ahead_or_behind() -> None:
    now = 1_767_225_600.0
    assert parse_moment("30m", now, "--at") == now + 1800
    assert parse_moment("30m", now, "--since", ago=True) == now - 1800
    assert now < parse_moment("12:00", now, "--at") <= now + 86400
    assert now - 86400 < parse_moment("12:00", now, "--since", ago=True) <= now


def test_durations_are_shown_short() -> None:
    shown = [show_duration(s) for s in (None, 0.4, 59, 200, 7500, 270_000)]
    assert shown == ["-", "0s", "59s", "3m20s", "2h05m", "3d03h"]


def test_a_bar_is_ascii_where_blocks_cannot_be_written() -> None:
    assert bar(50, 4, "utf-8") == "██░░"
    assert bar(50, 4, "latin-1") == bar(50, 4, None) == "##.."


def test_the_progress_line_names_what_it_waits_for() -> None:
    blocked = {"kind": "Operator", "since_at": 1.0, "until_at": None, "words": "paused by ada"}
    line = progress_line(UPGRADE | {"blocked_by": blocked}, "utf-8")
    assert "batch 3/5" in line and "4 pending, 0 failed, 1 already current, 1 held" in line
    assert line.endswith("  paused by ada")
    blocked = {"kind": "Health", "since_at": 1.0, "until_at": None, "words": "health of 7 instances"}
    assert progress_line(UPGRADE | {"blocked_by": blocked}, "utf-8").endswith("  waits: health of 7 instances")


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_progress_line_stays_below_the_feed() -> None:
    out = Terminal()
    feed = Feed(out)
    feed.line("first")
    feed.progress(UPGRADE)
    feed.progress(UPGRADE)
    feed.line("second")
    feed.end()

    written = out.getvalue()
    assert written.startswith("first\n\r\x1b[2Kweb to 1.1.0")
    assert "\r\x1b[2Ksecond\nweb to 1.1.0" in written
    assert written.endswith("\n") and written.count("web to 1.1.0") == 2
