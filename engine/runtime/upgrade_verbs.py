"""Start, and the verbs on a live or ended upgrade."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields, replace

from engine.decide.accept_command import accept_command, needs_new_upgrade
from engine.decide.estimate import learn_pace
from engine.decide.plan_drift import refuse_if_drifted
from engine.decide.plan_upgrade import make_plan, new_upgrade, refuse_if_impossible, resolve_target
from engine.decide.take_up import TakeUp, take_up_retry, take_up_roll_back
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.commands import Command, Verb
from engine.model.errors import RefusedError
from engine.model.plan import Plan, PlanCheck, StartRequest
from engine.model.policy import RunSettings
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Member, Upgrade
from engine.runtime import answers
from engine.runtime.arguments import Arguments, optional_text, optional_whole, start_request, text, texts
from engine.runtime.decided import Answer, Decided
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.halting import halted_check, refuse_while_halted
from engine.runtime.meanwhile import refuse_stale
from engine.runtime.script_files import file_checks
from engine.runtime.turn import Turn
from engine.wire.plan import plan_from_dict

_NUMBER = re.compile(r"-(\d+)-[0-9a-f]{6}")

UNSUPERVISED = (
    "no service manager restarts this engine: should it die, the upgrade goes on when the next rollset command runs"
)


async def plan_for(engine: Engine, scale_set: ScaleSet, request: StartRequest) -> Plan:
    """The plan that `start` with the same request would carry out."""
    found = await _ask(engine, scale_set, request, anew=False)
    plan = _plan(engine, engine.find_set(scale_set.key), request, found)[0]
    return replace(plan, checks=(*halted_check(engine), *plan.checks))


@dataclass(frozen=True, slots=True)
class _Found:
    """The room that the fleet has, and what is to be said of files that scripts need."""

    room_bytes: int | None
    files: tuple[PlanCheck, ...] = ()


async def _ask(
    engine: Engine, scale_set: ScaleSet, request: StartRequest, take_up: TakeUp | None = None, *, anew: bool = True
) -> _Found:
    """All that a start waits for. What was read before it may be untrue after it: everything is judged again then.

    A way back asks for no file and waits for nobody. A start at a time to come is not refused: it may be there by then.
    """
    files: tuple[PlanCheck, ...] = ()
    if not _is_way_back(take_up):
        files = await file_checks(engine, scale_set, binding=request.at is None, anew=anew)
    return _Found(await engine.fleet_of(scale_set.key).room_bytes(), files)


def _is_way_back(take_up: TakeUp | None) -> bool:
    return take_up is not None and take_up.rollback_of is not None


def _plan(
    engine: Engine,
    scale_set: ScaleSet,
    request: StartRequest,
    found: _Found,
    take_up: TakeUp | None = None,
) -> tuple[Plan, RunSettings, tuple[Member, ...]]:
    earlier = engine.state.own_upgrades(scale_set.key)
    plan, settings, members = make_plan(
        scale_set,
        engine.state.images,
        request,
        room_free_bytes=found.room_bytes,
        pace=learn_pace(earlier, scale_set.fleet),
        policies=engine.state.policies.values(),
        rollback=take_up is not None and take_up.rollback_of is not None,
        earlier=earlier,
        take_up=take_up,
    )
    return replace(plan, checks=(*plan.checks, *found.files)) if plan.batches else plan, settings, members


async def start_upgrade(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    """Start an upgrade, exactly as its plan says. Raises RefusedError when one is live or a check refuses it."""
    scale_set = engine.find_set(text(arguments, "set"))
    request = start_request(arguments)
    saved = plan_from_dict(arguments["plan"]) if arguments.get("plan") is not None else None
    if saved is not None:
        request = _as_planned(saved.request, request)
    command = Command(Verb.START, caller.user, optional_text(arguments, "reason") or "")
    _refuse_beginning(engine, scale_set, command.verb, None)
    found = await _ask(engine, scale_set, request)
    scale_set = engine.find_set(scale_set.key)  # as it is now: others were asked in between
    _refuse_beginning(engine, scale_set, command.verb, None)
    return _begin(engine, scale_set, request, command, found, saved=saved)


def _as_planned(planned: StartRequest, given: StartRequest) -> StartRequest:
    """What the plan was asked for; an option given beside it wins, and then shows as a difference from the plan."""
    said = {f.name: v for f in fields(given) if (v := getattr(given, f.name)) is not None and v is not False}
    return replace(planned, **said)


def _begin(
    engine: Engine,
    scale_set: ScaleSet,
    request: StartRequest,
    command: Command,
    found: _Found,
    *,
    saved: Plan | None = None,
    take_up: TakeUp | None = None,
) -> Decided:
    plan, settings, members = _plan(engine, scale_set, request, found, take_up)
    if saved is not None:
        refuse_if_drifted(saved, plan)
    refuse_if_impossible(plan)
    target = resolve_target(scale_set, engine.state.images, request.to)
    turn = engine.turn(command.actor)
    upgrade = new_upgrade(
        scale_set,
        target,
        settings,
        members,
        upgrade_id=_new_id(engine, scale_set),
        actor=command.actor,
        reason=command.reason,
        request=request,
        now=turn.now,
        continues=take_up.ended if take_up is not None else None,
        is_rollback_of=take_up.rollback_of if take_up is not None else None,
        only_chosen=take_up is not None,
    )
    turn.on_upgrade(upgrade.id, e.UpgradeStarted(upgrade))
    model = scale_set.model.image
    if not model.is_latest and model != target.reference:
        why = f"upgrade {upgrade.id} to {target.reference.version}"
        changed = e.ModelImageChanged(target.reference, scale_set.blocked_versions, scale_set.good_version, why)
        turn.on_scale_set(scale_set.key, changed)
    return Decided(turn, lambda: _begun(engine, upgrade.id, plan))


def _refuse_beginning(engine: Engine, scale_set: ScaleSet, verb: Verb, take_up: TakeUp | None) -> None:
    """Raise RollsetError where no upgrade may begin now, whatever it would do.

    So while an upgrade is live, the set goes, the store is in trouble, or all is halted and this is no way back.
    """
    engine.guard.refuse_start()
    if not _is_way_back(take_up):
        refuse_while_halted(engine, verb, scale_set, None)
    live = engine.state.live_upgrade(scale_set.key)
    if live is not None:
        raise RefusedError(
            ErrorCode.OPERATION_NOT_ALLOWED,
            f"upgrade {live.id} of {scale_set.name} is live ({live.state.value}); one at a time.",
            "See `rollset status`; cancel it first if this one should take its place.",
        )
    if scale_set.deleting:
        raise RefusedError(ErrorCode.OPERATION_NOT_ALLOWED, f"{scale_set.name} is being deleted.", "")


def _begun(engine: Engine, upgrade_id: str, plan: Plan) -> Answer:
    engine.wake()
    started = engine.state.upgrades[upgrade_id]
    warnings = [
        check.words + (f" ({check.cure})" if check.cure else "") for check in plan.checks if check.level == "warned"
    ]
    if not engine.supervised:
        warnings.append(UNSUPERVISED)
    return {"upgrade": answers.upgrade_summary(engine, started), "warnings": warnings, "plan_hash": plan.hash}


def _new_id(engine: Engine, scale_set: ScaleSet) -> str:
    """Numbers go on where older upgrades have left the store; a set of the same name elsewhere counts for itself."""
    given = [_NUMBER.search(upgrade.id) for upgrade in engine.state.upgrades_of(scale_set.key)]
    number = max((int(found[1]) for found in given if found is not None), default=0) + 1
    return f"{scale_set.name}-{number}-{secrets.token_hex(3)}"


def _verb(verb: Verb) -> Callable[[Engine, Arguments, Caller], Awaitable[Decided]]:
    async def do(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
        scale_set, upgrade = _meant(engine, arguments, verb)
        command = Command(verb, caller.user, optional_text(arguments, "reason") or "", texts(arguments, "instances"))
        if needs_new_upgrade(upgrade, verb):
            return await _again(engine, arguments, scale_set, upgrade, command)
        turn = engine.turn(caller.user)
        accepted = accept_command(upgrade, command, turn.now)
        refuse_while_halted(engine, verb, scale_set, upgrade)
        turn.on_upgrade(upgrade.id, *accepted)

        def answer() -> Answer:
            engine.wake()
            after = engine.state.upgrades[upgrade.id]
            return {
                "upgrade": answers.upgrade_summary(engine, after),
                "message": f"{verb.value} accepted; {scale_set.name} is {after.state.value}",
            }

        return Decided(turn, answer)

    return do


def _meant(engine: Engine, arguments: Arguments, verb: Verb) -> tuple[ScaleSet, Upgrade]:
    """The set and the upgrade that a command is about. Raises RefusedError where its caller saw another."""
    scale_set = engine.find_set(text(arguments, "set"))
    upgrade = engine.state.last_upgrade(scale_set.key)
    if upgrade is None:
        said = (
            "There is no ongoing Rolling Upgrade to cancel." if verb is Verb.CANCEL else "no upgrade was ever started."
        )
        raise RefusedError(ErrorCode.OPERATION_NOT_ALLOWED, f"{scale_set.name}: {said}", "See `rollset history`.")
    seen = optional_whole(arguments, "seen_version")
    refuse_stale(engine, upgrade, seen)
    return scale_set, _that_did(engine, upgrade, verb, seen) if verb in (Verb.ROLL_BACK, Verb.RETRY) else upgrade


def _that_did(engine: Engine, last: Upgrade, verb: Verb, seen: int | None) -> Upgrade:
    """What Roll back and Retry are about: not a run that had nothing to do, but the one before it.

    Raises RefusedError for a caller that looked at the former: what it was shown would not be what happens.
    """
    did = engine.state.last_that_did(last.scale_set)
    if did is None or did.id == last.id:
        return last
    if seen is None:
        return did
    raise RefusedError(
        ErrorCode.OPERATION_NOT_ALLOWED,
        f"{verb.value} is not allowed on upgrade {last.id} of {last.scale_set_name}: it had nothing to do. "
        f"Before it {did.id} to {did.target.version} is {did.state.value}.",
        f"That one is meant by: rollset {verb.value.lower()} {last.scale_set_name}",
    )


async def _again(
    engine: Engine, arguments: Arguments, scale_set: ScaleSet, ended: Upgrade, command: Command
) -> Decided:
    """Retry and RollBack after the end: a new upgrade of those whom it is about, with the settings of the ended one."""
    take_up, request = _taken_up(engine, scale_set, ended, command)
    _refuse_beginning(engine, scale_set, command.verb, take_up)
    found = await _ask(engine, scale_set, request, take_up)
    scale_set = engine.find_set(scale_set.key)
    _refuse_beginning(engine, scale_set, command.verb, take_up)
    before, ended = ended.id, _meant(engine, arguments, command.verb)[1]
    if ended.id != before:
        raise RefusedError(
            ErrorCode.CONFLICT, f"upgrade {ended.id} of {scale_set.name} came meanwhile.", "Look at it, then decide."
        )
    take_up, request = _taken_up(engine, scale_set, ended, command)
    began = _begin(engine, scale_set, request, command, found, take_up=take_up)
    if command.verb is Verb.ROLL_BACK:
        _block(began.turn, scale_set.key, ended)

    def answer() -> Answer:
        said = began.answer()
        new = engine.state.upgrades[said["upgrade"]["id"]]
        return said | {"message": f"a new upgrade to {new.target} began, continuing {ended.id}: {_whom(new)}"}

    return Decided(began.turn, answer)


def _taken_up(engine: Engine, scale_set: ScaleSet, ended: Upgrade, command: Command) -> tuple[TakeUp, StartRequest]:
    earlier = engine.state.own_upgrades(scale_set.key)
    if command.verb is Verb.RETRY:
        return take_up_retry(ended, earlier, scale_set, command.instances), StartRequest(to=ended.target.version)
    take_up, to = take_up_roll_back(ended, earlier, scale_set)
    return take_up, StartRequest(to=to.version)


def _whom(upgrade: Upgrade) -> str:
    """Whom an upgrade that took up another is about, in words."""
    going = [m for m in upgrade.members.values() if m.left_out is None]
    kept = sum(m.back_to is not None for m in going)
    many = f"instance {going[0].instance_id}" if len(going) == 1 else f"{len(going)} instances"
    if upgrade.is_rollback_of is None:
        return f"{many} once more"
    return f"{many}: {kept} with the kept previous OS disk, {len(going) - kept} anew from the image"


def _block(turn: Turn, key: str, ended: Upgrade) -> None:
    scale_set = turn.scale_set(key)
    assert scale_set is not None, "an upgrade of it was just drafted"
    if not scale_set.model.image.is_latest or ended.target.version in scale_set.blocked_versions:
        return
    blocked = (*scale_set.blocked_versions, ended.target.version)
    why = f"{ended.target.version} was rolled back"
    turn.on_scale_set(key, e.ModelImageChanged(scale_set.model.image, blocked, scale_set.good_version, why))


UPGRADE_VERBS = {
    "pause": _verb(Verb.PAUSE),
    "resume": _verb(Verb.RESUME),
    "step": _verb(Verb.STEP),
    "cancel": _verb(Verb.CANCEL),
    "rollback": _verb(Verb.ROLL_BACK),
    "retry": _verb(Verb.RETRY),
    "skip": _verb(Verb.SKIP),
    "accept-loss": _verb(Verb.ACCEPT_LOSS),
}
