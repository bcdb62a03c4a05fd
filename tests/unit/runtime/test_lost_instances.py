"""Instances that do not run, or are not there at all: no other's answer is theirs, and what is lost is made anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.fleets.fleet import Capability
from engine.fleets.local.addresses import AddressBook
from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.effects import Effect, EffectKind, EffectOutcome, InstanceFacts, OutcomeKind
from engine.model.health import Health
from engine.model.scale_set import Instance
from engine.runtime import probe_pool
from engine.runtime.engine import Engine
from engine.runtime.health_watch import DOWN
from engine.runtime.opening import open_engine
from engine.runtime.probe import ProbeAnswer, ProbeKind, ProbeTarget
from engine.runtime.verbs import carry_out
from tests.unit.decide.given import instance
from tests.unit.decide.given import scale_set as given
from tests.worlds.documents import extension, scale_set
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, ended, healthy, on_virtual_time, small_engine
from tests.worlds.watching import until

PROBE = extension(
    "health",
    "Microsoft.ManagedServices",
    "ApplicationHealthLinux",
    {"protocol": "http", "port": 8080, "requestPath": "/", "intervalInSeconds": 5, "numberOfProbes": 1},
)


class Haunted(DurableFleet):
    """Whatever is asked at the address of an instance answers that it is well: somebody else's process, perhaps."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.down: set[str] = set()
        self.lost: set[str] = set()
        self.looks_s = 0.0
        self.asked: list[int] = []

    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities() | {Capability.START}

    def _act(self, effect: Effect, epoch: int) -> EffectOutcome:
        name = effect.instance_id
        if effect.kind is EffectKind.CREATE_INSTANCE:
            self.lost.discard(name)
        elif name in self.lost:
            return EffectOutcome(effect.id, OutcomeKind.FAILED, ErrorCode.NOT_FOUND, f"there is no instance {name}")
        if effect.kind is EffectKind.START_INSTANCE and name in self.down:
            return EffectOutcome(effect.id, OutcomeKind.FAILED, ErrorCode.INTERNAL, "its boot ended at once")
        if effect.kind is EffectKind.REPLACE_OS_DISK:
            self.down.discard(name)
        return super()._act(effect, epoch)

    def _outcome(self, effect: Effect, act: Mapping[str, Any]) -> EffectOutcome:
        return replace(super()._outcome(effect, act), address=f"127.0.0.1:{1000 + int(effect.instance_id)}")

    async def observe(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, InstanceFacts]:
        found = await super().observe(scale_set, instance_ids)
        await anyio.sleep(self.looks_s)
        return found

    def _facts(self, name: str) -> InstanceFacts:
        if name in self.lost:
            return InstanceFacts(name, False, False)
        return replace(super()._facts(name), running=name not in self.down)

    async def probe(self, target: ProbeTarget, *, allowed: Callable[[str], bool]) -> ProbeAnswer:
        self.asked.append(target.port)
        return ProbeAnswer(ProbeKind.ANSWERED, 200, b'{"ApplicationHealthState": "Healthy"}', "200", 0.0)


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Haunted:
    found = Haunted(tmp_path / "fleet")
    monkeypatch.setattr(probe_pool, "probe", found.probe)
    return found


async def create(engine: Engine, capacity: int) -> None:
    document = scale_set("web", capacity, PROBE, sku="Local", mode="Manual")
    await carry_out(engine, "apply", {"documents": [document], "files": ["web.json"]}, ANA)
    await until(lambda: healthy(engine) == capacity)


def one(engine: Engine) -> Instance:
    return engine.find_set("web").instances["0"]


def made_anew(engine: Engine) -> list[str]:
    found = [r.event for r in engine.store.events(0, 10_000)]
    return [x.instance_id for x in found if isinstance(x, e.InstanceMadeAnew)]


def test_no_answer_is_taken_for_one_that_does_not_run(tmp_path: Path, fleet: Haunted) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 2)
            fleet.down.add("0")
            await until(lambda: one(engine).health is Health.UNHEALTHY, 10.0)
            before = engine.head
            fleet.asked.clear()
            await anyio.sleep(60.0)
            assert set(fleet.asked) == {1001}
            assert (one(engine).running, one(engine).health, one(engine).health_detail) == (
                False,
                Health.UNHEALTHY,
                DOWN,
            )
            told = [r.event for r in engine.store.events(before, 1000)]
            assert not [x for x in told if isinstance(x, e.InstanceHealthChanged)]
            fleet.down.clear()
            await until(lambda: healthy(engine) == 2, 20.0)

    on_virtual_time(main)


