"""The local fleet: the contract of fleets on top of real processes of this machine."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from engine.fleets.fleet import Capability, Poll
from engine.fleets.in_flight import InFlight
from engine.fleets.local.extensions import BegunRun
from engine.fleets.local.facts import DiskGoneError
from engine.fleets.local.facts import InstanceFacts as LocalFacts
from engine.fleets.local.fetching import FETCH_S, fetched
from engine.fleets.local.machine import LocalMachine, Unpack
from engine.model.codes import ErrorCode
from engine.model.effects import Effect, EffectKind, EffectOutcome, InstanceFacts, OutcomeKind
from engine.model.errors import RollsetError, UnreachableError

ACTS_AT_ONCE = 8
EXTENSION_LOOK_S = 0.25
MACHINE_TROUBLE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)
"""What this machine lacks for the moment. The act is tried again, and until then the upgrade says what it lacks."""

Fill = Callable[[str, Path], None]
"""Makes a private copy of the image content `digest` at a path that does not exist yet."""


@asynccontextmanager
async def open_local_fleet(machine: LocalMachine, fill: Fill, root: Path) -> AsyncIterator[LocalFleet]:
    """The fleet of a state directory.

    When the block ends, an act on disks that runs is waited for, none waiting for its turn begins, and extensions go
    on without anybody: the next fleet finds out what became of them.
    """
    async with anyio.create_task_group() as tasks:
        try:
            yield LocalFleet(machine, fill, root, tasks)
        finally:
            tasks.cancel_scope.cancel()  # a thread at work is shielded from it


class LocalFleet:
    """Implements `engine.fleets.fleet.Fleet`. Blocking work is done in threads, 8 acts at once; extensions begin so."""

    def __init__(self, machine: LocalMachine, fill: Fill, root: Path, tasks: TaskGroup) -> None:
        self._machine = machine
        self._fill = fill
        self._root = root
        self._flight = InFlight(tasks, self._act)
        self._disk_hands = anyio.CapacityLimiter(ACTS_AT_ONCE)

    def capabilities(self) -> frozenset[Capability]:
        can = (Capability.RESTORE_DISK, Capability.START, Capability.CAPTURE, Capability.FENCE, Capability.LOGS)
        return frozenset(can)

    async def begin(self, effects: Sequence[Effect], epoch: int) -> str:
        return self._flight.begin(effects, epoch)

    async def poll(self, handle: str) -> Poll:
        return await self._flight.poll(handle)

    async def room_bytes(self) -> int | None:
        return shutil.disk_usage(self._root).free

    async def observe(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, InstanceFacts]:
        def look() -> dict[str, InstanceFacts]:
            return {name: _facts(self._machine.observe(scale_set, name)) for name in instance_ids}

        return await anyio.to_thread.run_sync(look)

    async def settle(self, effect: Effect) -> EffectOutcome | None:
        """What the instance's own records say: done, never begun (None), or lost."""

        def look() -> EffectOutcome | None:
            if effect.kind is EffectKind.CAPTURE_RESTORE_POINT:
                return None
            facts = self._machine.observe(effect.scale_set, effect.instance_id)
            if effect.kind in (EffectKind.CREATE_INSTANCE, EffectKind.DISCARD_PREVIOUS_DISK):
                return None
            if effect.kind is EffectKind.DELETE_INSTANCE:
                gone = self._machine.is_deleted(effect.scale_set, effect.instance_id)
                return EffectOutcome(effect.id, OutcomeKind.SUCCEEDED) if gone else None
            if effect.kind is EffectKind.START_INSTANCE:
                return _started(effect, facts) if facts.running else None
            record = self._machine.effect(effect.scale_set, effect.instance_id, effect.id)
            if record is None:
                return None
            if record.kind == "extension":
                return _extension_outcome(effect, record.result) if record.result is not None else None
            if record.phase != "done":
                return None
            anew = effect.kind is EffectKind.RESTORE_OS_DISK and record.kind == "replace_disk"
            return replace(_done(effect, facts), from_image=anew)

        return await anyio.to_thread.run_sync(look)

    async def _act(self, effect: Effect, epoch: int) -> EffectOutcome:
        try:
            if effect.kind is EffectKind.RUN_EXTENSION:
                return await self._run_extension(effect, epoch)
            return await anyio.to_thread.run_sync(self._carry_out, effect, epoch, limiter=self._disk_hands)
        except UnreachableError as error:  # the machine is at fault, not the image: it may heal
            return EffectOutcome(effect.id, OutcomeKind.UNKNOWN, error.code, error.message)
        except RollsetError as error:
            return EffectOutcome(effect.id, OutcomeKind.FAILED, error.code, str(error))
        except OSError as error:
            message = f"{effect.kind.value} on instance {effect.instance_id}: {error.strerror or error}"
            kind = OutcomeKind.UNKNOWN if error.errno in MACHINE_TROUBLE else OutcomeKind.FAILED
            return EffectOutcome(effect.id, kind, ErrorCode.INTERNAL, message)

    def _carry_out(self, effect: Effect, epoch: int) -> EffectOutcome:
        machine, key, name = self._machine, effect.scale_set, effect.instance_id
        if effect.kind is EffectKind.CAPTURE_RESTORE_POINT:
            return _done(effect, machine.observe(key, name))
        if effect.kind is EffectKind.CREATE_INSTANCE:
            made = machine.create(
                key,
                name,
                epoch=epoch,
                unpack=self._unpack(effect.digest),
                image_digest=effect.digest,
                port=effect.port,
                environment=effect.environment,
                data_disks=max(1, effect.data_disks),
                born=effect.born,
            )
            return replace(_done(effect, made), aside=machine.set_aside(key, name, effect.born))
        if effect.kind is EffectKind.DELETE_INSTANCE:
            machine.delete(key, name, epoch=epoch)
            return EffectOutcome(effect.id, OutcomeKind.SUCCEEDED)
        if effect.kind is EffectKind.DISCARD_PREVIOUS_DISK:
            return _done(effect, machine.discard_disk(key, name, epoch=epoch, generation=int(effect.disk)))
        if effect.kind is EffectKind.START_INSTANCE:
            return _started(effect, machine.start(key, name, epoch=epoch, environment=effect.environment))
        if effect.kind is EffectKind.RESTORE_OS_DISK:
            return self._restore(effect, epoch)
        return self._replace(effect, epoch)

    def _replace(self, effect: Effect, epoch: int) -> EffectOutcome:
        facts = self._machine.replace_disk(
            effect.scale_set,
            effect.instance_id,
            effect_id=effect.id,
            epoch=epoch,
            unpack=self._unpack(effect.digest),
            image_digest=effect.digest,
            environment=effect.environment,
        )
        return _done(effect, facts)

    def _restore(self, effect: Effect, epoch: int) -> EffectOutcome:
        try:
            facts = self._machine.restore_disk(
                effect.scale_set,
                effect.instance_id,
                effect_id=effect.id,
                epoch=epoch,
                generation=int(effect.disk or 0),
                environment=effect.environment,
            )
        except DiskGoneError:
            return replace(self._replace(effect, epoch), from_image=True)
        return _done(effect, facts)

    async def _run_extension(self, effect: Effect, epoch: int) -> EffectOutcome:
        assert effect.extension is not None, "an extension effect names its extension"
        settings: dict[str, Any] = json.loads(effect.extension.settings_json)
        uris = [str(uri) for uri in settings.get("fileUris", [])]
        look = partial(self._machine.effect, effect.scale_set, effect.instance_id, effect.id)
        begun = await anyio.to_thread.run_sync(look) is not None  # a run that goes on has its files
        async with fetched([] if begun else uris, within_s=min(FETCH_S, effect.deadline_s)) as files:
            command = str(settings.get("commandToExecute", ""))
            begin = partial(self._begin_extension, effect, epoch, command, uris, files)
            run = await anyio.to_thread.run_sync(begin, limiter=self._disk_hands)
        try:
            if run.pipe is not None:
                with anyio.move_on_after(effect.deadline_s):
                    await anyio.wait_readable(run.pipe)
            while (result := await anyio.to_thread.run_sync(run.result)) is None:  # noqa: ASYNC110 - it ends elsewhere
                await anyio.sleep(EXTENSION_LOOK_S)
        finally:
            run.close()
        return _extension_outcome(effect, result)

    def _begin_extension(
        self, effect: Effect, epoch: int, command: str, uris: Sequence[str], files: Mapping[str, Path]
    ) -> BegunRun:
        assert effect.extension is not None, "an extension effect names its extension"
        return self._machine.begin_extension(
            effect.scale_set,
            effect.instance_id,
            effect_id=effect.id,
            epoch=epoch,
            name=effect.extension.name,
            command=command,
            file_uris=uris,
            timeout_s=effect.deadline_s,
            environment=effect.environment,
            fetched=files,
        )

    def _unpack(self, digest: str) -> Unpack:
        def fill(target: Path) -> None:
            target.rmdir()
            self._fill(digest, target)

        return fill


