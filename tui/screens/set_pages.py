"""The other tabs of a scale set: instances, history, policy, extensions, model. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from engine.model.health import HealthSource
from engine.model.overview import UpgradeOverview
from engine.model.scale_set import Instance, ScaleSet
from engine.model.upgrade import Member, Upgrade
from tui.cells import fit
from tui.clocks import Clocks, short
from tui.glyphs import HEALTH_SIGNS, Glyphs, upgrade_sign
from tui.palette import Line, Meaning, Piece
from tui.screens.list_screen import labelled
from tui.screens.set_cells import sign_of


def instance_head(width: int) -> Line:
    """Names of the columns of the instances."""
    return (Piece(_columns("ID", "STATE", "HEALTH", "IMAGE", "ZONE", "UD", "FD", "ADDRESS", width), Meaning.MUTED),)


def _columns(
    name: str, state: str, health: str, image: str, zone: str, ud: str, fd: str, address: str, width: int
) -> str:
    wide = width >= 110
    text = f"  {fit(name, 6)} {fit(state, 22)} {fit(health, 17)} {fit(image, 12)} {fit(zone, 4)} {fit(ud, 3)}"
    return text + (f" {fit(fd, 3)} {address}" if wide else "")


def instance_line(
    instance: Instance, member: Member | None, live: bool, glyphs: Glyphs, *, marked: bool, width: int
) -> Line:
    """One instance: its place in the upgrade, its health, its image, where it is, and why it failed or is left out."""
    sign, health = sign_of(instance, member, live), HEALTH_SIGNS[instance.health]
    cut = glyphs.ellipsis
    state = f"{glyphs.of(sign)} {sign.word}"
    more = ""
    if member is not None and member.error is not None:
        more = member.error.message
    elif instance.hold is not None:
        more = f"held by {instance.hold.by}: {instance.hold.reason}"
    elif instance.is_unhealthy:
        more = instance.health_detail
    place = f"{fit(instance.fault_domain.__str__(), 3)} {fit(instance.address, 15)} " if width >= 110 else ""
    return (
        Piece(f"{glyphs.marked} " if marked else "  ", Meaning.ACCENT),
        Piece(fit(instance.instance_id, 6, cut) + " ", Meaning.TITLE),
        Piece(fit(state, 22, cut) + " ", sign.meaning),
        Piece(fit(f"{glyphs.of(health)} {health.word}", 17, cut) + " ", health.meaning),
        Piece(fit(instance.image.version, 12, cut) + " "),
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
    upgrade, counted = seen.upgrade, seen.counters
    sign = upgrade_sign(upgrade)
    took = "" if upgrade.ended_at is None else short(upgrade.ended_at - upgrade.started_at)
    why = f"{upgrade.error.code} " if upgrade.error is not None and not upgrade.live else ""
    change = f"{upgrade.previous_image.version} {glyphs.arrow} {upgrade.target.version}"
    return (
        Piece("  " + clocks.day(upgrade.started_at)[0 if width >= 100 else 5 :] + "  ", Meaning.MUTED),
        Piece(fit(change, 16, glyphs.ellipsis) + " "),
        Piece(fit(f"{glyphs.of(sign)} {sign.word}", 16) + " ", sign.meaning),
        Piece(fit(took, 6, right=True) + "  ", Meaning.MUTED),
        Piece(f"{counted.successful} done, {counted.failed} failed  ", Meaning.TEXT),
        Piece(why, Meaning.BAD),
        Piece(f"{upgrade.actor}" + (f": {upgrade.reason}" if upgrade.reason else ""), Meaning.MUTED),
    )


def policy_lines(scale_set: ScaleSet, upgrade: Upgrade | None, width: int) -> list[Line]:
    """The policy by Azure's names: of the model, and of the upgrade where it differs."""
    own = upgrade.settings.policy if upgrade is not None and upgrade.live else None
    policy = scale_set.model.policy
    names = (
        ("maxBatchInstancePercent", "max_batch_instance_percent", " %"),
        ("maxUnhealthyInstancePercent", "max_unhealthy_instance_percent", " %"),
        ("maxUnhealthyUpgradedInstancePercent", "max_unhealthy_upgraded_instance_percent", " %"),
        ("pauseTimeBetweenBatches", "pause_between_batches_s", " s"),
        ("enableCrossZoneUpgrade", "enable_cross_zone_upgrade", ""),
        ("prioritizeUnhealthyInstances", "prioritize_unhealthy_instances", ""),
        ("rollbackFailedInstancesOnPolicyBreach", "rollback_failed_instances_on_policy_breach", ""),
    )
    found: list[Line] = [()]
    for name, field, unit in names:
        value, mine = getattr(policy, field), getattr(own, field) if own is not None else None
        differs = mine is not None and mine != value
        found.append(
            (
                Piece(f"  {fit(name, 40)}", Meaning.MUTED),
                Piece(_value(value, unit)),
                Piece(f"   this upgrade: {_value(mine, unit)}" if differs else "", Meaning.NOTICE),
            )
        )
    found += [(), *_run_settings(upgrade)] if upgrade is not None else []
    health = scale_set.model.health
    words = health_words(health) if health is not None else "power state (no probe, no health extension)"
    return [*found, (), *labelled(" health", words, width, label_width=40)]


