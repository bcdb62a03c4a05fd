"""Hooks: tell others what happens to upgrades. Off the critical path, tried again, remembered over restarts.

What is still to be delivered is in `hooks.json` in the state directory, with the position up to which the log has been
read. A call is made at least once: its `id` stays the same, so that a receiver can tell a repeat.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup

from engine.control.config import Hook, HookEvent, Settings
from engine.control.hook_calls import HookFailedError, call
from engine.model import events as e
from engine.model.events import Recorded
from engine.runtime.engine import Engine

LOOK_S = 1.0
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0
GIVE_UP_S = 86_400.0
KEPT = 1000
AT_ONCE = 8
EVENTS_AT_ONCE = 1000

Call = Callable[[Hook, dict[str, Any]], Awaitable[None]]
KINDS: dict[type[e.Event], HookEvent] = {
    e.UpgradeStarted: HookEvent.BEGAN,
    e.StartTimeReached: HookEvent.BEGAN,
    e.UpgradePaused: HookEvent.PAUSED,
    e.UpgradeFaulted: HookEvent.FAULTED,
    e.UpgradeCompleted: HookEvent.ENDED,
    e.UpgradeCancelled: HookEvent.ENDED,
    e.UpgradeRolledBack: HookEvent.ENDED,
}
log = logging.getLogger("rollset.hooks")


@dataclass(slots=True)
class Delivery:
    """One call that is still to be made: of which hook, with what, when next (Unix seconds)."""

    id: str
    hook: str
    document: dict[str, Any]
    since_at: float
    next_at: float
    tries: int = 0


@dataclass(slots=True)
class Remembered:
    """What `hooks.json` holds. `told`: waits that were told already."""

    position: int = 0
    pending: list[Delivery] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


class Hooks:
    """Reads the log, finds what hooks want to know, delivers it. `settings` gives the present settings."""

    def __init__(self, engine: Engine, path: Path, settings: Callable[[], Settings], call: Call = call) -> None:
        self._engine = engine
        self._path = path
        self._settings = settings
        self._call = call
        self._memory = self._load()
        self._flying: set[str] = set()
        self._slots = anyio.CapacityLimiter(AT_ONCE)

    @property
    def pending(self) -> int:
        """How many calls are still to be made."""
        return len(self._memory.pending)

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be told."""
        return not self._memory.pending and (not self._settings().hooks or self._memory.position >= self._engine.head)

    async def run(self) -> None:
        """Until cancelled; slow calls hold up neither each other nor what is new."""
        async with anyio.create_task_group() as tasks:
            while True:
                self.look(tasks)
                await anyio.sleep(LOOK_S)

    def look(self, tasks: TaskGroup) -> None:
        """Take in what happened, then begin each call that is due."""
        hooks = {hook.name: hook for hook in self._settings().hooks}
        if self._take_in(hooks) | self._take_waits(hooks):
            self._save()
        now = self._engine.clock.now().at
        for delivery in self._memory.pending:
            if delivery.next_at <= now and delivery.id not in self._flying:
                self._flying.add(delivery.id)
                tasks.start_soon(self._deliver, delivery, hooks.get(delivery.hook))

    def _take_in(self, hooks: dict[str, Hook]) -> bool:
        if not hooks:
            changed = self._memory.position != self._engine.head
            self._memory.position = self._engine.head
            return changed and self._path.exists()
        found = self._engine.store.events(self._memory.position, EVENTS_AT_ONCE)
        for recorded in found:
            kind = KINDS.get(type(recorded.event))
            if isinstance(recorded.event, e.UpgradeStarted) and recorded.event.upgrade.delayed:
                kind = None  # it begins at the time that was asked for
            if isinstance(recorded.event, e.HaltBegan | e.HaltEnded):
                self._tell_halt(hooks, recorded, recorded.event)
            if kind is not None:
                self._tell(hooks, kind, recorded.stream.removeprefix("upgrade/"), f"seq-{recorded.seq}", recorded)
            if kind is HookEvent.FAULTED:
                name = recorded.stream.removeprefix("upgrade/")
                self._tell(hooks, HookEvent.ENDED, name, f"seq-{recorded.seq}", recorded)
        if found:
            self._memory.position = found[-1].seq
        return bool(found)

    def _take_waits(self, hooks: dict[str, Hook]) -> bool:
        told, now = set(self._memory.told), self._engine.clock.now().at
        current: list[str] = []
        for upgrade in self._engine.state.upgrades.values():
            outlook = upgrade.outlook
            if not upgrade.live or outlook is None or not outlook.blocked_kind:
                continue
            for hook in hooks.values():
                wait = f"{hook.name}/{upgrade.id}/{outlook.blocked_kind}/{outlook.blocked_since_at:.0f}"
                late = now - outlook.blocked_since_at >= hook.blocked_longer_than_s
                if HookEvent.BLOCKED not in hook.on or not (late or wait in told):
                    continue
                current.append(wait)
                if wait not in told:
                    self._tell({hook.name: hook}, HookEvent.BLOCKED, upgrade.id, wait, None)
        changed = current != self._memory.told
        self._memory.told = current
        return changed

    def _tell(self, hooks: dict[str, Hook], kind: HookEvent, upgrade_id: str, key: str, what: Recorded | None) -> None:
        upgrade = self._engine.state.upgrades.get(upgrade_id)
        if upgrade is None:
            return
        now = self._engine.clock.now().at
        document = {
            "event": kind.value,
            "at": what.at if what is not None else now,
            "actor": what.actor if what is not None else "engine",
            "upgrade": upgrade.id,
            "scale_set": upgrade.scale_set,
            "scale_set_name": upgrade.scale_set_name,
            "state": upgrade.state.value,
            "target": str(upgrade.target),
            "reason": upgrade.reason,
            "error": asdict(upgrade.error) if upgrade.error is not None else None,
            "blocked_by": upgrade.outlook.blocked_words if upgrade.outlook is not None else "",
        }
        wanted = (x for x in hooks.values() if not x.scale_sets or upgrade.scale_set_name in x.scale_sets)
        self._append(wanted, kind, key, document)

    def _tell_halt(self, hooks: dict[str, Hook], what: Recorded, event: e.HaltBegan | e.HaltEnded) -> None:
        if isinstance(event, e.HaltBegan):
            kind, reason = HookEvent.HALTED, event.halt.reason
        else:
            kind, reason = HookEvent.LIFTED, event.reason
        document = {"event": kind.value, "at": what.at, "actor": what.actor, "reason": reason}
        self._append(hooks.values(), kind, f"seq-{what.seq}", document)

    def _append(self, hooks: Iterable[Hook], kind: HookEvent, key: str, document: dict[str, Any]) -> None:
        now = self._engine.clock.now().at
        for hook in hooks:
            if kind not in hook.on:
                continue
            identity = f"{hook.name}/{kind.value}/{key}"
            self._memory.pending.append(Delivery(identity, hook.name, {"id": identity, **document}, now, now))
        if len(self._memory.pending) > KEPT:
            dropped = self._memory.pending.pop(0)
            log.error("%s is given up: more than %s calls wait", dropped.id, KEPT)

    async def _deliver(self, delivery: Delivery, hook: Hook | None) -> None:
        async with self._slots:
            await self._try(delivery, hook)
        self._flying.discard(delivery.id)
        self._save()

    async def _try(self, delivery: Delivery, hook: Hook | None) -> None:
        now = self._engine.clock.now().at
        try:
            if hook is None:
                log.warning("%s is given up: the hook is no longer in the config", delivery.id)
            else:
                await self._call(hook, delivery.document)
        except HookFailedError as error:
            delivery.tries += 1
            if now - delivery.since_at < GIVE_UP_S:
                wait_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(delivery.tries - 1, 16))
                delivery.next_at = now + wait_s
                log.warning("%s failed (%s); again in %.0f s", delivery.id, error, wait_s)
                return
            log.error("%s is given up after %s tries: %s", delivery.id, delivery.tries, error)
        if delivery in self._memory.pending:
            self._memory.pending.remove(delivery)

    def _load(self) -> Remembered:
        try:
            found = json.loads(self._path.read_text())
            pending = [Delivery(**one) for one in found["pending"]]
            return Remembered(int(found["position"]), pending, [str(one) for one in found["told"]])
        except FileNotFoundError:
            return Remembered(self._engine.head)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("%s cannot be read (%s): hooks go on from now", self._path, error)
            return Remembered(self._engine.head)

    def _save(self) -> None:
        text = json.dumps(asdict(self._memory))
        beside = self._path.with_name(self._path.name + ".new")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as target:
                target.write(text)
                target.flush()
                os.fsync(target.fileno())
            os.replace(beside, self._path)
        except OSError as error:
            log.error("%s cannot be written (%s): calls may be repeated after a restart", self._path, error.strerror)
