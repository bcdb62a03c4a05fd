"""What the engine answers: records of the present state as JSON values, in Azure's shapes and in ours."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from engine.arm.instance_view import set_instance_view, virtual_machine
from engine.arm.write_scale_set import scale_set_answer
from engine.arm.write_status import azure_code, history, os_upgrade_history_item, rolling_upgrade_status
from engine.decide.blocked_by import BlockedBy, member_blocked_by, upgrade_blocked_by
from engine.decide.count_members import count_members, upgrade_overview
from engine.decide.judge_health import (
    more_upgraded_stop_it,
    shares_to_show,
    unhealthy_verdict,
    upgraded_verdict,
)
from engine.model.codes import ApiError
from engine.model.counters import Counters
from engine.model.events import EngineStarted
from engine.model.health import READ_AS_UNHEALTHY, Health
from engine.model.scale_set import Instance, ScaleSet, stopped_words, versions_of
from engine.model.shares import Share
from engine.model.upgrade import Member, Upgrade
from engine.runtime.image_warnings import image_warnings

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

Answer = dict[str, Any]
GAPS_SHOWN = 1_000


def error_dict(error: ApiError | None) -> Answer | None:
    return asdict(error) if error is not None else None


def blocked_dict(blocked: BlockedBy | None) -> Answer | None:
    return {**asdict(blocked), "kind": blocked.kind.value} if blocked is not None else None


def _blocked(upgrade: Upgrade, scale_set: ScaleSet | None, engine: Engine) -> BlockedBy | None:
    """What it waits for now, and whether its batch takes longer than it should."""
    blocked = upgrade_blocked_by(upgrade, scale_set, engine.clock.now()) if scale_set is not None else None
    late = upgrade.outlook.late if upgrade.outlook is not None else ""
    return replace(blocked, words=f"{blocked.words}; {late}") if blocked is not None and late else blocked


def eta_dict(upgrade: Upgrade) -> Answer | None:
    """Unix seconds between which the upgrade ends in 8 of 10 runs; None where nothing can be said."""
    outlook = upgrade.outlook if upgrade.live else None
    if outlook is None or outlook.eta_low_at is None:
        return None
    return {"low_at": outlook.eta_low_at, "high_at": outlook.eta_high_at}


def counters_dict(counters: Counters) -> dict[str, int]:
    """Counters as the door names them."""
    return {
        "successful": counters.successful,
        "failed": counters.failed,
        "inProgress": counters.in_progress,
        "pending": counters.pending,
        "alreadyCurrent": counters.already_current,
        "protected": counters.protected,
        "held": counters.held,
        "skipped": counters.skipped,
        "gone": counters.gone,
    }


def before_nothing(engine: Engine, upgrade: Upgrade) -> Upgrade | None:
    """Of a set's last upgrade that had nothing to do: the one before it, which did; else None."""
    last = engine.state.last_upgrade(upgrade.scale_set)
    hides = upgrade.had_nothing_to_do and last is not None and last.id == upgrade.id
    return engine.state.last_that_did(upgrade.scale_set) if hides else None


