"""State rows lag behind the log on purpose; what is loaded never does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from engine.decide.evolve_scale_set import evolve_scale_set
from engine.model import events as e
from engine.model.health import Health
from engine.model.image import ImageReference
from engine.model.scale_set import Instance, ScaleSet, ScaleSetModel
from engine.model.upgrade import Now, Outcome, Upgrade
from engine.store import state_rows
from engine.store.connection import open_store
from engine.store.store import Store, Transaction
from tests.unit.decide.given import Run, scale_set

IMAGE = ImageReference("contoso", "web", "stable", "1.0.0")


def a_set() -> ScaleSet:
    instance = Instance("0", "", 0, 0, IMAGE, "sha256:1", "1", 0.0)
    return ScaleSet("k", "/k", "web", "eu", "s", 1, ScaleSetModel(IMAGE), instances={"0": instance})


def opened(path: Path) -> Store:
    store = open_store(path / "x.db")
    store.begin_epoch(1, "test", 0.0)
    return store


def commit(store: Store, scale_set: ScaleSet, *events: e.Event) -> ScaleSet:
    for event in events:
        after = evolve_scale_set(scale_set, event, Now(1.0, 1.0))
        assert after is not None
        scale_set = after
    store.commit(Transaction([("scale_set/k", event, "ana", "") for event in events], 1.0, 1.0, [scale_set]))
    return scale_set


def flap(times: int) -> list[e.Event]:
    states = [Health.NOT_OBSERVED, *[Health.HEALTHY, Health.UNHEALTHY] * times]
    pairs = itertools.pairwise(states)
    return [e.InstanceHealthChanged("0", left, entered, "probe") for left, entered in pairs]


def row_seq(store: Store) -> int:
    found = store._connection.execute("SELECT stream_seq FROM scale_set").fetchone()
    return int(found[0])


def test_what_happened_after_the_row_was_written_is_folded_at_the_next_start(tmp_path: Path) -> None:
    first = opened(tmp_path)
    scale_set = commit(first, a_set(), e.ScaleSetApplied(a_set()))
    scale_set = commit(first, scale_set, *flap(3))
    assert row_seq(first) == 1
    loaded = opened(tmp_path).load_state().scale_sets
    assert loaded == [scale_set]


def test_a_row_is_never_further_behind_than_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_rows, "EVERY", 4)
    store = opened(tmp_path)
    scale_set = commit(store, a_set(), e.ScaleSetApplied(a_set()))
    for event in flap(5):
        scale_set = commit(store, scale_set, event)
        assert store._streams["scale_set/k"] - row_seq(store) < 4


def test_an_orderly_stop_leaves_nothing_to_fold(tmp_path: Path) -> None:
    store = opened(tmp_path)
    scale_set = commit(store, a_set(), e.ScaleSetApplied(a_set()))
    commit(store, scale_set, *flap(2))
    store.mark_stopped(2.0, True)
    assert row_seq(store) == 5


def test_a_row_that_a_failed_transaction_wrote_is_written_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    broken = Transaction([("scale_set/k", e.ScaleSetApplied(a_set()), "ana", "")] * 2, 1.0, 1.0, [a_set()])
    store._connection.execute(
        "CREATE TRIGGER no BEFORE INSERT ON event WHEN NEW.stream_seq = 2 BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    with pytest.raises(Exception, match="no"):
        store.commit(broken)
    commit(store, a_set(), e.ScaleSetApplied(a_set()))
    assert [s.key for s in opened(tmp_path).load_state().scale_sets] == ["k"]


def ended(name: str) -> Upgrade:
    run = Run(scale_set(3))
    return replace(run.upgrade, id=name, outcome=Outcome.COMPLETED, ended_at=1.0)


def put(store: Store, upgrade: Upgrade, event: e.Event | None = None) -> None:
    told = event or e.UpgradeStarted(upgrade)
    store.commit(Transaction([(f"upgrade/{upgrade.id}", told, "ana", "")], 1.0, 1.0, upgrades=[upgrade]))


def test_of_upgrades_that_ended_long_ago_the_members_are_left_in_the_store(tmp_path: Path) -> None:
    first = opened(tmp_path)
    upgrades = [ended(name) for name in ("z", "b", "y", "a")]
    for upgrade in upgrades:
        put(first, upgrade)
    live = replace(ended("live"), outcome=None, ended_at=None)
    put(first, live)

    store = opened(tmp_path)
    lately = store.load_state(2).upgrades

    assert lately == [*(u.without_members() for u in upgrades[:2]), *upgrades[2:], live]
    assert [store.upgrade(u.id) for u in upgrades] == upgrades
    assert store.load_state().upgrades == [*upgrades, live]
    assert lately[0].states() == upgrades[0].states() != ()


def test_an_ended_upgrade_whose_row_lags_behind_or_is_of_an_earlier_version_is_loaded_whole(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for name in ("lags", "early", "light"):
        put(first, ended(name))
    put(first, ended("lags"), e.UpgradePaused())
    first._connection.execute("DELETE FROM ended_upgrade WHERE id='early'")

    found = {u.id: u for u in opened(tmp_path).load_state(0).upgrades}

    assert [found[name].counted is None for name in ("lags", "early", "light")] == [True, True, False]
    assert len(found["lags"].members) == len(found["early"].members) == 3


def test_a_row_is_never_written_without_its_members(tmp_path: Path) -> None:
    store = opened(tmp_path)
    put(store, ended("a"))

    with pytest.raises(AssertionError, match="members of a would be lost"):
        store.commit(Transaction([], 1.0, 1.0, upgrades=[replace(ended("a"), outcome=None).without_members()]))

    assert store.upgrade("a") == ended("a")
