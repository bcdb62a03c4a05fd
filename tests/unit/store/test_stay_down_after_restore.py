"""What was ended together with the engine stays down, whatever a backup from before it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.model import events as e
from engine.model.scale_set import Instance, ScaleSet, Trying
from engine.model.upgrade import Hold, HoldKind, MemberState, Now, Upgrade
from engine.store.backup import Backups
from engine.store.connection import open_store
from engine.store.reading import reading
from engine.store.replay import compare_with_log
from engine.store.restoring import restore
from engine.store.schema import DATABASE
from engine.store.store import Store, Transaction
from tests.unit.decide.given import Run

NOW = 1_800_000_000.0


def stored(tmp_path: Path, upgrade: Upgrade | None = None, **changes: Any) -> tuple[Store, ScaleSet]:
    """A store with a set of four, number 1 with `changes`, and a live upgrade of it if one is given."""
    scale_set = Run().set
    one = replace(scale_set.instances["1"], **changes)
    scale_set = replace(scale_set, instances={**scale_set.instances, "1": one})
    store = open_store(tmp_path / DATABASE)
    store.begin_epoch(1, "test", NOW)
    noted: list[tuple[str, e.Event, str, str]] = [(f"scale_set/{scale_set.key}", e.ScaleSetApplied(scale_set), "a", "")]
    begun = [e.UpgradeStarted(upgrade)] if upgrade is not None else []
    noted += [(f"upgrade/{event.upgrade.id}", event, "a", "") for event in begun]
    upgrades = [evolve_upgrade(None, event, Now(NOW, 0.0)) for event in begun]
    store.commit(Transaction(noted, NOW, 0.0, [scale_set], upgrades=upgrades))
    return store, scale_set


def stop_all(store: Store, scale_set: ScaleSet) -> None:
    after: ScaleSet | None = scale_set
    events = [e.InstanceStopped(name, "ana") for name in scale_set.instances]
    for event in events:
        after = evolve_scale_set(after, event, Now(NOW, 1.0))
    assert after is not None
    store.commit(Transaction([(f"scale_set/{after.key}", x, "a", "") for x in events], NOW, 1.0, [after]))
    store.close()


def after_restore(tmp_path: Path, backup: Path) -> list[Instance]:
    restore(tmp_path, backup, actor="omar", reason="why", at=NOW + 10)
    with reading(tmp_path / DATABASE) as connection:
        assert compare_with_log(connection) == []
        [scale_set] = Store(connection).load_state().scale_sets
        return list(scale_set.instances.values())


def test_what_was_stopped_stays_down_though_the_backup_says_that_it_runs(tmp_path: Path) -> None:
    store, scale_set = stored(tmp_path, trying=Trying(NOW), running=False)
    made = Backups(tmp_path).make(NOW)
    stop_all(store, scale_set)

    found = after_restore(tmp_path, made)

    assert {(i.running, i.trying, i.stopped_by) for i in found} == {(False, None, "ana")}


@pytest.mark.parametrize("changes", ({"provisioned": False, "running": False}, {"running": False}))
def test_what_the_backup_does_not_run_is_left_as_it_is(tmp_path: Path, changes: dict[str, Any]) -> None:
    store, scale_set = stored(tmp_path, **changes)
    made = Backups(tmp_path).make(NOW)
    stop_all(store, scale_set)

    assert [i.instance_id for i in after_restore(tmp_path, made) if not i.stopped_by] == ["1"]


@pytest.mark.parametrize("sort", ("goes on", "is paused", "is paused with a member begun"))
def test_those_of_an_upgrade_that_goes_on_come_back(tmp_path: Path, sort: str) -> None:
    upgrade = Run().upgrade
    pending = {name: replace(member, state=MemberState.PENDING) for name, member in upgrade.members.items()}
    upgrade = replace(upgrade, members=pending, batches=())
    if sort != "goes on":
        hold = Hold(HoldKind.OPERATOR, NOW, "ana", "")
        upgrade = replace(upgrade, holds={HoldKind.OPERATOR: hold})
    if sort == "is paused with a member begun":
        name, member = next(iter(upgrade.members.items()))
        begun = replace(member, state=MemberState.REPLACING)
        upgrade = replace(upgrade, members={**upgrade.members, name: begun})
    store, scale_set = stored(tmp_path, upgrade)
    made = Backups(tmp_path).make(NOW)
    stop_all(store, scale_set)

    found = after_restore(tmp_path, made)

    assert {bool(i.stopped_by) for i in found} == {sort == "is paused"}


def test_who_runs_again_by_then_is_booted_as_ever(tmp_path: Path) -> None:
    store, _ = stored(tmp_path)
    made = Backups(tmp_path).make(NOW)
    store.close()

    assert not any(i.stopped_by or not i.running for i in after_restore(tmp_path, made))
