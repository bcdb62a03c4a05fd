"""A fleet whose instances are files: fast, without health probes, with a record of every act that outlives a kill."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from engine.fleets.fleet import Capability, Poll
from engine.model.effects import DISK_EFFECTS, Effect, EffectKind, EffectOutcome, InstanceFacts, OutcomeKind
from engine.store import crash_points

ACT_S = 1.0


class DurableFleet:
    """Implements `engine.fleets.fleet.Fleet`, except that it does what it is told twice, so that a test can see it.

    An instance whose OS disk has one of the `broken` digests does not run.
    """

    def __init__(self, root: Path, broken: Sequence[str] = ()) -> None:
        root.mkdir(exist_ok=True)
        self._log = root / "acts.jsonl"
        self._broken = frozenset(broken)
        self._acts = [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []
        self._began: dict[str, list[tuple[Effect, int]]] = {}

    def acts(self) -> list[dict[str, Any]]:
        """Everything that was ever done, in order."""
        return list(self._acts)

    def capabilities(self) -> frozenset[Capability]:
        return frozenset({Capability.RESTORE_DISK, Capability.CAPTURE, Capability.FENCE})

    async def begin(self, effects: Sequence[Effect], epoch: int) -> str:
        handle = f"{epoch}.{len(self._began)}"
        self._began[handle] = [(effect, epoch) for effect in effects]
        return handle

    async def poll(self, handle: str) -> Poll:
        await anyio.sleep(ACT_S)
        left = self._began[handle]
        effect, epoch = left.pop(0)
        crash_points.reached("before_act")
        outcome = self._act(effect, epoch)
        crash_points.reached("after_act")
        return Poll({effect.id: outcome}, 0.0 if left else None)

    def _act(self, effect: Effect, epoch: int) -> EffectOutcome:
        act = {
            "effect": effect.id,
            "kind": effect.kind.value,
            "operation": effect.operation,
            "instance": effect.instance_id,
            "digest": effect.digest,
            "disk": self._disk_after(effect),
            "epoch": epoch,
        }
        with open(self._log, "a") as log:
            log.write(json.dumps(act) + "\n")
        self._acts.append(act)
        return self._outcome(effect, act)

    def _disk_after(self, effect: Effect) -> str:
        if effect.kind is EffectKind.RESTORE_OS_DISK:
            return effect.disk
        swaps = [a for a in self._disk_acts(effect.instance_id) if a["kind"] != EffectKind.RESTORE_OS_DISK]
        return str(len(swaps) + 1)

    def _disk_acts(self, instance_id: str) -> list[dict[str, Any]]:
        kinds = {kind.value for kind in (*DISK_EFFECTS, EffectKind.CREATE_INSTANCE)}
        return [a for a in self._acts if a["instance"] == instance_id and a["kind"] in kinds]

    def _outcome(self, effect: Effect, act: Mapping[str, Any]) -> EffectOutcome:
        there = self._facts(effect.instance_id) if effect.kind is EffectKind.CAPTURE_RESTORE_POINT else None
        return EffectOutcome(
            effect.id,
            OutcomeKind.SUCCEEDED,
            disk=there.disk if there is not None else act["disk"],
            digest=there.digest if there is not None else effect.digest,
            address="127.0.0.1:1",
            exit_code=0 if effect.kind is EffectKind.RUN_EXTENSION else None,
        )

    async def settle(self, effect: Effect) -> EffectOutcome | None:
        done = next((a for a in self._acts if a["effect"] == effect.id), None)
        return self._outcome(effect, done) if done is not None else None

    async def observe(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, InstanceFacts]:
        return {name: self._facts(name) for name in instance_ids}

    def _facts(self, name: str) -> InstanceFacts:
        last = self._disk_acts(name)[-1:]
        digest = last[0]["digest"] if last else ""
        return InstanceFacts(
            name,
            bool(last),
            bool(last) and digest not in self._broken,
            disk=last[0]["disk"] if last else "",
            digest=digest,
        )

    async def room_bytes(self) -> int | None:
        return None
