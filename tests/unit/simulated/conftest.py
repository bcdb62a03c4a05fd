"""A simulated fleet whose clocks a test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.fleets.simulated.fleet import SimulatedFleet
from engine.model.effects import Effect, EffectKind

SET = "/subscriptions/s/resourcegroups/rg/providers/microsoft.compute/virtualmachinescalesets/web"


class Clocks:
    """Wall and monotonic time, moved by hand."""

    def __init__(self) -> None:
        self.wall = 1_000_000.0
        self.monotonic = 0.0

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


class World:
    """Opens the fleet of one directory, again and again as engines do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clocks = Clocks()
        self.tags: dict[str, str] = {}

    def tag(self, **tags: object) -> None:
        self.tags = {f"rollset-simulated-{name.replace('_', '-')}": str(value) for name, value in tags.items()}

    def open(self) -> SimulatedFleet:
        return SimulatedFleet(
            self.root / "simulated",
            lambda key: self.tags,
            wall=lambda: self.clocks.wall,
            monotonic=lambda: self.clocks.monotonic,
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def effect(kind: EffectKind, instance_id: str = "0", name: str = "", **given: object) -> Effect:
    version = str(given.pop("version", "1.1.0"))
    return Effect(
        id=name or f"{kind.value}-{instance_id}-{version}",
        kind=kind,
        operation="u",
        scale_set=SET,
        instance_id=instance_id,
        member=f"m{instance_id}",
        digest=f"sha256:{version}",
        image=f"contoso:web:stable:{version}",
        **given,  # type: ignore[arg-type]  # the fields of Effect that a test names
    )


async def create(fleet: SimulatedFleet, clocks: Clocks, count: int = 1) -> None:
    """Instances 0 to count - 1 on 1.0.0, healthy."""
    made = [effect(EffectKind.CREATE_INSTANCE, str(n), zone=str(1 + n % 2), version="1.0.0") for n in range(count)]
    await fleet.begin(made, 1)
    clocks.go_on(30)
    await fleet.observe(SET, ["0"])
