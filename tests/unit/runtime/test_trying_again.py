"""What failed is begun again after a rest, and only while it is still needed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import anyio

from engine.fleets.fleet import Capability
from engine.model import events as e
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, create, document, healthy, on_virtual_time, small_engine
from tests.worlds.watching import until


class Refusing(DurableFleet):
    """Can create nothing while `refuses`; remembers what it was asked to create, and when."""

    refuses = True

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[tuple[str, float]] = []

    async def begin(self, effects: Sequence[Effect], epoch: int) -> str:
        made = (x for x in effects if x.kind is EffectKind.CREATE_INSTANCE)
        self.asked += [(x.instance_id, anyio.current_time()) for x in made]
        return await super().begin(effects, epoch)

    def _act(self, effect: Effect, epoch: int) -> EffectOutcome:
        if effect.kind is EffectKind.CREATE_INSTANCE and self.refuses:
            return EffectOutcome(effect.id, OutcomeKind.FAILED, "InternalExecutionError", "the shelf is empty")
        return super()._act(effect, epoch)


async def _apply(engine: Engine, capacity: int) -> None:
    await carry_out(engine, "apply", {"documents": [document(capacity)], "files": ["web.json"]}, ANA)


def test_creations_are_asked_for_more_and_more_slowly_until_they_work(tmp_path: Path) -> None:
    async def main() -> None:
        fleet = Refusing(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await _apply(engine, 1)
            await anyio.sleep(3600)
            asked = [at for _, at in fleet.asked]
            pauses = [later - at for at, later in itertools.pairwise(asked)]
            assert pauses == sorted(pauses) and pauses[0] < 5 and 295 < pauses[-1] < 310
            fleet.refuses = False
            await until(lambda: healthy(engine) == 1, 310.0)

    on_virtual_time(main)


def test_an_instance_that_left_meanwhile_is_not_created_any_more(tmp_path: Path) -> None:
    async def main() -> None:
        fleet = Refusing(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await _apply(engine, 2)
            await anyio.sleep(100)
            await carry_out(engine, "scale", {"set": "web", "capacity": 1}, ANA)
            left = set(engine.find_set("web").instances)
            fleet.asked.clear()
            await anyio.sleep(3600)
            assert {name for name, _ in fleet.asked} == left
            assert {x.instance_id for x in engine.state.open_effects.values()} == left

    on_virtual_time(main)


def test_an_engine_hands_over_while_only_creations_wait_for_their_next_try(tmp_path: Path) -> None:
    async def main() -> None:
        fleet = Refusing(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await _apply(engine, 1)
            await anyio.sleep(600)
            await carry_out(engine, "engine-hand-over", {}, ANA)
            with anyio.fail_after(30):
                await engine.stopping.wait()
        fleet.refuses = False
        async with small_engine(tmp_path, fleet) as engine:
            await until(lambda: healthy(engine) == 1, 310.0)

    on_virtual_time(main)


def test_a_fleet_that_cannot_boot_is_not_asked_to(tmp_path: Path) -> None:
    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        assert Capability.START not in fleet.capabilities()
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 2)
        fleet = DurableFleet(tmp_path / "fleet", broken=[engine.find_set("web").instances["0"].digest])
        async with small_engine(tmp_path, fleet) as engine:
            await until(lambda: not any(x.running for x in engine.find_set("web").instances.values()))
            assert not [r for r in engine.store.events(0, 1000) if isinstance(r.event, e.InstanceStarting)]

    on_virtual_time(main)