def health_words(source: HealthSource) -> str:
    """Who is asked, how often, and how many answers decide."""
    return (
        f"{source.kind.value.replace('_', ' ')}, {source.protocol} port {source.port} {source.path}, "
        f"every {source.interval_s:g} s, {source.number_of_probes} in a row decide, "
        f"{source.grace_period_s:g} s of grace"
    )


def _run_settings(upgrade: Upgrade) -> list[Line]:
    settings = upgrade.settings
    pairs = (
        ("failed instances are restored", settings.restore_failed.value.replace("_", " ")),
        ("health wait of an instance", short(settings.health_window_s)),
        ("time-out of the upgrade", short(settings.upgrade_timeout_s)),
        ("instances at once", str(settings.batch_count) if settings.batch_count is not None else "as the policy says"),
    )
    return [(Piece(f"  {fit(name, 40)}", Meaning.MUTED), Piece(value)) for name, value in pairs]


def _value(value: object, unit: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}{unit}" if isinstance(value, float) else f"{value}{unit}"


def extension_lines(scale_set: ScaleSet, glyphs: Glyphs) -> list[Line]:
    """The model's extensions in order, and how their last runs ended."""
    extensions = scale_set.model.extensions
    if not extensions:
        return [(), (Piece("  The model has no extensions.", Meaning.MUTED),)]
    found: list[Line] = []
    for extension in extensions:
        results = [r for i in scale_set.instances.values() for r in i.extensions if r.name == extension.name]
        bad = [r for r in results if r.exit_code != 0]
        kind = f"{extension.publisher} {extension.type} {extension.type_handler_version}"
        after = f"  after {', '.join(extension.provision_after)}" if extension.provision_after else ""
        found += [
            (),
            (Piece(f"  {extension.name}", Meaning.TITLE), Piece(f"  {kind}{after}", Meaning.MUTED)),
            (
                Piece(f"  {glyphs.pick('■', '#')} {len(results) - len(bad)} ended well  ", Meaning.GOOD),
                Piece(f"{glyphs.pick('✗', 'X')} {len(bad)} failed" if bad else "", Meaning.BAD),
            ),
        ]
    return found


def model_lines(scale_set: ScaleSet) -> list[Line]:
    """The document as it was applied, as JSON."""
    text = json.dumps(json.loads(scale_set.document or "{}"), indent=2, ensure_ascii=False)
    return [(Piece(f" {line}", Meaning.TEXT),) for line in text.splitlines()]
