"""Azure's answers about upgrades: RollingUpgradeStatusInfo and osUpgradeHistory, with its fields and spellings."""

from __future__ import annotations

from typing import Any

from engine.arm.iso8601 import format_duration
from engine.arm.times import format_time
from engine.model.codes import ApiError, ErrorCode, ErrorDetail
from engine.model.counters import Counters
from engine.model.image import ImageReference
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Direction, MemberState, Outcome, Upgrade

TYPE = "Microsoft.Compute/virtualMachineScaleSets/rollingUpgrades"
Json = dict[str, Any]


def azure_code(upgrade: Upgrade) -> str:
    """RollingForward or RollingBack while it is live; a RolledBack upgrade is Faulted for Azure."""
    if upgrade.outcome is None:
        return "RollingBack" if upgrade.direction is Direction.BACK else "RollingForward"
    return "Faulted" if upgrade.outcome is Outcome.ROLLED_BACK else upgrade.outcome.value


def _error(error: ApiError | None) -> Json | None:
    if error is None:
        return None
    return {
        "code": str(error.code),
        "message": error.message,
        "target": error.target,
        "details": [{"code": str(d.code), "target": d.target, "message": d.message} for d in error.details],
        "innererror": None,
    }


def _progress(counters: Counters) -> Json:
    return {
        "successfulInstanceCount": counters.successful,
        "failedInstanceCount": counters.failed,
        "inProgressInstanceCount": counters.in_progress,
        "pendingInstanceCount": counters.pending,
    }


def rolling_upgrade_status(upgrade: Upgrade, scale_set: ScaleSet | None, counters: Counters) -> Json:
    """The body of `rollingUpgrades/latest` for this upgrade."""
    policy = upgrade.settings.policy
    action = "Cancel" if upgrade.last_action == "Cancel" else "Start"
    return {
        "properties": {
            "policy": {
                "maxBatchInstancePercent": policy.max_batch_instance_percent,
                "maxUnhealthyInstancePercent": policy.max_unhealthy_instance_percent,
                "maxUnhealthyUpgradedInstancePercent": policy.max_unhealthy_upgraded_instance_percent,
                "pauseTimeBetweenBatches": format_duration(policy.pause_between_batches_s),
                "enableCrossZoneUpgrade": policy.enable_cross_zone_upgrade,
                "prioritizeUnhealthyInstances": policy.prioritize_unhealthy_instances,
                "rollbackFailedInstancesOnPolicyBreach": policy.rollback_failed_instances_on_policy_breach,
                "maxSurge": policy.max_surge,
            },
            "runningStatus": {
                "code": azure_code(upgrade),
                "startTime": format_time(upgrade.started_at),
                "lastAction": action,
                "lastActionTime": format_time(upgrade.last_action_at if action == "Cancel" else upgrade.started_at),
            },
            "progress": _progress(counters),
            "error": _error(upgrade.faulting if upgrade.live and upgrade.faulting else upgrade.error),
        },
        "id": None,
        "name": None,
        "type": TYPE,
        "location": scale_set.location if scale_set is not None else "",
        "tags": {},
    }


def _reference(image: ImageReference) -> Json:
    return {
        "publisher": image.publisher,
        "offer": image.offer,
        "sku": image.sku,
        "version": image.version,
        "exactVersion": image.version,
        "id": None,
        "sharedGalleryImageId": None,
        "communityGalleryImageId": None,
    }


def _count(upgrade: Upgrade, *states: MemberState) -> int:
    return sum(found.count for found in upgrade.states() if found.state in states)


def _rollback_error(upgrade: Upgrade) -> ApiError | None:
    """What kept instances from being back and healthy; details as far as the members are at hand."""
    failed, sick = _count(upgrade, MemberState.RESTORE_FAILED), _count(upgrade, MemberState.ROLLED_BACK_UNHEALTHY)
    if not failed and not sick:
        return None
    words = [f"{many(failed, 'instance')} could not be put back on the previous OS disk"] if failed else []
    words += [f"{many(sick, 'instance')} back on the previous OS disk did not become healthy"] if sick else []
    details = tuple(
        ErrorDetail(m.error.code, f"{upgrade.scale_set_name}/virtualMachines/{m.instance_id}", m.error.message)
        for m in upgrade.members.values()
        if m.error is not None and m.state in (MemberState.RESTORE_FAILED, MemberState.ROLLED_BACK_UNHEALTHY)
    )
    code = ErrorCode.INTERNAL if failed else ErrorCode.INSTANCE_UNHEALTHY
    return ApiError(code, "; ".join(words) + ".", None, details)


def os_upgrade_history_item(upgrade: Upgrade, scale_set: ScaleSet | None, counters: Counters) -> Json:
    """One item of osUpgradeHistory; `targetImageReference.version` is the resolved version."""
    return {
        "properties": {
            "runningStatus": {
                "code": azure_code(upgrade),
                "startTime": format_time(upgrade.started_at),
                "endTime": format_time(upgrade.ended_at),
            },
            "progress": _progress(counters),
            "error": _error(upgrade.error),
            "startedBy": upgrade.started_by,
            "targetImageReference": _reference(upgrade.target),
            "rollbackInfo": {
                "successfullyRolledbackInstanceCount": _count(upgrade, MemberState.ROLLED_BACK),
                "failedRolledbackInstanceCount": _count(
                    upgrade, MemberState.RESTORE_FAILED, MemberState.ROLLED_BACK_UNHEALTHY
                ),
                "rollbackError": _error(_rollback_error(upgrade)),
            },
        },
        "type": TYPE,
        "location": scale_set.location if scale_set is not None else "",
    }


def history(items: list[Json]) -> Json:
    """The body of osUpgradeHistory. Azure keeps five upgrades of two months; here nothing is cut."""
    return {"value": items, "nextLink": None}