def upgrade_summary(engine: Engine, upgrade: Upgrade) -> Answer:
    """One upgrade in a row: state, counters, batch n of m, blocked by, error."""
    upgrade = engine.guard.shown(upgrade)
    scale_set = engine.state.scale_sets.get(upgrade.scale_set)
    seen = upgrade_overview(upgrade)
    counters = seen.counters
    to_come = upgrade.outlook.batches_to_come if upgrade.outlook is not None else 0
    blocked = _blocked(upgrade, scale_set, engine)
    noticing = upgrade.live and upgrade.faulting is None
    return {
        "id": upgrade.id,
        "scale_set": upgrade.scale_set,
        "scale_set_name": upgrade.scale_set_name,
        "state": upgrade.state.value,
        "azure_code": azure_code(upgrade),
        "target": str(upgrade.target),
        "previous": str(upgrade.previous_image),
        "counters": counters_dict(counters),
        "rolled_back": seen.rolled_back,
        "total": counters.successful + counters.failed + counters.in_progress + counters.pending,
        "percent": seen.percent,
        "batch": len(upgrade.batches),
        "batches": len(upgrade.batches) + to_come,
        "blocked_by": blocked_dict(blocked),
        "eta": eta_dict(upgrade),
        "error": error_dict(upgrade.faulting if upgrade.live else upgrade.error),
        "notice": error_dict(upgrade.error) if noticing else None,
        "holds": [{**asdict(hold), "kind": hold.kind.value} for hold in upgrade.holds.values()],
        "started_at": upgrade.started_at,
        "ended_at": upgrade.ended_at,
        "started_by": upgrade.started_by,
        "actor": upgrade.actor,
        "reason": upgrade.reason,
        "continues": upgrade.continues,
        "rollback_of": upgrade.is_rollback_of,
        "nothing_to_do": upgrade.had_nothing_to_do,
        "to_go": seen.to_go,
        "takes_pending": upgrade.takes_pending,
        "goes_back": upgrade.goes_back,
        "pause_after_batch": upgrade.live and upgrade.pause_after_batch,
        "version": upgrade.version,
    }


def _member(engine: Engine, upgrade: Upgrade, member: Member) -> Answer:
    return {
        "id": member.id,
        "instance_id": member.instance_id,
        "state": member.state.value,
        "batch": member.batch,
        "zone": member.zone,
        "update_domain": member.update_domain,
        "fault_domain": member.fault_domain,
        "error": error_dict(member.error),
        "blocked_by": blocked_dict(member_blocked_by(upgrade, member, engine.clock.now())),
        "left_out": member.left_out.value if member.left_out else None,
        "left_out_reason": member.left_out_reason,
        "restore_point": asdict(member.restore_point) if member.restore_point else None,
    }


def _limits(upgrade: Upgrade, scale_set: ScaleSet) -> Answer:
    """Both limits: of a live run as it stands, of one that broke a limit as it stood when it stopped."""
    shares, at_its_stop = shares_to_show(upgrade, scale_set)
    unhealthy, upgraded = _share(shares.unhealthy, at_its_stop), _share(shares.upgraded, at_its_stop)
    if upgrade.live:
        unhealthy["verdict"] = unhealthy_verdict(upgrade, scale_set)
        upgraded["verdict"] = upgraded_verdict(upgrade, scale_set)
        upgraded["more_stop_it"] = more_upgraded_stop_it(upgrade, scale_set)
    return {"unhealthy": unhealthy, "upgraded": upgraded}


def _share(share: Share, at_its_stop: bool) -> Answer:
    return {
        "at_its_stop": at_its_stop,
        "now": share.bad,
        "total": share.total,
        "percent": share.percent,
        "limit_percent": share.limit_percent,
        "more_stop_it": share.more_stop_it,
        "exceeded": share.exceeded,
    }


def upgrade_detail(engine: Engine, upgrade: Upgrade) -> Answer:
    """Everything about one upgrade, under `azure` and `ours`."""
    scale_set = engine.state.scale_sets.get(upgrade.scale_set)
    before = before_nothing(engine, upgrade)
    ours = upgrade_summary(engine, upgrade) | {
        "members": [_member(engine, upgrade, m) for m in upgrade.members.values()],
        "batch_list": [asdict(batch) for batch in upgrade.batches],
        "before": upgrade_summary(engine, before) if before is not None else None,
        "restore_failed": upgrade.settings.restore_failed.value,
        "settings": asdict(upgrade.settings),
        "limits": _limits(upgrade, scale_set) if scale_set is not None else {},
    }
    return {"azure": rolling_upgrade_status(upgrade, scale_set, count_members(upgrade)), "ours": ours}