def test_one_whose_boot_was_given_up_is_unhealthy_and_says_why(tmp_path: Path, fleet: Haunted) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 1)
        fleet.down.add("0")
        async with small_engine(tmp_path, fleet) as engine:
            await until(lambda: one(engine).trying is not None)
            seen: set[Health] = set()
            with anyio.move_on_after(300.0):
                while True:
                    seen.add(one(engine).health)
                    await anyio.sleep(0.5)
            assert one(engine).trying is None and seen == {Health.NOT_OBSERVED, Health.UNHEALTHY}
            assert one(engine).health_detail == DOWN

    on_virtual_time(main)


def test_a_look_from_before_its_new_disk_says_nothing_of_one_that_runs(tmp_path: Path, fleet: Haunted) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 1)
            fleet.down.add("0")
            await until(lambda: not one(engine).running, 10.0)
            fleet.looks_s = 7.0
            asked = {"set": "web", "to": "1.1.0", "max_unhealthy": "100", "health_window": 60.0}
            await carry_out(engine, "start", asked, ANA)
            await until(lambda: one(engine).running and one(engine).health is Health.HEALTHY)
            before = engine.head
            await until(lambda: ended(engine))
            await anyio.sleep(30.0)
            told = [r.event for r in engine.store.events(before, 1000)]
            assert not [x for x in told if isinstance(x, e.InstancePowerChanged | e.InstanceHealthChanged)]

    on_virtual_time(main)


def test_what_the_fleet_does_not_have_is_made_anew(tmp_path: Path, fleet: Haunted) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 2)
        fleet.lost = {"0", "1"}
        async with small_engine(tmp_path, fleet) as engine:
            await until(lambda: made_anew(engine) == ["0", "1"], 10.0)
            assert not one(engine).provisioned and one(engine).health is Health.NOT_OBSERVED
            await until(lambda: healthy(engine) == 2, 30.0)
            await anyio.sleep(60.0)
            assert made_anew(engine) == ["0", "1"] and one(engine).running

    on_virtual_time(main)


def test_one_that_was_stopped_is_made_anew_when_it_is_asked_for(tmp_path: Path, fleet: Haunted) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 1)
            turn = engine.turn()
            turn.on_scale_set(engine.find_set("web").key, e.InstanceStopped("0", "ana"))
            engine.commit(turn)
            fleet.lost = {"0"}
            await anyio.sleep(60.0)
            assert made_anew(engine) == [] and one(engine).health is Health.UNHEALTHY
            await carry_out(engine, "engine-start", {}, ANA)
            await until(lambda: healthy(engine) == 1, 30.0)
            assert made_anew(engine) == ["0"]

    on_virtual_time(main)


def test_nothing_is_made_anew_under_a_live_upgrade(tmp_path: Path, fleet: Haunted) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 2)
            await carry_out(engine, "start", {"set": "web", "to": "1.1.0", "at": engine.clock.now().at + 600.0}, ANA)
            fleet.lost = {"0"}
            await anyio.sleep(60.0)
            assert made_anew(engine) == [] and one(engine).health is Health.UNHEALTHY
            await carry_out(engine, "cancel", {"set": "web"}, ANA)
            await until(lambda: healthy(engine) == 2, 30.0)
            assert made_anew(engine) == ["0"]

    on_virtual_time(main)


def test_no_new_instance_gets_the_address_of_one_that_a_set_has(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_engine(tmp_path) as engine:
            book = AddressBook(tmp_path / "local" / "addresses", str(tmp_path))
            known = [instance(str(n), address=f"{book.candidate(n)}:18080", stopped_by="ana") for n in (0, 1)]
            recorded = replace(given(known), fleet="local")
            turn = engine.turn()
            turn.on_scale_set(recorded.key, e.ScaleSetApplied(recorded))
            engine.commit(turn)
            local: Any = engine.fleets["local"]
            told = local._machine._addresses
            assert told.allot(tmp_path / "other", 18080) == (book.candidate(2), 18080)

    anyio.run(main)
