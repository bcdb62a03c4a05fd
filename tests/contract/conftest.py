"""Every fleet behind one harness: opened, cut off and opened again, with instances on image 1.0.0."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from engine.fleets.fleet import Fleet
from engine.fleets.local.fleet import open_local_fleet
from engine.fleets.local.machine import LocalMachine
from engine.fleets.local.sample_images import write_sample_image
from engine.fleets.simulated.fleet import SimulatedFleet
from engine.model.effects import Effect, EffectKind, EffectOutcome
from engine.model.scale_set import Extension

SET = "/subscriptions/s/resourcegroups/rg/providers/microsoft.compute/virtualmachinescalesets/web"
TAGS = {"rollset-simulated-member-seconds": "0.05", "rollset-simulated-create-seconds": "0"}


class Harness:
    """One state directory; `opened` gives a fleet as each new engine process would have it."""

    def __init__(self, root: Path, kind: str) -> None:
        self.root = root
        self.kind = kind
        self.count = itertools.count()
        self.machine = LocalMachine(root / "local", owner_pid=os.getpid(), state_digest_seed=str(root))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Fleet]:
        if self.kind == "simulated":
            yield SimulatedFleet(self.root / "simulated", lambda key: TAGS)
            return
        async with open_local_fleet(self.machine, self._fill, self.root) as fleet:
            yield fleet

    @staticmethod
    def _fill(digest: str, target: Path) -> None:
        write_sample_image(target, version=digest.removeprefix("sha256:"), behaviour="good")

    def effect(self, kind: EffectKind, instance_id: str = "0", version: str = "1.1.0", **given: object) -> Effect:
        return Effect(
            id=str(given.pop("id", f"effect-{next(self.count)}")),
            kind=kind,
            operation="u",
            scale_set=SET,
            instance_id=instance_id,
            member=f"m{instance_id}",
            digest=f"sha256:{version}",
            image=f"contoso:web:stable:{version}",
            port=18080,
            **given,  # type: ignore[arg-type]  # the fields of Effect that a test names
        )

    def script(self, command: str, instance_id: str = "0") -> Effect:
        """An extension run; on the simulated fleet the tags decide how it ends, not the command."""
        settings = f'{{"commandToExecute": "{command}"}}'
        extension = Extension("setup", "Microsoft.Azure.Extensions", "CustomScript", "2.0", settings)
        return self.effect(EffectKind.RUN_EXTENSION, instance_id, step="setup", extension=extension)

    async def create(self, fleet: Fleet, *names: str) -> None:
        made = [self.effect(EffectKind.CREATE_INSTANCE, name, "1.0.0") for name in names]
        assert all(not outcome.code for outcome in (await carry_out(fleet, made)).values())

    def close(self) -> None:
        self.machine.stop_all()


@pytest.fixture(params=("local", "simulated"))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    made = Harness(tmp_path, request.param)
    yield made
    made.close()


async def carry_out(fleet: Fleet, effects: Sequence[Effect], epoch: int = 1) -> dict[str, EffectOutcome]:
    """Begin effects and ask until all outcomes are known."""
    return await outcomes_of(fleet, await fleet.begin(effects, epoch))


async def outcomes_of(fleet: Fleet, handle: str) -> dict[str, EffectOutcome]:
    found: dict[str, EffectOutcome] = {}
    with anyio.fail_after(30):
        while True:
            poll = await fleet.poll(handle)
            found.update(poll.outcomes)
            if poll.ask_again_s is None:
                return found
            await anyio.sleep(poll.ask_again_s)
