"""The engine's Door: verbs and queries over one engine."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

import anyio.to_thread

from engine.arm.write_policy import policy_document
from engine.model.codes import ErrorCode
from engine.model.errors import InputError, NotFoundError
from engine.model.image import latest_of
from engine.model.scale_set import versions_of
from engine.model.version import VERSION
from engine.runtime import answers
from engine.runtime.arguments import optional_whole, start_request, text
from engine.runtime.audit_chain import AUDIT
from engine.runtime.audit_reading import verify_store
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.explain import explain
from engine.runtime.find_upgrade import find_upgrade
from engine.runtime.halting import halt_dict
from engine.runtime.housekeeping import examined
from engine.runtime.looking_back import last_lines, run, timeline
from engine.runtime.past_run import recording_lines
from engine.runtime.permissions import Role, permit
from engine.runtime.recent_events import EventLine
from engine.runtime.rehearsing import rehearsal
from engine.runtime.set_aside import with_members
from engine.runtime.snapshot import is_everything, lines_after, scope_of, snapshot_lines, streams_of
from engine.runtime.strangers import Strangers
from engine.runtime.unknown_instances import unknown_check
from engine.runtime.upgrade_verbs import plan_for
from engine.runtime.verbs import carry_out
from engine.wire.plan import plan_to_dict

Answer = dict[str, Any]


class EngineDoor:
    """Implements `engine.runtime.door.Door`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.stopping = engine.stopping
        self._strangers = Strangers()

    def idle(self) -> bool:
        """Whether nothing could happen without a command."""
        state = self.engine.state
        held = any(i.hold and i.hold.until_at for s in state.scale_sets.values() for i in s.instances.values())
        return not (state.open_effects or held or any(u.live for u in state.upgrades.values()))

    async def command(self, verb: str, arguments: dict[str, Any], caller: Caller) -> Answer:
        if caller.role is None:
            self._strangers.refuse(self.engine, verb, caller)
        return await carry_out(self.engine, verb, arguments, caller)

    async def query(self, what: str, arguments: dict[str, str], caller: Caller) -> Answer:
        permit(caller.role, caller.user, Role.VIEWER, "reading")
        answer = _QUERIES.get(what)
        if answer is None:
            raise NotFoundError(
                ErrorCode.NOT_FOUND, f"there is nothing to read called {what!r}.", "See rollset --help."
            )
        return await answer(self.engine, arguments)

    def head(self) -> int:
        return self.engine.head

    def scope_of(self, name: str) -> str:
        return scope_of(self.engine, name)

    def scope_ended(self, scope: str) -> bool:
        return not is_everything(scope) and scope not in self.engine.state.scale_sets

    async def events_after(self, seq: int, scope: str, limit: int) -> list[EventLine]:
        return lines_after(self.engine, seq, streams_of(self.engine, scope), limit)

    async def snapshot(self, scope: str) -> list[str]:
        return snapshot_lines(self.engine, scope)

    async def recording(self, upgrade: str) -> list[str]:
        return await recording_lines(self.engine, upgrade)

    def ended(self) -> str | None:
        return self.engine.stopped_by if self.stopping.is_set() else None

    async def wait_for_events(self, seq: int, timeout_s: float) -> None:
        if self.engine.head <= seq:
            await self.engine.wait_for_commit(timeout_s)


async def _sets(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    ordered = sorted(engine.state.scale_sets.values(), key=lambda s: s.name)
    return {"sets": [answers.set_summary(engine, s) for s in ordered], "head": engine.head} | _halt(engine)


async def _set(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    return answers.set_detail(engine, engine.find_set(text(arguments, "name")))


async def _plan(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    scale_set = engine.find_set(text(arguments, "set"))
    return {"plan": plan_to_dict(await plan_for(engine, scale_set, start_request(arguments)))}


async def _status(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    scale_set = engine.find_set(text(arguments, "set"))
    upgrade = engine.state.last_upgrade(scale_set.key)
    if upgrade is None:
        raise NotFoundError(
            ErrorCode.NOT_FOUND,
            f"{scale_set.name} was never upgraded.",
            f"Look at a plan: rollset plan {scale_set.name}",
        )
    return answers.upgrade_detail(engine, upgrade) | _halt(engine)


def _halt(engine: Engine) -> Answer:
    return {"halt": halt_dict(engine.state.halt)}


async def _one_upgrade(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    upgrade = with_members(engine.store, find_upgrade(engine.state, text(arguments, "id")))
    return answers.upgrade_detail(engine, upgrade) | _halt(engine)


async def _history(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    upgrades = list(engine.state.upgrades.values())
    if arguments.get("set"):
        key = engine.find_set(arguments["set"]).key
        upgrades = [u for u in upgrades if u.scale_set == key]
    return answers.history_answer(engine, upgrades) | {"gaps": answers.gaps(engine)}


async def _images(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    images = tuple(engine.state.images.values())
    on = {s.name: (s.model.image.family, versions_of(s)) for s in engine.state.scale_sets.values()}
    found = []
    for image in images:
        own, version = image.reference.family, image.reference.version
        used = {name: counts[version] for name, (family, counts) in on.items() if family == own and counts[version]}
        latest = latest_of(images, image.reference.family)
        blocked = [s.name for s in engine.state.scale_sets.values() if s.blocks(image.reference)]
        found.append(
            {
                "reference": str(image.reference),
                "digest": image.digest,
                "size_bytes": image.size_bytes,
                "published_at": image.published_at,
                "excluded_from_latest": image.excluded_from_latest,
                "is_latest": latest == image,
                "instances": used,
                "blocked_by": blocked,
            }
        )
    return {"images": found}


async def _policies(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    ordered = sorted(engine.state.policies.values(), key=lambda p: p.name)
    return {"policies": [{"version": p.version, "document": policy_document(p)} for p in ordered]}


async def _audit(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    limit = optional_whole(arguments, "limit") or 200
    if not 1 <= limit <= 10_000:
        raise InputError(
            ErrorCode.INVALID_PARAMETER, f"limit {limit} is not in 1 to 10000.", "Choose one in that range."
        )
    return {"entries": await last_lines(engine, limit, streams=(AUDIT,))}


async def _presence(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    return {"attached": [asdict(one) for one in engine.presence]}


async def _audit_verify(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    return await anyio.to_thread.run_sync(verify_store, engine.store.path)


async def _explain(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    return explain(engine, text(arguments, "what"))


async def _doctor(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    return {"checks": [engine.guard.check(), await unknown_check(engine), *await examined(engine.store.path.parent)]}


async def _engine(engine: Engine, arguments: Mapping[str, str]) -> Answer:
    return {
        "pid": os.getpid(),
        "version": VERSION,
        "started_at": engine.started_at,
        "epoch": engine.epoch,
        "head": engine.head,
        "sets": len(engine.state.scale_sets),
        "live_upgrades": sum(u.live for u in engine.state.upgrades.values()),
        "trouble": engine.guard.words,
    } | _halt(engine)


_QUERIES: dict[str, Callable[[Engine, Mapping[str, str]], Awaitable[Answer]]] = {
    "sets": _sets,
    "set": _set,
    "plan": _plan,
    "status": _status,
    "upgrade": _one_upgrade,
    "history": _history,
    "images": _images,
    "policies": _policies,
    "audit": _audit,
    "audit-verify": _audit_verify,
    "presence": _presence,
    "explain": _explain,
    "timeline": timeline,
    "rehearse": rehearsal,
    "run": run,
    "doctor": _doctor,
    "engine": _engine,
}
