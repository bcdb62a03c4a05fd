"""Given a start that waits for files, when something happens meanwhile, then it is judged by what is true after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import pytest

from engine.model import events as e
from engine.model.errors import NotFoundError, RefusedError, RollsetError, UnreachableError
from engine.model.plan import PlanCheck
from engine.model.upgrade import HoldKind
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.verbs import carry_out
from tests.unit.runtime.conftest import ANA, apply_healthy, scale_set_document
from tests.unit.runtime.test_after_the_end import FaultyScripts, act, kinds, last, with_ten
from tests.worlds.small_engine import NEW

OMAR = Caller(1001, "omar", {})
Meanwhile = Callable[[], Awaitable[object]]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Meanwhile], None]:
    """Let something happen while the next start waits for its files."""

    def let(happen: Meanwhile) -> None:
        once = [happen]

        async def checks(*_: object, **__: object) -> tuple[PlanCheck, ...]:
            if once:
                await once.pop()()
            return ()

        monkeypatch.setattr("engine.runtime.upgrade_verbs.file_checks", checks)

    return let


def refused_start(engine: Engine) -> RollsetError:
    with pytest.raises(RollsetError) as refusal:
        anyio.run(partial(EngineDoor(engine).command, "start", {"set": "web", "to": "1.1.0", "key": "k"}, ANA))
    assert engine.state.upgrades == {}
    return refusal.value


def test_a_stop_that_begins_meanwhile_lets_no_upgrade_begin(
    engine: Engine, meanwhile: Callable[[Meanwhile], None]
) -> None:
    apply_healthy(engine)
    arguments = {"with_instances": True}
    meanwhile(lambda: carry_out(engine, "engine-stop", arguments, OMAR))

    refusal = refused_start(engine)

    assert (type(refusal), refusal.code) == (UnreachableError, "EngineStopping")
    assert engine.stop_instances == "omar" and engine.store.command_of("k") is None, "the same key may be tried again"


def test_trouble_of_the_store_meanwhile_lets_no_upgrade_begin(
    engine: Engine, meanwhile: Callable[[Meanwhile], None]
) -> None:
    apply_healthy(engine)

    async def spoil() -> None:
        engine.guard.checked("a page is torn", engine.clock.now())

    meanwhile(spoil)

    assert refused_start(engine).code == HoldKind.STORE_SUSPECT


def test_a_set_that_goes_meanwhile_is_not_upgraded(engine: Engine, meanwhile: Callable[[Meanwhile], None]) -> None:
    apply_healthy(engine)
    meanwhile(lambda: carry_out(engine, "delete", {"set": "web"}, OMAR))

    assert isinstance(refused_start(engine), RefusedError | NotFoundError)


def test_a_set_that_becomes_production_meanwhile_asks_for_its_name(
    engine: Engine, meanwhile: Callable[[Meanwhile], None]
) -> None:
    apply_healthy(engine)
    document = scale_set_document(tags={"environment": "production"})
    meanwhile(lambda: carry_out(engine, "apply", {"documents": [document]}, OMAR))

    assert "--confirm" in str(refused_start(engine))


def test_a_retry_is_of_what_failed_and_is_still_there(tmp_path: Path, meanwhile: Callable[[Meanwhile], None]) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        async def remove() -> None:
            turn = engine.turn()
            turn.on_scale_set(engine.find_set("web").key, e.InstanceRemoved("0", "it went"))
            engine.commit(turn)

        meanwhile(remove)
        with pytest.raises(RefusedError, match="no instance failed in it"):
            await carry_out(engine, "retry", {"set": "web", "seen_version": last(engine).version}, ANA)

    with_ten(tmp_path, story)


def test_a_retry_is_not_of_another_run_that_came_meanwhile(
    tmp_path: Path, meanwhile: Callable[[Meanwhile], None]
) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        first = last(engine)
        meanwhile(lambda: act(engine, "start", to=NEW.version, max_unhealthy=100))
        with pytest.raises(RefusedError, match="came meanwhile"):
            await carry_out(engine, "retry", {"set": "web"}, ANA)
        second = last(engine)
        assert second.id != first.id and second.continues is None and "0" in kinds(fleet, second.id)

    with_ten(tmp_path, story)


def test_a_retry_beside_a_run_that_began_meanwhile_is_refused_as_any_start(
    tmp_path: Path, meanwhile: Callable[[Meanwhile], None]
) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        meanwhile(lambda: carry_out(engine, "start", {"set": "web", "to": NEW.version, "at": 2e9}, OMAR))
        with pytest.raises(RefusedError, match=r"is live .*; one at a time"):
            await carry_out(engine, "retry", {"set": "web"}, ANA)

    with_ten(tmp_path, story)
