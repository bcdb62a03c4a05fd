"""What the schema refuses is a defect: it is said and held, and neither ends the engine nor holds up anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from engine.model import events as e
from engine.model.effects import EffectKind
from engine.model.errors import UnreachableError
from engine.model.upgrade import HoldKind
from engine.runtime import answers
from engine.runtime.engine import Engine
from engine.runtime.turn import Turn
from engine.runtime.verbs import carry_out
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until


@contextmanager
def defect(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Iterator[None]:
    """Every plan wants a second disk effect of an instance, which can never be written."""
    plan = Turn.plan

    def planned(turn: Turn, everything: bool = True) -> None:
        plan(turn, everything)
        held = any(HoldKind.STORE_SUSPECT in u.holds for u in (turn.upgrade(x) for x in turn.state.upgrades) if u)
        disk = [x for x in engine.state.open_effects.values() if x.kind is EffectKind.REPLACE_OS_DISK]
        if disk and not held:
            turn.intents.append(replace(disk[0], id="x" * 32))

    with monkeypatch.context() as wrong:
        wrong.setattr(Turn, "plan", planned)
        yield


def test_an_upgrade_that_hits_a_defect_is_held_and_the_next_engine_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        fleet = DurableFleet(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 2)
            await carry_out(engine, "start", {"set": "web", "to": "1.1.0"}, ANA)
            with defect(monkeypatch, engine):
                await until(lambda: engine.guard.words is not None, 60)
                assert "defect" in str(engine.guard.words)
                last = engine.state.last_upgrade(engine.find_set("web").key)
                assert last is not None
                holds = {hold["kind"] for hold in answers.upgrade_summary(engine, last)["holds"]}
                assert holds == {"StoreSuspect"}
                assert "doctor --bundle" in engine.guard.check()["next_step"]
                await anyio.sleep(60)
                await carry_out(engine, "pause", {"set": "web"}, ANA)
        async with small_engine(tmp_path, fleet) as engine:
            engine.guard.checked(None, engine.clock.now())
            await carry_out(engine, "resume", {"set": "web"}, ANA)
            await until(lambda: ended(engine), 600)
            last = engine.state.last_upgrade(engine.find_set("web").key)
            assert last is not None and last.state == "Completed"

    on_virtual_time(main)


def test_a_command_that_can_never_be_written_is_refused_and_concerns_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet")) as engine:
            await create(engine, 2)
            head = engine.head
            with monkeypatch.context() as wrong:
                wrong.setattr(engine.store, "command_of", lambda key: None)
                await carry_out(engine, "hold", {"set": "web", "instance": "0", "key": "k"}, ANA)
                with pytest.raises(UnreachableError, match="has a defect"):
                    await carry_out(engine, "hold", {"set": "web", "instance": "1", "key": "k"}, ANA)
            assert engine.guard.words is None
            assert engine.find_set("web").instances["1"].hold is None
            assert [type(r.event) for r in engine.store.events(head)] == [e.CommandJudged, e.InstanceHeld]

    on_virtual_time(main)