def _facts(local: LocalFacts) -> InstanceFacts:
    return InstanceFacts(
        instance_id=local.instance_id,
        exists=local.exists,
        running=local.running,
        address=local.address,
        port=local.port,
        disk=str(local.generation),
        digest=local.image_digest,
        disks=tuple((str(number), digest) for number, digest in local.generations),
        detail="" if local.running else f"not running; boot ended with {local.exit_code}",
    )


def _done(effect: Effect, facts: LocalFacts) -> EffectOutcome:
    return EffectOutcome(
        effect.id,
        OutcomeKind.SUCCEEDED,
        disk=str(facts.generation),
        digest=facts.image_digest,
        address=f"{facts.address}:{facts.port}",
    )


def _started(effect: Effect, facts: LocalFacts) -> EffectOutcome:
    if facts.running:
        return _done(effect, facts)
    said = facts.boot_log_tail.strip().splitlines()[-1:]
    message = f"its boot ended at once with {facts.exit_code}" + (f": {said[0]}" if said else "")
    return EffectOutcome(effect.id, OutcomeKind.FAILED, ErrorCode.INTERNAL, message)


def _extension_outcome(effect: Effect, result: Any) -> EffectOutcome:
    if result.outcome == "unknown":
        message = "the extension was begun and nobody saw its end; it is not run a second time"
        return EffectOutcome(effect.id, OutcomeKind.FAILED, ErrorCode.EXTENSION, message)
    words = {
        "timed_out": f"killed after {effect.deadline_s:g} s",
        "interrupted": "interrupted: its instance was stopped",
    }
    ok = result.outcome == "completed" and result.exit_code == 0
    return EffectOutcome(
        effect.id,
        OutcomeKind.SUCCEEDED if ok else OutcomeKind.FAILED,
        "" if ok else ErrorCode.EXTENSION,
        words.get(result.outcome, f"exit code {result.exit_code}"),
        exit_code=result.exit_code,
        stdout=_with_dropped(result.stdout, result.stdout_dropped),
        stderr=_with_dropped(result.stderr, result.stderr_dropped),
        took_s=result.took_s,
    )


def _with_dropped(text: str, dropped: int) -> str:
    return f"[{dropped} bytes before this are not kept]\n{text}" if dropped else text
