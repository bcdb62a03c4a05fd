"""Upgrades in plain text: where one stands, what it did, the history, a plan before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.numbers import many, more_stop
from engine.wire.safe_text import printable
from tui.plain.moments import show_duration, show_moment
from tui.plain.progress import counts_of, progress_line, version_of, versions_in
from tui.plain.table import cell, table

_MARKS = {"passed": "ok", "warned": "warning", "refused": "REFUSED"}


def error_lines(heading: str, error: Mapping[str, Any] | None) -> list[str]:
    """An error with its details, one line each; nothing for no error."""
    if not error:
        return []
    return [
        f"{heading}: {cell(error['code'])}: {cell(error['message'])}",
        *(f"  {cell(d['target'])}: {cell(d['code'])}: {cell(d['message'])}" for d in error.get("details") or ()),
    ]


def ending_lines(upgrade: Mapping[str, Any]) -> list[str]:
    """How an upgrade ended: the outcome with its counters, the error with its details."""
    took = f" after {show_duration(upgrade['ended_at'] - upgrade['started_at'])}" if upgrade.get("ended_at") else ""
    first = (
        f"{cell(upgrade['scale_set_name'])} to {version_of(upgrade['target'])}{_roll_back_of(upgrade)}: "
        f"{cell(upgrade['state'])}{took} "
        f"({counts_of(upgrade)})"
    )
    return [first, *error_lines("error", upgrade["error"])]


def status_lines(upgrade: Mapping[str, Any], encoding: str | None) -> list[str]:
    """One upgrade with its limits, holds, batches and members that need a look."""
    lines = [
        progress_line(upgrade, encoding),
        f"upgrade {cell(upgrade['id'])}{_roll_back_of(upgrade)}, from {version_of(upgrade['previous'])}, started "
        f"{show_moment(upgrade['started_at'])} by {cell(upgrade['actor'])}"
        + (f": {printable(str(upgrade['reason']))}" if upgrade.get("reason") else ""),
    ]
    if upgrade["ended_at"] is not None:
        lines.append(f"ended {show_moment(upgrade['ended_at'])}")
    lines += _before_lines(upgrade.get("before"))
    lines += error_lines("error", upgrade["error"]) + error_lines("notice", upgrade["notice"])
    for hold in upgrade.get("holds") or ():
        raised = f"since {show_moment(hold['since_at'])} by {cell(hold['by'])}"
        lines.append(f"hold {cell(hold['kind'])} {raised}: {cell(hold['reason'])}")
    goes_back = upgrade.get("goes_back") or upgrade["state"] in ("RollingBack", "RolledBack")
    live = upgrade["ended_at"] is None
    lines += ["no limit stops a rollback"] if goes_back else _limit_lines(upgrade.get("limits") or {}, live=live)
    return lines + _batch_table(upgrade) + _member_table(upgrade.get("members") or ())


def _roll_back_of(upgrade: Mapping[str, Any]) -> str:
    """Of a run that takes another's instances back after its end, which one that was."""
    return f", roll back of {cell(upgrade['rollback_of'])}" if upgrade.get("rollback_of") else ""


def _before_lines(before: Mapping[str, Any] | None) -> list[str]:
    """Of an upgrade that had nothing to do: the one that it stands in front of."""
    if not before:
        return []
    how = f" ({cell(before['error']['code'])})" if before["error"] else ""
    name = cell(before["id"])
    return [
        "nothing was to be done; rollback and retry are about the upgrade before it:",
        f"  {name} to {version_of(before['target'])}, {cell(before['state'])}{how}: rollset explain {name}",
    ]


