"""The lines of the scale sets screen: order, groups, columns. Pure: what it is given is all it knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.model.health import Health
from engine.model.numbers import each_counted, many
from engine.model.overview import SetOverview
from engine.model.upgrade import Now, Upgrade, UpgradeState
from tui.cells import fit
from tui.clocks import Clocks
from tui.glyphs import HEALTH_SIGNS, Glyphs
from tui.palette import Line, Meaning, Piece
from tui.scene import FeedLine, Scene
from tui.upgrade_words import blocked_by, progress, versions

NARROW = 100
WELL = HEALTH_SIGNS[Health.HEALTHY]
_PAUSED = (UpgradeState.PAUSED, UpgradeState.PAUSING)
_ROLLING = (UpgradeState.CHECKING, UpgradeState.ROLLING_FORWARD, UpgradeState.ROLLING_BACK, UpgradeState.CANCELLING)
_URGENT = (UpgradeState.FAULTED, UpgradeState.PAUSED, UpgradeState.PAUSING)


def health_share(row: SetOverview) -> float:
    """Healthy instances of all, 0 to 1; an empty set is healthy."""
    return row.healthy / row.instances if row.instances else 1.0


def _urgency(row: SetOverview) -> int:
    if row.upgrade is None:
        return 3
    state = row.upgrade.upgrade.state
    if state in _URGENT:
        return 0
    return 1 if row.upgrade.upgrade.live else 2


def _live(row: SetOverview) -> bool:
    return row.upgrade is not None and row.upgrade.upgrade.live


def resource_group(row: SetOverview) -> str:
    """The resource group out of the set's resource id."""
    parts = row.scale_set.resource_id.split("/")
    lower = [part.lower() for part in parts]
    at = lower.index("resourcegroups") if "resourcegroups" in lower else -1
    return parts[at + 1] if 0 <= at < len(parts) - 1 else "-"


SORTS: Mapping[str, Callable[[SetOverview], object]] = {
    "name": lambda row: 0,
    "region": lambda row: row.scale_set.location,
    "instances": lambda row: -row.instances,
    "health": health_share,
    "upgrade": _urgency,
}
UPGRADE_WIDE = ((190, 70), (150, 46), (100, 34), (0, 26))
"""The column of the upgrade by the width of the screen; the widest has room for the longest code."""
GROUPS: Mapping[str, Callable[[SetOverview], str]] = {
    "": lambda row: "",
    "region": lambda row: row.scale_set.location,
    "resource group": resource_group,
}


@dataclass(frozen=True, slots=True)
class GroupHead:
    """The line above the sets of one group."""

    title: str
    sets: int
    instances: int


Entry = SetOverview | GroupHead


def arrange(rows: Iterable[SetOverview], letters: str, sort: str, group: str) -> list[Entry]:
    """Rows that have the letters in name, region or group, in order, with a head above each group."""
    wanted = letters.casefold()
    kept = [row for row in rows if not wanted or wanted in _searched(row)]
    group_of, order = GROUPS[group], SORTS[sort]
    kept.sort(key=lambda row: (group_of(row), order(row), row.scale_set.name, row.scale_set.key))
    if not group:
        return list(kept)
    found: list[Entry] = []
    title = None
    for row in kept:
        if group_of(row) != title:
            title = group_of(row)
            own = [r for r in kept if group_of(r) == title]
            found.append(GroupHead(title, len(own), sum(r.instances for r in own)))
        found.append(row)
    return found


