"""A rehearsal in plain text: how it ends and when, its batches, and how many failures would stop it where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.numbers import many, some_of
from tui.plain.moments import show_duration
from tui.plain.progress import counters_text, version_of, versions_in
from tui.plain.table import cell, table
from tui.plain.upgrades import error_lines


def rehearsal_lines(found: Mapping[str, Any]) -> list[str]:
    """What `rollset rehearse` shows."""
    name = cell(str(found["scale_set"]).rpartition("/")[2])
    lines = [
        f"{name}: {versions_in(found['previous'])} to {version_of(found['target'])}, rehearsed: "
        f"{found['to_upgrade']} of {many(found['instances'], 'instance')} to upgrade; nothing was changed"
    ]
    lines += [f"made to go wrong: {cell(words)}" for words in found["trouble"]]
    lines += ["", *ending(found), "", *table(HEADINGS, _rows(found))]
    return [*lines, "", *stop_lines(found["stop_counts"])]


NAMED = 8
"""Instances of a batch that are named."""
HEADINGS = ("BATCH", "WAY", "ZONE", "UD", "INSTANCES", "BEGINS", "ENDS", "FAILED", "STOPS IT")


def ending(found: Mapping[str, Any]) -> list[str]:
    """How it ends, when, and what stopped it."""
    state, counters = cell(found["state"]), counters_text(found["counters"])
    if found["waits_for"]:
        lines = [f"after {show_duration(found['took_s'])} it waits for you ({state}): {cell(found['waits_for'])}"]
    else:
        lines = [f"ends {state} after {show_duration(found['took_s'])} ({counters})"]
    stopped = found["stopped"]
    if stopped:
        where = f"after batch {stopped['batch']}" if stopped["batch"] else "before the first batch"
        lines.append(f"stopped {where}, with {_failed(stopped['failures'])}")
    lines += error_lines("error" if stopped else "notice", found["error"])
    if found["low_s"] is not None:
        low, high = show_duration(found["low_s"]), show_duration(found["high_s"])
        lines.append(f"time: {low} to {high} in 8 of 10 of {found['draws']} draws ({cell(found['pace'])})")
    if found["other_ends"]:
        count = sum(found["other_ends"].values())
        ends = ", ".join(f"{cell(state)} {number}" for state, number in sorted(found["other_ends"].items()))
        lines.append(f"of {count} draws of who fails: {ends}")
    return lines


def stop_lines(counts: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many failed instances stop it where, neighbouring batches with one number together."""
    lines: list[str] = []
    place = 0
    while place < len(counts):
        first = last = counts[place]
        while place < len(counts) and _alike(counts[place], first):
            last = counts[place]
            place += 1
        to = f" to {last['batch']}" if last is not first else ""
        if first["failures"] is None:
            lines.append(f"batch {first['batch']}{to}: no number of failed instances stops it")
            continue
        stop = "stops" if first["failures"] == 1 else "stop"
        failed = _failed(first["failures"])
        lines.append(f"batch {first['batch']}{to}: {failed} until then {stop} it ({cell(first['limit'])})")
    return lines


def _failed(count: int) -> str:
    return "1 failed instance" if count == 1 else f"{count} failed instances"


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one["failures"], one["limit"]) == (other["failures"], other["limit"])


def _rows(found: Mapping[str, Any]) -> list[tuple[object, ...]]:
    stops = {count["batch"]: count for count in found["stop_counts"]}
    rows: list[tuple[object, ...]] = []
    for batch in found["batches"]:
        forward = batch["direction"] == "Forward"
        stop = stops.get(batch["number"]) if forward else None
        needed = f"{stop['failures']} of {stop['of']}" if stop and stop["failures"] is not None else None
        rows.append(
            (
                batch["number"],
                "forward" if forward else "back",
                batch["zone"],
                batch["update_domain"],
                some_of(batch["members"], NAMED),
                show_duration(batch["began_s"]),
                show_duration(batch["ended_s"]),
                some_of(batch["failed"], NAMED),
                needed,
            )
        )
    return rows
