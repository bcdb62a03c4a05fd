"""A reboot never ends a live upgrade: what is booted again is not called unhealthy before it had time to boot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.fleets.fleet import Capability
from engine.model.effects import Effect, EffectKind, EffectOutcome, InstanceFacts
from engine.model.health import READ_AS_UNHEALTHY, Health
from engine.model.upgrade import UpgradeState
from engine.runtime import probe_pool
from engine.runtime.engine import Engine
from engine.runtime.probe import ProbeAnswer, ProbeKind, ProbeTarget
from engine.runtime.verbs import carry_out
from tests.worlds.documents import extension, scale_set
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, ended, healthy, on_virtual_time, small_engine
from tests.worlds.watching import until, upgrade_of

PROBE = extension(
    "health",
    "Microsoft.ManagedServices",
    "ApplicationHealthLinux",
    {
        "protocol": "http",
        "port": 8080,
        "requestPath": "/",
        "intervalInSeconds": 5,
        "numberOfProbes": 1,
        "gracePeriod": 5,
    },
)
BOOT_S = 20.0


class Machine(DurableFleet):
    """Instances whose application answers `boot_s` after each boot; all of them are down after `reboot`."""

    boot_s = BOOT_S

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.up_at: dict[str, float] = {}

    def reboot(self) -> None:
        self.up_at.clear()

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() | {Capability.START}

    def _act(self, effect: Effect, epoch: int) -> EffectOutcome:
        if effect.kind is not EffectKind.CAPTURE_RESTORE_POINT:
            self.up_at[effect.instance_id] = anyio.current_time() + self.boot_s
        return super()._act(effect, epoch)

    def _outcome(self, effect: Effect, act: Mapping[str, Any]) -> EffectOutcome:
        return replace(super()._outcome(effect, act), address=f"127.0.0.1:{1000 + int(effect.instance_id)}")

    def _facts(self, name: str) -> InstanceFacts:
        there = super()._facts(name)
        return InstanceFacts(name, there.exists, name in self.up_at, disk=there.disk, digest=there.digest)

    async def probe(self, target: ProbeTarget, *, allowed: Callable[[str], bool]) -> ProbeAnswer:
        up_at = self.up_at.get(str(target.port - 1000))
        if up_at is not None and anyio.current_time() >= up_at:
            return ProbeAnswer(ProbeKind.ANSWERED, 200, b'{"ApplicationHealthState": "Healthy"}', "200", 0.0)
        return ProbeAnswer(ProbeKind.REFUSED, None, b"", "connection refused", 0.0)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    fleet = Machine(tmp_path / "fleet")
    monkeypatch.setattr(probe_pool, "probe", fleet.probe)
    return fleet


async def create(engine: Engine, capacity: int) -> None:
    document = scale_set("web", capacity, PROBE, sku="Local", mode="Manual")
    await carry_out(engine, "apply", {"documents": [document], "files": ["web.json"]}, ANA)
    await until(lambda: healthy(engine) == capacity)


def seen(engine: Engine) -> Sequence[Health]:
    return [i.health for i in engine.find_set("web").instances.values()]


class CutOffError(Exception):
    """The engine is killed."""


@pytest.mark.parametrize("after_s", (1.0, 12.0, 27.0, 50.0), ids=lambda s: f"after {s:.0f} s")
def test_a_reboot_during_an_upgrade_does_not_end_it(tmp_path: Path, machine: Machine, after_s: float) -> None:
    async def main() -> None:
        try:
            async with small_engine(tmp_path, machine) as engine:
                await create(engine, 5)
                asked = {"set": "web", "to": "1.1.0", "pause_between_batches": "PT6S", "health_window": 60.0}
                await carry_out(engine, "start", asked, ANA)
                await anyio.sleep(after_s)
                raise CutOffError
        except* CutOffError:
            pass
        machine.reboot()
        async with small_engine(tmp_path, machine) as engine:
            await anyio.sleep(BOOT_S / 2)
            assert sum(health in READ_AS_UNHEALTHY for health in seen(engine)) <= 1, "the one that gets its new disk"
            await until(lambda: ended(engine), 3600.0)
            assert (upgrade_of(engine).state, upgrade_of(engine).error) == (UpgradeState.COMPLETED, None)
            assert seen(engine) == [Health.HEALTHY] * 5

    on_virtual_time(main)


def test_two_engines_in_a_row_give_the_same_time(tmp_path: Path, machine: Machine) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, machine) as engine:
            await create(engine, 2)
        machine.reboot()
        async with small_engine(tmp_path, machine) as engine:
            await until(lambda: all(i.running and i.trying is None for i in engine.find_set("web").instances.values()))
            await anyio.sleep(1.0)
        async with small_engine(tmp_path, machine) as engine:
            await anyio.sleep(10.0)
            assert not READ_AS_UNHEALTHY & set(seen(engine))
            await until(lambda: healthy(engine) == 2, 60.0)

    on_virtual_time(main)


def test_one_that_never_answers_after_a_reboot_is_unhealthy_after_the_window(tmp_path: Path, machine: Machine) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, machine) as engine:
            await create(engine, 2)
        machine.reboot()
        machine.boot_s = 1e9
        async with small_engine(tmp_path, machine) as engine:
            await anyio.sleep(290.0)
            assert not READ_AS_UNHEALTHY & set(seen(engine))
            await until(lambda: set(seen(engine)) <= READ_AS_UNHEALTHY, 30.0)

    on_virtual_time(main)


def test_one_that_runs_and_stops_answering_is_unhealthy_at_once(tmp_path: Path, machine: Machine) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, machine) as engine:
            await create(engine, 2)
        async with small_engine(tmp_path, machine) as engine:
            await anyio.sleep(10.0)
            machine.up_at["0"] = 1e9
            await until(lambda: seen(engine)[0] in READ_AS_UNHEALTHY, 10.0)

    on_virtual_time(main)
