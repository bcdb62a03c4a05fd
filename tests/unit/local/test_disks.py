"""OS disks: replaced, restored, once per effect, fenced."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from engine.fleets.local import disks, processes, records
from engine.fleets.local.facts import DiskGoneError, FencedError
from engine.fleets.local.machine import LocalMachine
from engine.model.errors import UnreachableError

from .conftest import SET, alive, create, data_of, replace


def version_of(machine: LocalMachine) -> str:
    return (data_of(machine).parent / "os/current/version").read_text().strip()


def restore(machine: LocalMachine, effect_id: str, generation: int, epoch: int = 1) -> int:
    facts = machine.restore_disk(SET, "web_0", effect_id=effect_id, epoch=epoch, generation=generation, environment={})
    assert facts.running
    return facts.generation


def test_replace_keeps_data_address_and_previous_disk(machine: LocalMachine) -> None:
    before = create(machine)
    (data_of(machine) / "lun0" / "rows").write_bytes(b"\0\1kept")
    after = replace(machine, "e1")
    assert (data_of(machine) / "lun0" / "rows").read_bytes() == b"\0\1kept"
    assert version_of(machine) == "2" and after.running and not alive(before.pid)
    assert (after.address, after.port) == (before.address, before.port)
    assert (after.generation, after.image_digest) == (2, "sha256:2")
    assert after.generations == ((1, "sha256:1"), (2, "sha256:2"))
    assert (after.last_effect_id, after.last_effect_phase) == ("e1", "done")


def test_the_same_effect_swaps_once(machine: LocalMachine) -> None:
    create(machine)
    first = replace(machine, "e1")
    again = replace(machine, "e1", version="9", epoch=2)
    assert (again.pid, again.generation, version_of(machine)) == (first.pid, 2, "2")


def test_only_the_previous_disk_is_kept(machine: LocalMachine) -> None:
    create(machine)
    replace(machine, "e1", "2")
    assert [number for number, _ in replace(machine, "e2", "3").generations] == [2, 3]
    with pytest.raises(DiskGoneError):
        restore(machine, "r1", 1)


def test_restore_goes_back_and_the_next_disk_has_a_new_number(machine: LocalMachine) -> None:
    create(machine)
    replace(machine, "e1")
    assert restore(machine, "r1", 1) == 1 and version_of(machine) == "1"
    assert restore(machine, "r1", 1) == 1
    facts = replace(machine, "e2", "3")
    assert facts.generation == 3 and facts.generations == ((1, "sha256:1"), (3, "sha256:3"))


def test_an_image_that_does_not_unpack_leaves_the_instance_running(machine: LocalMachine) -> None:
    before = create(machine)

    def torn(target: Path) -> None:
        (target / "boot").write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        replace(machine, "e1", unpack=torn)
    facts = machine.observe(SET, "web_0")
    assert (facts.pid, facts.generation, facts.last_effect_phase) == (before.pid, 1, "begun")
    assert replace(machine, "e1").generation == 2 and version_of(machine) == "2"


def test_an_effect_cut_off_after_its_swap_is_finished_by_its_repeat(
    machine: LocalMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(machine)

    def fail(*_: object) -> None:
        raise UnreachableError("KeeperNotStarted", "cut off here", "")

    with monkeypatch.context() as cut:
        cut.setattr(processes, "start_keeper", fail)
        with pytest.raises(UnreachableError):
            replace(machine, "e1")
    facts = machine.observe(SET, "web_0")
    assert (facts.running, facts.generation, facts.last_effect_phase) == (False, 2, "swapped")
    facts = replace(machine, "e1", epoch=2, unpack=fail)
    assert (facts.running, facts.generation, facts.last_effect_phase) == (True, 2, "done")


@pytest.mark.parametrize("cut", ("write_record", "give_generation", "unpack_generation", "swap_to"))
def test_an_effect_cut_off_anywhere_takes_one_number_and_no_effect_takes_anothers(
    machine: LocalMachine, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    create(machine)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    for effect, number in (("e1", 2), ("e2", 3), ("e3", 4)):
        with monkeypatch.context() as patched:
            patched.setattr(records if cut == "write_record" else disks, cut, fail)
            with pytest.raises(KeyboardInterrupt):
                replace(machine, effect)
        assert replace(machine, effect).generation == number


def test_the_number_of_an_effect_that_never_went_on_is_not_given_again(
    machine: LocalMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(machine)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(disks, "give_generation", fail)
        with pytest.raises(KeyboardInterrupt):
            replace(machine, "e1")
    assert replace(machine, "e2").generation == 3
    assert replace(machine, "e1").generation == 2


def test_a_lower_epoch_is_fenced_and_changes_nothing(machine: LocalMachine) -> None:
    create(machine)
    before = replace(machine, "e1", epoch=5)
    with pytest.raises(FencedError):
        replace(machine, "e2", "3", epoch=4)
    with pytest.raises(FencedError):
        restore(machine, "r1", 1, epoch=4)
    after = machine.observe(SET, "web_0")
    # Its boot writes to its log meanwhile.
    assert dataclasses.replace(after, boot_log_tail="") == dataclasses.replace(before, boot_log_tail="")


def test_a_discarded_disk_is_gone_the_one_in_use_never(machine: LocalMachine) -> None:
    create(machine)
    replace(machine, "e1")

    machine.discard_disk(SET, "web_0", epoch=1, generation=2)
    assert [n for n, _ in machine.observe(SET, "web_0").generations] == [1, 2]
    machine.discard_disk(SET, "web_0", epoch=1, generation=1)
    facts = machine.discard_disk(SET, "web_0", epoch=1, generation=1)
    assert [n for n, _ in facts.generations] == [2] and facts.running
    with pytest.raises(DiskGoneError):
        restore(machine, "r1", 1)