def history_lines(upgrades: Sequence[Mapping[str, Any]], gaps: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Past and present upgrades, one a line; below, when no engine ran although an upgrade was live."""
    if not upgrades:
        return ["no upgrade yet"]
    rows = [
        (
            u["id"],
            u["scale_set_name"],
            u["state"],
            version_of(u["previous"]),
            version_of(u["target"]) + _roll_back_of(u),
            counts_of(u),
            show_moment(u["started_at"]),
            show_duration(u["ended_at"] - u["started_at"]) if u["ended_at"] else None,
            u["actor"],
            u["error"]["code"] if u["error"] else None,
        )
        for u in upgrades
    ]
    headings = ("UPGRADE", "SET", "STATE", "FROM", "TO", "INSTANCES", "STARTED", "TOOK", "BY", "ERROR")
    return table(headings, rows) + [line for gap in gaps for line in _gap_lines(gap, upgrades)]


def _gap_lines(gap: Mapping[str, Any], upgrades: Sequence[Mapping[str, Any]]) -> list[str]:
    until = gap["until_at"]
    live = [u["id"] for u in upgrades if u["started_at"] < until and (u["ended_at"] is None or until < u["ended_at"])]
    if not live:
        return []
    how = "" if gap["clean"] else ", the one before had not stopped in order"
    names = ", ".join(cell(name) for name in live)
    return [f"no engine for {show_duration(gap['away_s'])} until {show_moment(until)}{how}: {names} went on then"]


def beside_live(plan: Mapping[str, Any], upgrade_id: str, state: str) -> dict[str, Any]:
    """The plan with a check that says which live upgrade stands before a start."""
    words = f"{upgrade_id} is live ({state}): a start would be refused until it has ended"
    check = {"level": "refused", "words": words, "cure": "Let it end, or cancel it."}
    return {**plan, "checks": [check, *plan["checks"]]}


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """What an upgrade would do: batches, who is left out and why, checks, room, time, settings with their origin."""
    name = cell(str(plan["scale_set"]).rpartition("/")[2])
    lines = [
        f"{name}: {versions_in(plan['previous'])} to {version_of(plan['target'])}, "
        f"{many(len(plan['batches']), 'batch')}, plan {cell(plan['hash'])[:12]}"
    ]
    rows = [
        (b["number"], b["zone"], b["update_domain"], ", ".join(map(str, b["members"])), b["why"])
        for b in plan["batches"]
    ]
    lines += ["", *table(("BATCH", "ZONE", "UD", "INSTANCES", "WHY"), rows)] if rows else []
    left_out = [(entry["instance_id"], entry["left_out"]) for entry in plan["instances"] if entry["left_out"]]
    lines += ["", *table(("LEFT OUT", "REASON"), left_out)] if left_out else []
    lines += ["", *(_check_line(check) for check in plan["checks"])] if plan["checks"] else []
    lines += ["", *_forecast_lines(plan)]
    settings = [(s["name"], s["value"], s["origin"]) for s in plan["settings"]]
    return [*lines, "", *table(("SETTING", "VALUE", "FROM"), settings)] if settings else lines


def _forecast_lines(plan: Mapping[str, Any]) -> list[str]:
    origin = f" ({cell(plan['eta_origin'])})" if plan.get("eta_origin") else ""
    free = plan["room_free_bytes"]
    beside = f"{size(free)} free" if free is not None else "this fleet does not say what is free"
    return [
        f"room: needs {size(plan['room_needed_bytes'])}, {beside}",
        f"time: {show_duration(plan['eta_low_s'])} to {show_duration(plan['eta_high_s'])}{origin}",
        f"restore point: {cell(plan['restore_point'])}",
    ]


def _check_line(check: Mapping[str, Any]) -> str:
    cure = f" ({printable(str(check['cure']))})" if check.get("cure") else ""
    return f"{_MARKS.get(str(check['level']), cell(check['level']))}: {cell(check['words'])}{cure}"


def size(count: float | None) -> str:
    """Bytes with a unit: `512 B`, `3.4 MB`, `12 GB` (powers of 1,000)."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _limit_lines(limits: Mapping[str, Any], *, live: bool) -> list[str]:
    """Each limit with its numbers, and what it means for a live run."""
    lines = []
    for key, words in (("unhealthy", "unhealthy"), ("upgraded", "unhealthy of those upgraded")):
        limit = limits.get(key)
        if limit:
            when = _when(limit, live=live)
            lines.append(
                f"{words}{when}: {limit['now']} of {limit['total']} ({float(limit['percent']):.0f} %), "
                f"limit {limit['limit_percent']} %" + _what_it_means(limit, live=live)
            )
    return lines


def _when(limit: Mapping[str, Any], *, live: bool) -> str:
    """Of an ended run, whether the numbers are those of its stop or of now."""
    return "" if live else " when it stopped" if limit.get("at_its_stop") else " now"


def _what_it_means(limit: Mapping[str, Any], *, live: bool) -> str:
    if limit.get("exceeded"):
        return f", over it: the run {cell(limit['verdict'])}" if live else ", over it"
    more = limit.get("more_stop_it")
    if not live:
        return ""
    return f", {more_stop(more)}" if more is not None else ", which no number of them exceeds"


def _batch_table(upgrade: Mapping[str, Any]) -> list[str]:
    batches = upgrade.get("batch_list") or ()
    if not batches:
        return []
    instances = {member["id"]: member["instance_id"] for member in upgrade.get("members") or ()}
    rows = [
        (
            b["number"],
            b["direction"],
            b["zone"],
            b["update_domain"],
            ", ".join(str(instances.get(member, member)) for member in b["members"]),
            show_moment(b["began_at"]),
            show_duration(b["ended_at"] - b["began_at"]) if b["ended_at"] and b["began_at"] else None,
            b["failed"],
        )
        for b in batches
    ]
    return ["", *table(("BATCH", "DIRECTION", "ZONE", "UD", "INSTANCES", "BEGAN", "TOOK", "FAILED"), rows)]


def _member_table(members: Sequence[Mapping[str, Any]]) -> list[str]:
    """Members that are done or have not begun say nothing; the others do."""
    rows = []
    for member in members:
        if member["state"] in ("Pending", "Succeeded"):
            continue
        error, blocked = member.get("error"), member.get("blocked_by")
        words = error["message"] if isinstance(error, dict) else error
        words = words or (blocked["words"] if isinstance(blocked, dict) else None) or member.get("left_out_reason")
        rows.append((member["instance_id"], member["state"], member["batch"], member["zone"], words))
    return ["", *table(("INSTANCE", "STATE", "BATCH", "ZONE", "WHY"), rows)] if rows else []
