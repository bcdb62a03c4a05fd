"""The header of a scale set's screen: name, upgrade in a line, tabs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.numbers import each_counted, many
from engine.model.overview import UpgradeOverview
from engine.model.scale_set import ScaleSet, versions_of
from engine.model.upgrade import Now
from tui.cells import width_of
from tui.glyphs import Glyphs, upgrade_sign
from tui.palette import Line, Meaning, Piece
from tui.upgrade_words import batches, eta, versions


def name_line(scale_set: ScaleSet, marked: int) -> Line:
    """Name, region, how many instances; how many of them are marked."""
    count = f"  {many(len(scale_set.instances), 'instance')}"
    if len(scale_set.instances) != scale_set.capacity:
        count += f" of {scale_set.capacity:,}"
    return (
        Piece(f" {scale_set.name}", Meaning.TITLE),
        Piece(f"  {scale_set.location}{count}", Meaning.MUTED),
        *production_tag(scale_set),
        *((Piece(f"  {marked:,} marked", Meaning.ACCENT),) if marked else ()),
    )


def production_tag(scale_set: ScaleSet) -> Line:
    """Stands behind the name of a set whose tags say that it serves users."""
    return (Piece("  production", Meaning.NOTICE),) if scale_set.is_production else ()


def state_line(
    scale_set: ScaleSet, seen: UpgradeOverview | None, now: Now, glyphs: Glyphs, width: int, *, stops: bool = False
) -> Line:
    """Versions, state; of a live upgrade its bar, batch and time left, of an ended one where it went.

    One that `stops` when its batch ends has no time left to tell.
    """
    image = versions(seen, each_counted(versions_of(scale_set)) or scale_set.model.image.version, glyphs)
    if seen is None:
        return (Piece(f" {image}"), Piece("   never upgraded", Meaning.MUTED))
    upgrade = seen.upgrade
    sign = upgrade_sign(upgrade)
    number, total = batches(upgrade)
    head: Line = (Piece(f" {image}  "), Piece(f"{glyphs.of(sign)} {sign.word} ", sign.meaning, bold=True))
    if not upgrade.live:
        change = f" {upgrade.previous_image.version} {glyphs.arrow} {upgrade.target.version}"
        return (*head, Piece(change, Meaning.MUTED))
    share = seen.percent
    ahead = f"{number}, then it stops" if stops else f"{number} of {total}   {eta(upgrade.outlook, now)}"
    tail = f" {share} %   batch {ahead} "
    room = max(6, min(50, width - width_of(head) - len(tail) - 1))
    done, rest = glyphs.bar(share / 100, room)
    return (*head, Piece(done, sign.meaning), Piece(rest, Meaning.FAINT), Piece(tail))


def tab_line(names: Sequence[str], chosen: int) -> Line:
    """The tabs, the one in front reversed."""
    pieces = [Piece(" ")]
    for number, name in enumerate(names):
        front = number == chosen
        pieces += [Piece(f" {name} ", Meaning.TITLE if front else Meaning.MUTED, reverse=front), Piece(" ")]
    return tuple(pieces)
