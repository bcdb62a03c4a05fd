"""Each event as one plain sentence for an operator's feed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.model import events as e
from engine.model.numbers import many
from engine.model.upgrade import HoldKind, MemberState
from engine.wire.events import UnknownEvent
from engine.wire.safe_text import printable

_ENTERED = {
    MemberState.CAPTURING: "begins",
    MemberState.REPLACING: "gets a new OS disk",
    MemberState.EXTENDING: "runs an extension",
    MemberState.AWAITING_HEALTH: "waits for health",
    MemberState.SUCCEEDED: "succeeded",
    MemberState.FAILED: "FAILED",
    MemberState.RESTORING: "gets its previous OS disk back",
    MemberState.AWAITING_HEALTH_AFTER_RESTORE: "waits for health after its restore",
    MemberState.ROLLED_BACK: "is rolled back",
    MemberState.ROLLED_BACK_UNHEALTHY: "is rolled back but unhealthy",
    MemberState.RESTORE_FAILED: "could NOT be restored",
    MemberState.GONE: "is gone",
}


def words(event: e.Event) -> str:
    """One printable sentence without a line break."""
    say = _WORDS.get(type(event))
    return printable(say(event)) if say is not None else type(event).__name__


def _started(x: e.UpgradeStarted) -> str:
    chosen = sum(m.left_out is None for m in x.upgrade.members.values())
    back = f" ({x.upgrade.roll_back_words})" if x.upgrade.roll_back_words else ""
    return (
        f"upgrade {x.upgrade.id} of {x.upgrade.scale_set_name} to {x.upgrade.target}{back} began: {chosen} of "
        f"{len(x.upgrade.members)} instances, started by {x.upgrade.actor}"
    )


def _moved(x: e.MemberMoved) -> str:
    what = _ENTERED.get(x.entered, x.entered.value)
    why = x.error.message if x.error is not None else x.why
    return f"instance {x.instance_id} {what}" + (f": {why}" if why else "")


def _batch_ended(x: e.BatchEnded) -> str:
    how = "with failures" if x.failed else "done"
    upgraded = "" if x.back else f"{x.upgraded_unhealthy} of {x.upgraded} upgraded unhealthy, "
    return f"batch {x.number} {how}: {upgraded}{x.unhealthy} of {x.total} unhealthy in all"


def _judged(x: e.CommandJudged) -> str:
    verdict = "accepted" if x.refusal is None else f"refused: {x.refusal}"
    said = " ".join(filter(None, (x.verb, x.subject.rpartition("/")[2], verdict)))
    return f"{x.actor}: {said}" + (f" ({x.reason})" if x.reason else "")


def _present(x: e.PresenceChanged) -> str:
    if not x.attached:
        return "nobody watches"
    return "watching: " + ", ".join(f"{a.user} ({a.role})" for a in x.attached)


_HELD = {HoldKind.OPERATOR: "pause"}


def _hold_raised(x: e.HoldRaised) -> str:
    if x.hold.kind is HoldKind.OPERATOR:
        return f"paused by {x.hold.by}" + (f": {x.hold.reason}" if x.hold.reason else "")
    return f"held ({x.hold.kind.value}) by {x.hold.by}: {x.hold.reason or 'no reason given'}"


def _extension_ran(x: e.ExtensionRan) -> str:
    code = x.result.exit_code
    said = (x.result.stderr or x.result.stdout).strip().splitlines() if code != 0 else []
    how = f"ended with {code}" if code is not None else "gave no exit code"
    return f"instance {x.instance_id}: extension {x.result.name} {how}" + (f": {said[-1][:400]}" if said else "")


def _unknown(x: e.InstancesUnknown) -> str:
    if not x.count:
        return "every local instance belongs to a scale set"
    more = ", ..." if x.count > len(x.names) else ""
    found = f"{many(x.count, 'local instance')} that no scale set has: {', '.join(x.names)}{more}"
    return f"{found}; left as found, and set aside when a new instance takes the place"


def _outlook(x: e.UpgradeOutlookChanged) -> str:
    label = "" if x.outlook.blocked_kind == HoldKind.OPERATOR else "waits for "
    waits = f", {label}{x.outlook.blocked_words}" if x.outlook.blocked_kind else ""
    return f"{x.outlook.batches_to_come} batches to come{waits}"


def _protected_from(event: e.ProtectionChanged) -> str:
    found = [
        words for words, so in (("actions on its set", event.from_actions), ("scale-in", event.from_scale_in)) if so
    ]
    return f"protected from {' and from '.join(found)}" if found else "no longer protected"


_WORDS: dict[type[e.Event], Callable[[Any], str]] = {
    e.UpgradeStarted: _started,
    e.StartTimeReached: lambda x: "its start time has come",
    e.CheckPassed: lambda x: f"check passed: {x.unhealthy} of {x.total} instances unhealthy",
    e.BatchBegan: lambda x: f"batch {x.batch.number} began: {x.batch.why}",
    e.BatchEnded: _batch_ended,
    e.MemberMoved: _moved,
    e.MemberReconciling: lambda x: (
        f"member {x.member}: {'looking what became of its act' if x.reconciling else 'settled'}"
    ),
    e.MemberLeftOut: lambda x: f"instance {x.instance_id} left out ({x.left_out.value}): {x.reason}",
    e.MemberJoined: lambda x: (
        f"instance {x.instance_id} {f'stays out ({x.left_out.value})' if x.left_out else 'joins the upgrade'}"
    ),
    e.MemberRetried: lambda x: f"instance {x.instance_id} is tried again",
    e.LossAccepted: lambda x: f"instance {x.instance_id}: its failed restore is accepted as a loss",
    e.HoldRaised: _hold_raised,
    e.HoldLifted: lambda x: f"{_HELD.get(x.kind, x.kind.value)} lifted by {x.by}",
    e.UpgradePaused: lambda x: "paused: nothing is in flight, deadlines stand still",
    e.UpgradeResumed: lambda x: f"goes on after {x.paused_s:.0f} s",
    e.StepGranted: lambda x: f"one batch granted by {x.by}",
    e.CancelRequested: lambda x: f"cancel requested by {x.by}: begun members finish",
    e.RollBackRequested: lambda x: f"rollback requested by {x.by}",
    e.LimitExceeded: lambda x: f"{x.error.code}: {x.error.message}",
    e.FailuresNoticed: lambda x: f"{x.notice.code}: {x.notice.message}" if x.notice else "no failed members any more",
    e.UpgradeOutlookChanged: _outlook,
    e.UpgradeCompleted: lambda x: "upgrade Completed",
    e.UpgradeCancelled: lambda x: "upgrade Cancelled",
    e.UpgradeFaulted: lambda x: f"upgrade Faulted: {x.error.code}",
    e.UpgradeRolledBack: lambda x: "upgrade RolledBack",
    e.ScaleSetApplied: lambda x: f"model of {x.scale_set.name} applied (version {x.scale_set.model_version})",
    e.ModelImageChanged: lambda x: f"the model's image is {x.image}: {x.why}",
    e.CapacityChanged: lambda x: f"capacity is {x.capacity}",
    e.InstanceAdded: lambda x: f"instance {x.instance.instance_id} added on {x.instance.image.version}",
    e.InstanceProvisioned: lambda x: f"instance {x.instance_id} provisioned{f' at {x.address}' if x.address else ''}",
    e.InstanceCreationFailed: lambda x: (
        f"instance {x.instance_id} could not be created (try {x.attempt}, it is tried again): {x.message}"
    ),
    e.InstanceSetAside: lambda x: (
        f"another instance {x.instance_id} lay in its place; it was ended and is kept with its data disks in {x.folder}"
    ),
    e.InstanceMadeAnew: lambda x: (
        f"instance {x.instance_id} is made anew from its image, its data disks empty: {x.why}"
    ),
    e.InstanceStopped: lambda x: f"instance {x.instance_id} is ended with the engine, by {x.by}: it stays down",
    e.InstanceStarting: lambda x: f"instance {x.instance_id} is booted again: {x.why}",
    e.InstanceStarted: lambda x: f"instance {x.instance_id} runs again at {x.address}",
    e.InstanceStartFailed: lambda x: (
        f"instance {x.instance_id} could not be booted (try {x.attempt}): {x.message}"
        + ("" if x.tries_on else "; given up, it stays down")
    ),
    e.InstanceRemoved: lambda x: f"instance {x.instance_id} removed: {x.why}",
    e.InstanceDeletionFailed: lambda x: (
        f"instance {x.instance_id} could not be deleted (try {x.attempt}): {x.message}"
        + ("" if x.tries_on else "; given up, what is left of it has to be removed by hand")
    ),
    e.InstanceDiskChanged: lambda x: f"instance {x.instance_id} is on {x.image.version}, disk {x.disk}",
    e.PreviousDiskDiscarded: lambda x: (
        f"instance {x.instance_id}: previous OS disk {x.disk} {'kept: ' + x.problem if x.problem else 'discarded'}"
    ),
    e.ExtensionRan: _extension_ran,
    e.InstanceHealthChanged: lambda x: f"instance {x.instance_id} is {x.entered.value}: {x.detail}",
    e.InstancePowerChanged: lambda x: f"instance {x.instance_id} {'runs' if x.running else 'is down'}: {x.detail}",
    e.ProtectionChanged: lambda x: f"instance {x.instance_id} is {_protected_from(x)}",
    e.InstanceHeld: lambda x: f"instance {x.instance_id} held by {x.hold.by}: {x.hold.reason}",
    e.InstanceReleased: lambda x: f"instance {x.instance_id} released by {x.by}: {x.reason}",
    e.ScaleSetDeleting: lambda x: f"deletion began, by {x.by}",
    e.ScaleSetDeleted: lambda x: "scale set deleted",
    e.ImagePublished: lambda x: f"image {x.image.reference} published ({x.image.digest[:19]})",
    e.ImageExclusionChanged: lambda x: f"image {x.reference} {'excluded from' if x.excluded else 'back in'} latest",
    e.LoadBalancerApplied: lambda x: f"load balancer {x.name} applied with {len(x.probes)} probes",
    e.PolicyApplied: lambda x: f"{x.policy.words} applied for {', '.join(x.policy.scale_sets)[:200]}",
    e.PolicyDeleted: lambda x: f"policy {x.name} deleted",
    e.EngineStarted: lambda x: f"engine {x.version} started (epoch {x.epoch}), away for {x.away_s:.0f} s",
    e.InstancesUnknown: _unknown,
    e.EngineStopped: lambda x: f"engine stopped: {x.reason}",
    e.ClockJumped: lambda x: f"the wall clock jumped {abs(x.seconds):.0f} s {'forward' if x.seconds > 0 else 'back'}",
    e.HaltBegan: lambda x: (
        f"everything halted by {x.halt.by}: {x.halt.reason or 'no reason given'}; nothing begins or goes on forward"
    ),
    e.HaltEnded: lambda x: f"halt lifted by {x.by}: {x.reason}; what is paused stays so until it is resumed",
    e.StoreRestored: lambda x: f"the database was restored from {x.backup}, as of event {x.head}",
    e.UpgradeRetired: lambda x: f"upgrade {x.upgrade} left the store for its age; its recording is {x.file}",
    e.CommandJudged: _judged,
    e.PresenceChanged: _present,
    UnknownEvent: lambda x: f"{x.type} (not known to this version)",
}
