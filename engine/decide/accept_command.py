"""Accept a command on an upgrade, as events, or refuse it with the reason."""

from __future__ import annotations

from engine.decide.transitions import NEW_UPGRADE, VERDICTS
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.commands import Command, Verb
from engine.model.errors import RefusedError
from engine.model.upgrade import (
    FAILED_STATES,
    Direction,
    Hold,
    HoldKind,
    LeftOut,
    Member,
    MemberState,
    Now,
    Upgrade,
)


def needs_new_upgrade(upgrade: Upgrade, verb: Verb) -> bool:
    """RollBack and Retry after the end begin a new upgrade; this one never changes again."""
    return VERDICTS[(upgrade.state, verb)] == NEW_UPGRADE


def accept_command(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    """The events that carry out `command`.

    Raises RefusedError (OperationNotAllowed) when the table of transitions refuses the pair, or when no member
    qualifies. Start, and whatever `needs_new_upgrade` names, are not carried out here.
    """
    verdict = VERDICTS[(upgrade.state, command.verb)]
    if verdict is not None or command.verb is Verb.START:
        said = verdict or "start is not a command on an upgrade"
        raise refused(upgrade, command.verb, said)
    return _ACCEPT[command.verb](upgrade, command, now)


def refused(upgrade: Upgrade, verb: Verb, why: str) -> RefusedError:
    return RefusedError(
        ErrorCode.OPERATION_NOT_ALLOWED,
        f"{verb.value} is not allowed on upgrade {upgrade.id} of {upgrade.scale_set_name}, "
        f"which is {upgrade.state.value}: {why}" + ("" if why.endswith(".") else "."),
        "See `rollset status` for what it does now.",
    )


def _pause(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    if HoldKind.OPERATOR in upgrade.holds:
        return []
    return [e.HoldRaised(Hold(HoldKind.OPERATOR, now.at, command.actor, command.reason))]


def _resume(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    if HoldKind.OPERATOR not in upgrade.holds:
        others = "; ".join(f"{hold.kind.value}: {hold.reason}" for hold in upgrade.holds.values())
        raise refused(upgrade, command.verb, f"no operator paused it; it is held by {others}")
    return [e.HoldLifted(HoldKind.OPERATOR, command.actor)]


def _step(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    others = [kind.value for kind in upgrade.holds if kind is not HoldKind.OPERATOR]
    if others:
        raise refused(upgrade, command.verb, f"it is also held by {', '.join(others)}")
    return [e.StepGranted(command.actor), e.HoldLifted(HoldKind.OPERATOR, command.actor)]


def _lift_operator(upgrade: Upgrade, actor: str) -> list[e.Event]:
    return [e.HoldLifted(HoldKind.OPERATOR, actor)] if HoldKind.OPERATOR in upgrade.holds else []


def _cancel(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    if upgrade.direction is Direction.BACK:
        raise refused(upgrade, command.verb, "it is rolling back; pause it, or let it end")
    return [e.CancelRequested(command.actor), *_lift_operator(upgrade, command.actor)]


def _roll_back(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    if upgrade.direction is Direction.BACK:
        raise refused(upgrade, command.verb, "it is rolling back already")
    return [e.RollBackRequested(command.actor), *_lift_operator(upgrade, command.actor)]


def _asked(upgrade: Upgrade, command: Command, able: list[Member], what: str) -> list[Member]:
    if not command.instances:
        if not able:
            raise refused(upgrade, command.verb, f"no member {what}")
        return able
    by_instance = {m.instance_id: m for m in able}
    missing = [name for name in command.instances if name not in by_instance]
    if missing:
        raise refused(upgrade, command.verb, f"instance {', '.join(missing)} is not one that {what}")
    return [by_instance[name] for name in dict.fromkeys(command.instances)]


def only_restores(upgrade: Upgrade) -> bool:
    """Whether it goes back, or ends after a broken limit: no member gets the target any more."""
    return upgrade.direction is Direction.BACK or upgrade.faulting is not None


def able_to_retry(upgrade: Upgrade) -> list[Member]:
    """Members of a live upgrade that Retry acts on, where it names none.

    Going back, or ending after a broken limit: only a restore can be tried again, no upgrade begins any more.
    """
    back = only_restores(upgrade)
    states = {MemberState.RESTORE_FAILED} if back else FAILED_STATES
    open_members = upgrade.open_batch.members if upgrade.open_batch is not None else ()
    return [m for m in upgrade.members.values() if m.state in states and (back or m.id not in open_members)]


def _retry(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    back = only_restores(upgrade)
    what = "failed to be restored" if back else "failed and has ended its batch"
    chosen = _asked(upgrade, command, able_to_retry(upgrade), what)
    found: list[e.Event] = []
    for member in chosen:
        entered = MemberState.FAILED if back else MemberState.PENDING
        found.append(e.MemberRetried(member.id, member.instance_id, member.state, entered))
    return found + _lift_restore_failed(upgrade, {m.id for m in chosen}, command.actor)


def _lift_restore_failed(upgrade: Upgrade, settled: set[str], actor: str) -> list[e.Event]:
    left = [m for m in upgrade.members.values() if m.state is MemberState.RESTORE_FAILED and m.id not in settled]
    if left or HoldKind.RESTORE_FAILED not in upgrade.holds:
        return []
    return [e.HoldLifted(HoldKind.RESTORE_FAILED, actor)]


def able_to_skip(member: Member) -> bool:
    """Whether Skip can take a member of a live upgrade out of it."""
    return member.state is MemberState.PENDING or member.is_held


def _skip(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    if upgrade.direction is Direction.BACK:
        raise refused(upgrade, command.verb, "it is rolling back")
    if not command.instances:
        raise refused(upgrade, command.verb, "name the instances to skip")
    able = [m for m in upgrade.members.values() if able_to_skip(m)]
    why = command.reason or f"skipped by {command.actor}"
    chosen = _asked(upgrade, command, able, "waits for its batch")
    return [e.MemberLeftOut(m.id, m.instance_id, LeftOut.SKIPPED, why) for m in chosen]


def _accept_loss(upgrade: Upgrade, command: Command, now: Now) -> list[e.Event]:
    able = [m for m in upgrade.members.values() if m.state is MemberState.RESTORE_FAILED]
    chosen = _asked(upgrade, command, able, "failed to be restored")
    lost: list[e.Event] = [e.LossAccepted(m.id, m.instance_id) for m in chosen]
    return lost + _lift_restore_failed(upgrade, {m.id for m in chosen}, command.actor)


_ACCEPT = {
    Verb.PAUSE: _pause,
    Verb.RESUME: _resume,
    Verb.STEP: _step,
    Verb.CANCEL: _cancel,
    Verb.ROLL_BACK: _roll_back,
    Verb.RETRY: _retry,
    Verb.SKIP: _skip,
    Verb.ACCEPT_LOSS: _accept_loss,
}