def set_summary(engine: Engine, scale_set: ScaleSet) -> Answer:
    """One scale set in a row, with its live or last upgrade."""
    instances = scale_set.instances.values()
    health = Counter([i.health for i in instances])
    last = engine.state.last_upgrade(scale_set.key)
    warnings = list(dict.fromkeys((*scale_set.warnings, *scale_set.model.problems)))
    warnings += [*image_warnings(scale_set, last), *_not_there(scale_set)]
    stopped = stopped_words(scale_set)
    warnings += [f"{stopped}: rollset engine start boots them"] if stopped else []
    return {
        "name": scale_set.name,
        "key": scale_set.key,
        "location": scale_set.location,
        "fleet": scale_set.fleet,
        "capacity": scale_set.capacity,
        "instances": len(scale_set.instances),
        "healthy": health[Health.HEALTHY],
        "unhealthy": sum(health[x] for x in READ_AS_UNHEALTHY),
        "waiting": health[Health.NOT_OBSERVED] + health[Health.INITIALIZING],
        "provisioning": [i.provisioned for i in instances].count(False),
        "image": str(scale_set.model.image),
        "blocked_versions": list(scale_set.blocked_versions),
        "versions": dict(versions_of(scale_set).most_common()),
        "production": scale_set.is_production,
        "deleting": scale_set.deleting,
        "warnings": warnings,
        "upgrade": upgrade_summary(engine, last) if last is not None else None,
    }


def _not_there(scale_set: ScaleSet) -> list[str]:
    """What keeps instances from being there, one sentence a cause."""
    causes: dict[tuple[str, str], list[str]] = {}
    for instance in scale_set.instances.values():
        if instance.trying is not None and instance.trying.tries:
            what = "booted" if instance.provisioned else "created"
            causes.setdefault((what, instance.trying.why), []).append(instance.instance_id)
    return [
        f"{len(names)} instance{'s' if len(names) > 1 else ''} could not be {what} yet ({', '.join(names[:5])}"
        f"{' and more' if len(names) > 5 else ''}), tried again: {why}"
        for (what, why), names in causes.items()
    ]


def _instance(instance: Instance) -> Answer:
    return {
        "instance_id": instance.instance_id,
        "zone": instance.zone,
        "update_domain": instance.update_domain,
        "fault_domain": instance.fault_domain,
        "image": str(instance.image),
        "disk": instance.disk,
        "running": instance.running,
        "provisioned": instance.provisioned,
        "health": instance.health.value,
        "health_detail": instance.health_detail,
        "address": instance.address,
        "latest_model_applied": instance.latest_model_applied,
        "protected": instance.protected_from_actions,
        "hold": asdict(instance.hold) if instance.hold else None,
        "extensions": [asdict(result) for result in instance.extensions],
    }


def set_detail(engine: Engine, scale_set: ScaleSet) -> Answer:
    """One scale set whole, under `azure` and `ours`."""
    instances = list(scale_set.instances.values())
    ours = set_summary(engine, scale_set) | {
        "model_version": scale_set.model_version,
        "instances_list": [_instance(i) for i in instances],
    }
    azure = {
        "model": scale_set_answer(scale_set),
        "instanceView": set_instance_view(scale_set),
        "virtualMachines": [virtual_machine(scale_set, i) for i in instances],
    }
    return {"azure": azure, "ours": ours}


def history_answer(engine: Engine, upgrades: list[Upgrade]) -> Answer:
    """Upgrades, newest first; Azure's shape lists image upgrades with their counters at the end."""
    ordered = sorted(upgrades, key=lambda u: u.started_at, reverse=True)
    sets = engine.state.scale_sets
    items = [os_upgrade_history_item(u, sets.get(u.scale_set), count_members(u)) for u in ordered]
    return {"azure": history(items), "ours": [upgrade_summary(engine, u) for u in ordered]}


def gaps(engine: Engine) -> list[dict[str, float]]:
    """The last times in which no engine ran: until when, and for how many seconds."""
    started = engine.store.last_events(engine.head, GAPS_SHOWN, streams=("engine",), types=("EngineStarted",))
    return [
        {"until_at": r.at, "away_s": r.event.away_s, "clean": float(r.event.clean)}
        for r in started
        if isinstance(r.event, EngineStarted) and r.epoch > 1
    ]