def _searched(row: SetOverview) -> str:
    tags = " ".join(f"{name}={value}" for name, value in row.scale_set.tags.items())
    return f"{row.scale_set.name} {row.scale_set.location} {resource_group(row)} {tags}".casefold()


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in cells; 0 leaves a column out."""

    name: int
    region: int
    instances: int
    image: int
    health: int
    upgrade: int
    blocked: int


def totals_line(rows: Sequence[SetOverview], glyphs: Glyphs, width: int) -> Line:
    """How many sets and instances, of how many something must be known; a narrow one joins what is healthy."""
    states = [row.upgrade.upgrade.state for row in rows if row.upgrade is not None]
    upgrades = (
        (states.count(UpgradeState.FAULTED), "faulted", glyphs.pick("✗", "X"), Meaning.BAD),
        (sum(s in _PAUSED for s in states), "paused", glyphs.pick("‖", "|"), Meaning.PAUSED),
        (sum(s in _ROLLING for s in states), "rolling", glyphs.pick("▶", ">"), Meaning.WORKING),
    )
    total, bad = sum(r.instances for r in rows), sum(r.unhealthy for r in rows)
    good, waiting = sum(r.healthy for r in rows), sum(r.waiting for r in rows)
    marks = (
        (glyphs.pick("✗", "X"), Meaning.BAD),
        (glyphs.pick("◌", "?"), Meaning.PROBING),
        (glyphs.of(WELL), WELL.meaning),
    )
    head = Piece(f" {many(len(rows), 'set')} ")
    if width < NARROW:
        glyph, meaning = marks[0] if bad else marks[1] if waiting else marks[2]
        health = (Piece(f"  {glyph} {good:,} of {total:,} healthy", meaning),) if total else ()
        return (head, *health, *_counts(upgrades))
    health_counts = ((bad, "unhealthy", *marks[0]), (waiting, "not known yet", *marks[1]), (good, "healthy", *marks[2]))
    return (head, Piece(f"  {many(total, 'instance')}  "), *_counts((*upgrades, *health_counts)))


def _counts(found: Iterable[tuple[int, str, str, Meaning]]) -> Line:
    return tuple(Piece(f"  {glyph} {count:,} {words}", meaning) for count, words, glyph, meaning in found if count)


def columns(width: int, rows: Collection[SetOverview]) -> Columns:
    """Widths for a screen: narrow ones lose the region first; what is left over is for `blocked by`."""
    names = max((cell_len(row.scale_set.name) for row in rows), default=8)
    name = max(8, min(names, 14 if width < 100 else 28))
    region = 0 if width < 100 else 13
    counted = max((cell_len(each_counted(row.versions)) for row in rows if row.versions and not _live(row)), default=0)
    image = max(17, min(counted, 24 if width >= 120 else 17)) if width >= 100 else 13
    upgrade = next(wide for least, wide in UPGRADE_WIDE if width >= least)
    fixed = 2 + name + 1 + (region + 1 if region else 0) + 7 + image + 1 + 9 + upgrade + 1
    return Columns(name, region, 5, image, 7, upgrade, max(0, width - fixed))


def sorts(at: Columns) -> list[str]:
    """What the list can be ordered by: only by what it shows."""
    return [name for name in SORTS if name != "region" or at.region]


def head_line(at: Columns, sort: str, glyphs: Glyphs) -> Line:
    """The names of the columns, with a mark at the one that orders them."""
    mark = glyphs.pick("▾", "v")

    def name(title: str, key: str, width: int, *, right: bool = False) -> Piece:
        text = title + (mark if sort == key else "")
        return Piece(fit(text, width, right=right) + " ", Meaning.ACCENT if sort == key else Meaning.MUTED)

    return (
        Piece("  "),
        name("NAME", "name", at.name),
        *((name("REGION", "region", at.region),) if at.region else ()),
        name("INST", "instances", at.instances, right=True),
        Piece(" "),
        name("IMAGE", "", at.image),
        name("HEALTH", "health", at.health, right=True),
        Piece(" "),
        name("UPGRADE", "upgrade", at.upgrade),
        Piece("BLOCKED BY" if at.blocked >= 10 else "", Meaning.MUTED),
    )


def entry_line(entry: Entry, at: Columns, now: Now, glyphs: Glyphs, *, marked: bool, width: int) -> Line:
    """One line of the list."""
    if isinstance(entry, GroupHead):
        text = f"{entry.title}  {entry.sets} set{'' if entry.sets == 1 else 's'}, {entry.instances:,} instances "
        rule = glyphs.rule * max(0, width - cell_len(text) - 2)
        return (Piece(f" {text} ", Meaning.MUTED, bold=True), Piece(rule, Meaning.FAINT))
    scale_set, live = entry.scale_set, _live(entry)
    image = versions(entry.upgrade, _runs(entry, at.image), glyphs)
    waits = _waits(entry.upgrade.upgrade, now) if entry.upgrade is not None else ""
    cut = glyphs.ellipsis
    return (
        Piece(f"{glyphs.marked} " if marked else "  ", Meaning.ACCENT),
        Piece(fit(scale_set.name, at.name, cut) + " ", Meaning.TITLE),
        *((Piece(fit(scale_set.location, at.region, cut) + " ", Meaning.MUTED),) if at.region else ()),
        Piece(fit(f"{entry.instances:,}", at.instances, cut, right=True) + "  "),
        Piece(fit(image, at.image, cut) + " ", Meaning.TEXT if live else Meaning.MUTED),
        _health(entry, at.health, cut),
        Piece(" "),
        *progress(entry.upgrade, now, glyphs, at.upgrade),
        Piece(
            " " + (fit(waits, at.blocked, cut) if at.blocked >= 10 else ""), Meaning.PROBING if live else Meaning.MUTED
        ),
    )


def _runs(row: SetOverview, width: int) -> str:
    """The versions its instances are on, counted where there is room; what the model names where nobody knows."""
    if not row.versions:
        return row.scale_set.model.image.version
    counted = each_counted(row.versions)
    names = sorted(row.versions, key=lambda name: -(row.versions or {})[name])
    return counted if cell_len(counted) <= width else ", ".join(names)


def _waits(upgrade: Upgrade, now: Now) -> str:
    """What a live one waits for; what an ended one says, without its code, which stands in the column before."""
    return upgrade.error.message if upgrade.error is not None and not upgrade.live else blocked_by(upgrade, now)


def _health(row: SetOverview, width: int, cut: str) -> Piece:
    if not row.instances:
        return Piece(fit("-", width, right=True) + " ", Meaning.OUT)
    percent = health_share(row) * 100
    text = "100 %" if percent == 100 else f"{min(percent, 99.9):.1f} %"
    meaning = Meaning.BAD if row.unhealthy else (Meaning.GOOD if percent == 100 else Meaning.PROBING)
    return Piece(fit(text, width, cut, right=True) + " ", meaning)


def latest_line(line: FeedLine, scene: Scene, clocks: Clocks, glyphs: Glyphs, width: int) -> Line:
    """One event, with the scale set it is about."""
    kind, _, name = line.stream.partition("/")
    if kind == "upgrade" and name in scene.history:
        name = scene.history[name].upgrade.scale_set_name
    elif kind == "scale_set":
        name = name.rpartition("/")[2]
    else:
        name = kind
    return (
        Piece(f" {clocks.time(line.at)}  ", Meaning.MUTED),
        Piece(fit(name, 12 if width < 100 else 18, glyphs.ellipsis) + "  ", Meaning.ACCENT),
        Piece(line.words, Meaning.BAD if line.bad else Meaning.TEXT),
    )
