"""A plan, drawn: checks, limits, batches, who is left out, the way back, settings with their origin. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.cells import fit, width_of, wrap
from tui.clocks import about
from tui.effects import ids, named
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece
from tui.plain.upgrades import size
from tui.screens.list_screen import labelled

LEVELS = {
    "refused": ("✗", "X", Meaning.BAD),
    "warned": ("!", "!", Meaning.NOTICE),
    "passed": ("✓", "+", Meaning.GOOD),
}
LABEL = 14
Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlanPage:
    """What a page is drawn from; `width` in cells."""

    plan: Answer
    glyphs: Glyphs
    width: int


def fact_lines(page: PlanPage) -> list[Line]:
    """What an operator decides on: checks, limits, time, room, way back; then every setting with its origin."""
    plan = page.plan
    found = [*_heading("Checks", page), *_checks(page), ()]
    found += [*_heading("Limits", page), *_limits(page), ()]
    found += _heading("Before you start", page)
    found += labelled("time", time_words(plan), page.width, label_width=LABEL)
    found += labelled("way back", str(plan["restore_point"]), page.width, label_width=LABEL)
    found += labelled("room", _room(plan), page.width, _room_meaning(plan), label_width=LABEL)
    found += labelled("plan", f"{plan['hash']}, of model version {plan['model_version']}", page.width, Meaning.MUTED,
                      label_width=LABEL)  # fmt: skip
    return [*found, (), *_heading("Settings", page), *_settings(page)]


def batch_lines(page: PlanPage) -> list[Line]:
    """The batches in order with their members and the reason of their size, then who is left out and why."""
    plan = page.plan
    batches: Sequence[Answer] = plan["batches"]
    found = _heading("Batches", page)
    if not batches:
        found.append((Piece(" Nothing would be upgraded.", Meaning.MUTED),))
    most = max((len(batch["members"]) for batch in batches), default=1)
    for batch in batches:
        found += _batch(batch, most, page)
    if len(batches) > 1:
        words = "Those after the first are a forecast: each is decided when it begins."
        found += [(), *_muted(words, page)]
    return [*found, (), *_left_out(page)]


def _heading(title: str, page: PlanPage) -> list[Line]:
    rule = page.glyphs.rule * max(0, page.width - len(title) - 3)
    return [(Piece(f" {title} ", Meaning.TITLE), Piece(rule, Meaning.FAINT))]


def _muted(words: str, page: PlanPage) -> list[Line]:
    return [(Piece(f" {line}", Meaning.MUTED),) for line in wrap(words, page.width - 2)]


def _checks(page: PlanPage) -> list[Line]:
    """The gravest first, each with its cure."""
    found: list[Line] = []
    for level, (fine, plain, meaning) in LEVELS.items():
        for check in page.plan["checks"]:
            if check["level"] != level:
                continue
            lines = wrap(str(check["words"]), page.width - 12)
            head = f" {page.glyphs.pick(fine, plain)} {level:<8}"
            found += [
                (Piece(head if n == 0 else " " * len(head), meaning), Piece(line)) for n, line in enumerate(lines)
            ]
            cures = wrap(str(check["cure"]), page.width - 14) if check["cure"] else []
            found += [(Piece(" " * len(head) + line, Meaning.MUTED),) for line in cures]
    return found


def _limits(page: PlanPage) -> list[Line]:
    """How many failures each limit bears, in instances: a share of a small set may bear none at all."""
    settings = {str(s["name"]): str(s["value"]) for s in page.plan["settings"]}
    total = len(page.plan["instances"])
    chosen = sum(len(batch["members"]) for batch in page.plan["batches"])
    first = len(page.plan["batches"][0]["members"]) if page.plan["batches"] else 0
    found: list[Line] = []
    pairs = (
        ("unhealthy", settings.get("maxUnhealthyInstancePercent", ""), total, "of the whole set"),
        ("upgraded", settings.get("maxUnhealthyUpgradedInstancePercent", ""), first, "of the first batch"),
    )
    for label, value, of, words in pairs:
        percent = value.partition(" ")[0]
        if not percent.isdecimal() or not of:
            continue
        bears = of * int(percent) // 100
        text = f"{value}: the {_nth(bears + 1)} failure {words} ({of:,}) stops it"
        if bears >= of:
            text = f"{value}: it never stops it"
        tight = Meaning.NOTICE if bears == 0 and chosen else Meaning.TEXT
        found += labelled(label, text, page.width, tight, label_width=LABEL)
    return found


def _nth(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def time_words(plan: Answer) -> str:
    """`10m to 2h`, `about 9m`."""
    low, high = about(float(plan["eta_low_s"])), about(float(plan["eta_high_s"]))
    return (low if low.startswith("<") else f"about {low}") if low == high else f"{low} to {high}"


def _room(plan: Answer) -> str:
    free = plan["room_free_bytes"]
    beside = f" of {size(free)} that are free" if free is not None else "; this fleet does not say what is free"
    return f"{size(plan['room_needed_bytes'])} for new OS disks{beside}"


def _room_meaning(plan: Answer) -> Meaning:
    free = plan["room_free_bytes"]
    return Meaning.BAD if free is not None and plan["room_needed_bytes"] > free else Meaning.TEXT


def _settings(page: PlanPage) -> list[Line]:
    found: list[Line] = []
    name_width = max((len(str(s["name"])) for s in page.plan["settings"]), default=0)
    for setting in page.plan["settings"]:
        name, value = str(setting["name"]), str(setting["value"])
        head: Line = (Piece(f" {fit(name, name_width)} ", Meaning.MUTED), Piece(f" {value}"))
        origin = str(setting["origin"])
        meaning = Meaning.OUT if origin == "default" else Meaning.ACCENT
        if width_of(head) + len(origin) + 2 <= page.width:
            found.append((*head, Piece(f"  {origin}", meaning)))
            continue
        found.append(head)
        found += [(Piece("   " + line, meaning),) for line in wrap(origin, page.width - 4)]
    return found


def _place(batch: Answer) -> str:
    parts = [f"UD{batch['update_domain']}"] if batch["update_domain"] is not None else []
    return ", ".join([*parts, *([f"zone {batch['zone']}"] if batch["zone"] else [])]) or "all"


def _batch(batch: Answer, most: int, page: PlanPage) -> list[Line]:
    count = len(batch["members"])
    done, rest = page.glyphs.bar(count / most, 10)
    head: Line = (
        Piece(f" {batch['number']:>3}  ", Meaning.TITLE),
        Piece(fit(_place(batch), 14)),
        Piece(fit(f"{count:,}", 5, right=True) + "  ", Meaning.TEXT),
        Piece(done, Meaning.WORKING),
        Piece(rest, Meaning.FAINT),
        Piece(f"  {_size_words(str(batch['why']))}", Meaning.MUTED),
    )
    lines = wrap(ids(batch["members"]), page.width - 8)
    return [head, *((Piece("      " + line, Meaning.MUTED),) for line in lines)]


def _size_words(why: str) -> str:
    """Of `8 of 8 in update domain 0, zone 1 (20 % of 120 = 24; only 8 share it)` what the line has not said yet."""
    return why.partition("(")[2].removesuffix(")") or why


def _left_out(page: PlanPage) -> list[Line]:
    found = _heading("Left out", page)
    words = left_out(page.plan)
    if not words:
        return [*found, *_muted("Nobody is left out.", page)]
    return found + [(Piece(f" {line}", Meaning.OUT),) for text in words for line in wrap(text, page.width - 2)]


def left_out(plan: Answer) -> list[str]:
    """Who is left out, a sentence a reason, the most first."""
    by_reason: dict[str, list[str]] = {}
    for instance in plan["instances"]:
        if instance["left_out"]:
            reason = str(instance["left_out"]).removeprefix("alreadyCurrent: ")
            by_reason.setdefault(reason, []).append(str(instance["instance_id"]))
    ordered = sorted(by_reason.items(), key=lambda item: -len(item[1]))
    return [f"{named(names)}, {reason}" for reason, names in ordered]
