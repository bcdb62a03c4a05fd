"""What lies in the place of a new instance blocks nothing, and its data disks are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from engine.fleets.local import leftovers
from engine.fleets.local.facts import FencedError, InstanceFacts
from engine.fleets.local.machine import LocalMachine

from .conftest import PORT, SET, alive, create, data_of, eventually, image


def born(machine: LocalMachine, when: str, version: str = "1", epoch: int = 1) -> InstanceFacts:
    return machine.create(
        SET,
        "web_0",
        epoch=epoch,
        unpack=image(version),
        image_digest=f"sha256:{version}",
        port=PORT,
        environment={},
        born=when,
    )


@pytest.mark.parametrize("ended", (True, False))
def test_a_new_instance_takes_the_place_and_the_data_disks_of_the_old_one_are_kept(
    machine: LocalMachine, tmp_path: Path, ended: bool
) -> None:
    old = born(machine, "yesterday")
    (data_of(machine) / "lun0" / "orders").write_text("42")
    if ended:
        machine.stop(SET, "web_0")

    new = born(machine, "today", "2", epoch=2)

    assert (new.running, new.generation, new.image_digest) == (True, 1, "sha256:2")
    assert new.pid != old.pid and not alive(old.pid) and not alive(old.keeper_pid)
    assert not (data_of(machine) / "lun0" / "orders").exists()
    aside = Path(machine.set_aside(SET, "web_0", "today"))
    assert (aside / "data" / "lun0" / "orders").read_text() == "42"
    assert new.address == old.address, "the old one has no address any more"
    assert born(machine, "today", "2", epoch=2).pid == new.pid and machine.set_aside(SET, "web_0", "yesterday") == ""


def test_a_second_leftover_in_the_same_place_takes_nothing_from_the_first(machine: LocalMachine) -> None:
    for when, order in (("1", "a"), ("2", "b"), ("1", "c")):
        born(machine, when)
        (data_of(machine) / "order").write_text(order)
    born(machine, "2")

    kept = data_of(machine).parents[2] / "set-aside"

    assert sorted(x.read_text() for x in kept.glob("*/data/order")) == ["a", "b", "c"]


def test_an_instance_of_before_births_were_noted_is_another_once_its_creation_ended(machine: LocalMachine) -> None:
    first = create(machine)
    assert create(machine).pid == first.pid
    assert born(machine, "today").pid != first.pid
    half_made: dict[str, Any] = {"created": False}
    assert not leftovers.is_of_another(half_made, "today") and leftovers.is_of_another({"created": True}, "today")


def test_an_older_engine_sets_nothing_aside(machine: LocalMachine) -> None:
    first = born(machine, "yesterday", epoch=5)
    with pytest.raises(FencedError):
        born(machine, "today", epoch=4)
    assert machine.observe(SET, "web_0") == first


def test_a_creation_that_was_ended_from_outside_is_booted_and_one_that_ended_by_itself_stays(
    machine: LocalMachine,
) -> None:
    first = born(machine, "today")
    machine.stop(SET, "web_0")
    again = born(machine, "today")
    assert again.running and again.address == first.address
    assert again.pid is not None
    os.kill(again.pid, 9)
    eventually(lambda: machine.observe(SET, "web_0").exit_code is not None)
    assert not born(machine, "today").running


def test_what_no_scale_set_has_is_named(machine: LocalMachine, tmp_path: Path) -> None:
    born(machine, "today")
    create(machine, "odd/name")
    root = tmp_path / "local"
    known = [(SET.upper(), "web_0"), (SET, "odd/name")]

    assert leftovers.unknown(root, known) == []
    assert leftovers.unknown(root, known[:1]) == [f"web/{data_of(machine, 'odd/name').parent.name}"]
    assert leftovers.unknown(tmp_path / "nowhere", []) == []
    assert set(leftovers.every_instance(root)) == {(SET, "web_0"), (SET, "odd/name")}


def test_the_highest_epoch_is_that_of_the_latest_engine(machine: LocalMachine, tmp_path: Path) -> None:
    assert leftovers.highest_epoch(tmp_path / "local") == 0
    born(machine, "today", epoch=7)
    create(machine, "1")
    (data_of(machine, "1").parent / "fence.json").write_text("{")

    assert leftovers.highest_epoch(tmp_path / "local") == 7


def test_a_deletion_that_was_cut_off_leaves_neither_address_nor_files(
    machine: LocalMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = born(machine, "today")
    (data_of(machine) / "order").write_text("42")
    with monkeypatch.context() as cut:
        cut.setattr("engine.fleets.local.machine.remove_tree", lambda path: 1 / 0 if path.exists() else None)
        with pytest.raises(ZeroDivisionError):
            machine.delete(SET, "web_0", epoch=1)
    assert not machine.observe(SET, "web_0").exists and not machine.is_deleted(SET, "web_0")

    machine.delete(SET, "web_0", epoch=1)

    assert machine.is_deleted(SET, "web_0")
    assert create(machine, "web_1").address == first.address


def test_an_address_that_another_instance_has_by_now_stays_its_own(machine: LocalMachine, tmp_path: Path) -> None:
    old, other = born(machine, "today"), create(machine, "web_1")
    (tmp_path / "local" / "addresses" / old.address).write_text(str(data_of(machine, "web_1").parent))

    machine.delete(SET, "web_0", epoch=1)

    assert old.address in os.listdir(tmp_path / "local" / "addresses")
    assert other.running
