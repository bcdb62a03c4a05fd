"""Which cells the heat map shows, in which rows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from engine.model.health import Health
from engine.model.scale_set import Instance, ScaleSet
from engine.model.upgrade import Member, MemberState, Upgrade
from tui.cells import width_of
from tui.glyphs import STAYED_WELL, UNTOUCHED, Glyphs, Sign, instance_sign, member_sign
from tui.palette import Line, Meaning, Piece
from tui.widgets.heat_map import Cell, CellRow

VIEWS = ("update domain", "zone", "fault domain", "batch", "grid")


def natural(instance_id: str) -> tuple[int, str]:
    """Sorts 2 before 10."""
    return (int(instance_id), "") if instance_id.isdigit() else (1 << 62, instance_id)


def members_by_instance(upgrade: Upgrade | None) -> Mapping[str, Member]:
    """The place of each instance in an upgrade."""
    return {m.instance_id: m for m in upgrade.members.values()} if upgrade is not None else {}


def sign_of(instance: Instance, member: Member | None, upgrade: Upgrade | None) -> Sign:
    """During an upgrade its place in it; before and after what is wrong with it now, else how it came out."""
    own = instance_sign(instance)
    if member is None or upgrade is None or (not upgrade.live and instance.is_unhealthy):
        return own
    return member_sign(member, upgrade)


def cell_rows(scale_set: ScaleSet, upgrade: Upgrade | None, view: str) -> list[CellRow]:
    """Rows of cells: by update domain, zone, fault domain, batch, or all in one."""
    members = members_by_instance(upgrade)
    ended = upgrade is not None and not upgrade.live
    rows: dict[tuple[int, str], list[Instance]] = {}
    for instance in scale_set.instances.values():
        rows.setdefault(_row_of(instance, members.get(instance.instance_id), view), []).append(instance)

    def sign(instance: Instance) -> Sign:
        own = sign_of(instance, members.get(instance.instance_id), upgrade)
        # After its end those unhealthy are counted on their own: the word keeps them from seeming touched.
        return STAYED_WELL if ended and own is UNTOUCHED and instance.health is Health.HEALTHY else own

    found = []
    for key in sorted(rows):
        own = sorted(rows[key], key=lambda i: (i.zone, natural(i.instance_id)))
        cells = tuple(Cell(i.instance_id, sign(i)) for i in own)
        found.append(CellRow(key[1], cells, _count(own, members) if upgrade is not None else ""))
    return found


def _count(own: list[Instance], members: Mapping[str, Member]) -> str:
    """`13/24`: how many of a row came to their end, of those that take part; empty where none does."""
    part = [m for i in own if (m := members.get(i.instance_id)) is not None and m.state is not MemberState.LEFT_OUT]
    return f"{sum(m.state is MemberState.SUCCEEDED for m in part)}/{len(part)}" if part else ""


def _row_of(instance: Instance, member: Member | None, view: str) -> tuple[int, str]:
    if view == "update domain":
        return instance.update_domain, f"UD{instance.update_domain}"
    if view == "zone":
        return 0, f"zone {instance.zone}" if instance.zone else "no zone"
    if view == "fault domain":
        return instance.fault_domain, f"FD{instance.fault_domain}"
    if view == "grid":
        return 0, ""
    if member is None or member.state is MemberState.LEFT_OUT:
        return 1 << 30, "left out"
    return (member.batch, f"batch {member.batch}") if member.batch is not None else (1 << 29, "to come")


def legend(rows: list[CellRow], glyphs: Glyphs) -> list[Line]:
    """One entry a sign: glyph, count, word; the most first."""
    counts = Counter(cell.sign for row in rows for cell in row.cells)
    return [
        (Piece(f" {glyphs.of(sign)} ", sign.meaning), Piece(f"{count:,} {sign.word} ", sign.meaning))
        for sign, count in counts.most_common()
    ]


def cursor_line(scale_set: ScaleSet, upgrade: Upgrade | None, name: str) -> Line:
    """The instance under the cursor: name, state, image, address."""
    instance = scale_set.instances.get(name)
    if instance is None:
        return ()
    sign = sign_of(instance, members_by_instance(upgrade).get(name), upgrade)
    return (
        Piece(f" {scale_set.name}_{name}", Meaning.TITLE),
        Piece(f"  {sign.word}", sign.meaning),
        Piece(f"  {instance.image.version}  {instance.address}", Meaning.MUTED),
    )


def flow(entries: list[Line], width: int) -> list[Line]:
    """Short lines joined to as few as fit."""
    lines: list[Line] = []
    for entry in entries:
        if lines and width_of(lines[-1]) + width_of(entry) <= width:
            lines[-1] = (*lines[-1], *entry)
        else:
            lines.append(entry)
    return lines
