"""Given an upgrade that has ended, when an operator retries or rolls back, then the engine does that and no more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.errors import NotFoundError, RefusedError
from engine.model.upgrade import Upgrade
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, NEW, OLD, create, ended, on_virtual_time, small_engine
from tests.worlds.watching import until


class FaultyScripts(DurableFleet):
    """Extensions of upgrades fail on the instances in `failing`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.failing: set[str] = set()

    def _outcome(self, effect: Effect, act: Mapping[str, Any]) -> EffectOutcome:
        script = effect.kind is EffectKind.RUN_EXTENSION
        if script and effect.instance_id in self.failing:
            return EffectOutcome(effect.id, OutcomeKind.FAILED, "VMExtensionProvisioningError", exit_code=7)
        return super()._outcome(effect, act)


def with_ten(tmp_path: Path, story: Callable[[Engine, FaultyScripts], Awaitable[None]]) -> None:
    """Ten instances; an upgrade one by one that keeps what fails has Faulted on instance 0."""

    async def main() -> None:
        fleet = FaultyScripts(tmp_path / "fleet")
        async with small_engine(tmp_path, fleet) as engine:
            await create(engine, 10)
            fleet.failing = {"0"}
            await act(engine, "start", to=NEW.version, batch="1", restore_failed="never", pause_between_batches="PT7S")
            assert last(engine).state.value == "Faulted"
            await story(engine, fleet)

    on_virtual_time(main)


def last(engine: Engine) -> Upgrade:
    found = engine.state.last_upgrade(engine.find_set("web").key)
    assert found is not None
    return found


async def act(engine: Engine, verb: str, **arguments: Any) -> dict[str, Any]:
    answer = await carry_out(engine, verb, {"set": "web", **arguments}, ANA)
    await until(lambda: ended(engine))
    return answer


def versions(engine: Engine) -> dict[str, str]:
    return {name: i.image.version for name, i in engine.find_set("web").instances.items()}


def kinds(fleet: DurableFleet, operation: str) -> dict[str, list[str]]:
    """What was done to whom in an upgrade."""
    found: dict[str, list[str]] = {}
    for done in fleet.acts():
        if done["operation"] == operation:
            found.setdefault(done["instance"], []).append(done["kind"])
    return found


def test_a_retry_by_name_upgrades_that_instance_alone_with_the_settings_of_the_run(tmp_path: Path) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        first = last(engine)
        fleet.failing = set()
        answer = await act(engine, "retry", instances=["0"])
        again = last(engine)
        assert again.continues == first.id and again.state.value == "Completed"
        assert again.settings == first.settings
        assert answer["message"].endswith(f"continuing {first.id}: instance 0 once more")
        assert set(kinds(fleet, again.id)) == {"0"}
        assert versions(engine) == {"0": NEW.version} | {str(i): OLD.version for i in range(1, 10)}
        assert not engine.find_set("web").instances["0"].extension_failed

    with_ten(tmp_path, story)


def test_while_all_is_halted_an_ended_run_may_be_rolled_back_but_not_retried(tmp_path: Path) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        fleet.failing = set()
        await carry_out(engine, "halt", {"reason": "a bad image"}, ANA)
        with pytest.raises(RefusedError, match="halted by ana"):
            await act(engine, "retry")
        await act(engine, "rollback")
        assert last(engine).state.value == "Completed" and set(versions(engine).values()) == {OLD.version}

    with_ten(tmp_path, story)


def test_a_retry_without_names_takes_what_failed_and_one_that_did_not_fail_is_refused(tmp_path: Path) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        with pytest.raises(RefusedError, match="instance 3 did not fail"):
            await act(engine, "retry", instances=["3"])
        await act(engine, "retry")
        again = last(engine)
        assert again.state.value == "Faulted", "it fails once more, and the limit is as strict as it was"
        assert set(kinds(fleet, again.id)) == {"0"}

    with_ten(tmp_path, story)


def test_a_plain_start_takes_the_failed_one_along(tmp_path: Path) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        assert not engine.find_set("web").instances["0"].latest_model_applied
        fleet.failing = set()
        await act(engine, "start", to=NEW.version, max_unhealthy=100)
        assert last(engine).state.value == "Completed"
        assert set(kinds(fleet, last(engine).id)) == {str(i) for i in range(10)}
        assert engine.find_set("web").instances["0"].latest_model_applied

    with_ten(tmp_path, story)


def test_rolling_back_after_the_end_puts_the_kept_disk_back_and_touches_nobody_else(tmp_path: Path) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        first = last(engine)
        before = engine.find_set("web").instances["0"]
        answer = await act(engine, "rollback")
        back = last(engine)
        assert (back.is_rollback_of, back.state.value) == (first.id, "Completed")
        assert "1 with the kept previous OS disk, 0 anew from the image" in answer["message"]
        assert kinds(fleet, back.id) == {"0": ["CaptureRestorePoint", "RestoreOsDisk"]}
        after = engine.find_set("web").instances["0"]
        assert (after.disk, after.image) == (before.previous_disk, OLD)
        assert (after.previous_disk, after.previous_image) == (before.disk, NEW)
        assert back.settings.batch_count == 1
        assert back.settings.policy.pause_between_batches_s == 7.0

    with_ten(tmp_path, story)


def test_a_start_that_had_nothing_to_do_does_not_stand_in_the_way_of_a_rollback(tmp_path: Path) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        fleet.failing = set()
        await act(engine, "start", to=NEW.version, max_unhealthy=100)
        whole = last(engine)
        await act(engine, "start", to=NEW.version)
        idle = last(engine)
        assert idle.had_nothing_to_do and not whole.had_nothing_to_do

        with pytest.raises(RefusedError, match=f"it had nothing to do. Before it {whole.id} to"):
            await act(engine, "rollback", seen_version=idle.version)
        answer = await act(engine, "rollback")
        assert f"continuing {whole.id}: 10 instances" in answer["message"]
        assert set(versions(engine).values()) == {OLD.version}

    with_ten(tmp_path, story)


def test_the_id_of_an_upgrade_where_a_set_belongs_says_which_set_that_is(tmp_path: Path) -> None:
    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        name = last(engine).id
        with pytest.raises(NotFoundError, match=f"{name} is an upgrade, not a scale set") as refusal:
            await carry_out(engine, "rollback", {"set": name}, ANA)
        assert refusal.value.next_step.startswith("Give its scale set: web.")

    with_ten(tmp_path, story)
