"""Tabs of a scale set that are lists of its parts: instances, history, extensions, model. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from engine.model.health import HealthSource
from engine.model.overview import UpgradeOverview
from engine.model.scale_set import Instance, ScaleSet
from engine.model.upgrade import Member, Upgrade
from tui.cells import fit, wrap
from tui.clocks import Clocks, short
from tui.effects import named
from tui.glyphs import HEALTH_SIGNS, Glyphs, upgrade_sign
from tui.palette import Line, Meaning, Piece
from tui.screens.set_cells import members_by_instance, natural, sign_of
from tui.upgrade_words import ended_words


def instance_head(width: int) -> Line:
    """Names of the columns of the instances."""
    at = _columns(width)
    place = f"{fit('FD', 3)} {fit('ADDRESS', at.address)} " if at.address else ""
    names = f"{fit('ID', 6)} {fit('STATE', at.state)} {fit('HEALTH', at.health)} {fit('IMAGE', at.image)} "
    return (Piece(f"  {names}{fit('ZONE', 4)} {fit('UD', 3)} {place}WHY", Meaning.MUTED),)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Widths in cells; `address` 0 leaves fault domain and address out."""

    state: int
    health: int
    image: int
    address: int


def _columns(width: int) -> _Columns:
    return _Columns(22, 17, 12, 15) if width >= 110 else _Columns(16, 13, 8, 0)


def instance_line(
    instance: Instance, member: Member | None, upgrade: Upgrade | None, glyphs: Glyphs, *, marked: bool, width: int
) -> Line:
    """One instance: its place in the upgrade, its health, its image, where it is, and why it failed or is left out."""
    sign, health = sign_of(instance, member, upgrade), HEALTH_SIGNS[instance.health]
    cut = glyphs.ellipsis
    state = f"{glyphs.of(sign)} {sign.word}"
    more = ""
    if member is not None and member.error is not None:
        more = member.error.message
    elif instance.hold is not None:
        more = f"held by {instance.hold.by}: {instance.hold.reason}"
    elif instance.is_unhealthy:
        more = instance.health_detail
    at = _columns(width)
    place = f"{fit(str(instance.fault_domain), 3)} {fit(instance.address, at.address)} " if at.address else ""
    return (
        Piece(f"{glyphs.marked} " if marked else "  ", Meaning.ACCENT),
        Piece(fit(instance.instance_id, 6, cut) + " ", Meaning.TITLE),
        Piece(fit(state, at.state, cut) + " ", sign.meaning),
        Piece(fit(f"{glyphs.of(health)} {health.word}", at.health, cut) + " ", health.meaning),
        Piece(fit(instance.image.version, at.image, cut) + " "),
        Piece(f"{fit(instance.zone or '-', 4, cut)} {fit(str(instance.update_domain), 3, cut)} ", Meaning.MUTED),
        Piece(place, Meaning.MUTED),
        Piece(more, Meaning.BAD if instance.is_unhealthy or (member and member.error) else Meaning.MUTED),
    )


def history_lines(
    history: Mapping[str, UpgradeOverview], key: str, glyphs: Glyphs, clocks: Clocks, width: int
) -> list[Line]:
    """The set's upgrades, newest first: when, from and to, how it ended, counts, who and why."""
    own = sorted((u for u in history.values() if u.upgrade.scale_set == key), key=lambda u: -u.upgrade.started_at)
    return [_history_line(seen, glyphs, clocks, width) for seen in own]


def _history_line(seen: UpgradeOverview, glyphs: Glyphs, clocks: Clocks, width: int) -> Line:
    upgrade = seen.upgrade
    sign = upgrade_sign(upgrade)
    took = "" if upgrade.ended_at is None else short(upgrade.ended_at - upgrade.started_at)
    why = f"{upgrade.error.code} " if upgrade.error is not None and not upgrade.live else ""
    change = f"{upgrade.previous_image.version} {glyphs.arrow} {upgrade.target.version}"
    return (
        Piece("  " + clocks.day(upgrade.started_at)[0 if width >= 100 else 5 :] + "  ", Meaning.MUTED),
        Piece(fit(change, 16, glyphs.ellipsis) + " "),
        Piece(fit(f"{glyphs.of(sign)} {sign.word}", 16) + " ", sign.meaning),
        Piece(fit(took, 6, right=True) + "  ", Meaning.MUTED),
        Piece(f"{ended_words(seen)}  ", Meaning.TEXT),
        Piece(f"{upgrade.roll_back_words}  " if upgrade.roll_back_words else "", Meaning.BACK),
        Piece(why, Meaning.BAD),
        Piece(f"{upgrade.actor}" + (f": {upgrade.reason}" if upgrade.reason else ""), Meaning.MUTED),
    )


def health_words(source: HealthSource) -> str:
    """Who is asked, how often, and how many answers decide."""
    return (
        f"{source.kind.value.replace('_', ' ')}, {source.protocol} port {source.port} {source.path}, "
        f"every {source.interval_s:g} s, {source.number_of_probes} in a row decide, "
        f"{source.grace_period_s:g} s of grace"
    )


def is_back(instance: Instance, member: Member | None) -> bool:
    """Whether it has the OS disk again that it had before the upgrade: what extensions did there, is there still."""
    point = member.restore_point if member is not None and not member.on_new_disk else None
    return member is not None and member.replaced and point is not None and point.disk == instance.disk


def extension_lines(scale_set: ScaleSet, upgrade: Upgrade | None, glyphs: Glyphs, width: int) -> list[Line]:
    """The model's extensions in order, and how their last runs ended."""
    extensions = scale_set.model.extensions
    if not extensions:
        return [(), (Piece("  The model has no extensions.", Meaning.MUTED),)]
    found: list[Line] = []
    members = members_by_instance(upgrade)
    for extension in extensions:
        results = {
            name: result
            for name, instance in scale_set.instances.items()
            for result in instance.extensions
            if result.name == extension.name
        }
        bad = [name for name, result in results.items() if result.exit_code != 0]
        without = [name for name in sorted(scale_set.instances, key=natural) if name not in results]
        back = [name for name in without if is_back(scale_set.instances[name], members.get(name))]
        never = [name for name in without if name not in back]
        ran = "back on the OS disk on which it ran before the upgrade"
        kind = f"{extension.publisher} {extension.type} {extension.type_handler_version}"
        after = f"  after {', '.join(extension.provision_after)}" if extension.provision_after else ""
        found += [
            (),
            (Piece(f"  {extension.name}", Meaning.TITLE), Piece(f"  {kind}{after}", Meaning.MUTED)),
            (
                Piece(f"  {glyphs.pick('■', '#')} {len(results) - len(bad)} ended well  ", Meaning.GOOD),
                Piece(f"{glyphs.pick('✗', 'X')} failed on {named(bad)}  " if bad else "", Meaning.BAD),
            ),
            *_instances_of(ran, back, width),
            *_instances_of("not run on this disk yet", never, width),
        ]
    return found


def _instances_of(words: str, names: list[str], width: int) -> list[Line]:
    lines = wrap(f"{words}: {named(names)}", width - 6) if names else []
    return [(Piece(f"    {line}", Meaning.MUTED),) for line in lines]


def model_lines(scale_set: ScaleSet) -> list[Line]:
    """The document as it was applied, as JSON."""
    text = json.dumps(json.loads(scale_set.document or "{}"), indent=2, ensure_ascii=False)
    return [(Piece(f" {line}", Meaning.TEXT),) for line in text.splitlines()]
