"""Export and import: everything a second machine needs, and nothing of the first that belongs to it alone."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from engine.decide.evolve import evolve_upgrade
from engine.model import events as e
from engine.model.errors import InputError, RefusedError, UnreachableError
from engine.model.scale_set import Trying
from engine.model.upgrade import Now
from engine.store import importing
from engine.store.connection import open_store
from engine.store.engine_lock import EngineLock
from engine.store.failures import StoreNotWritableError, StoreUnreadableError
from engine.store.image_blobs import ImageBlobs
from engine.store.schema import DATABASE
from engine.store.store import Transaction
from tests.unit.decide import given
from tests.unit.full_disk import no_file_over
from tests.unit.store.old_machine import JOURNAL, NOW, OldMachine, state_of, take, untouched


def test_the_new_machine_has_sets_images_policies_and_history(old: OldMachine, new: Path) -> None:
    told = take(new, old.export())

    state, log = state_of(new)
    assert (told["sets"], told["images"], told["made_anew"]) == (2, 1, len(old.local.instances))
    assert {s.key for s in state.scale_sets} == {"k", "s"} and state.images == [old.image]
    assert ImageBlobs(new / "images").verify(old.image.digest)
    assert [r.event for r in log if r.stream.startswith("policy/")]
    assert (new / "simulated" / JOURNAL).read_text() == (old.state_dir / "simulated" / JOURNAL).read_text()
    restored = log[-1].event
    assert isinstance(restored, e.StoreRestored) and restored.reason == "the old box is retired"
    assert not (new / "hooks.json").exists()
    assert untouched(new) is False


def test_local_instances_are_made_anew_and_simulated_ones_stay_what_they_are(old: OldMachine, new: Path) -> None:
    take(new, old.export())

    sets = {s.key: s for s in state_of(new)[0].scale_sets}
    for before, after in zip(old.local.instances.values(), sets["k"].instances.values(), strict=True):
        assert (after.instance_id, after.zone, after.image) == (before.instance_id, before.zone, before.image)
        assert (after.provisioned, after.running, after.disk, after.address) == (False, False, "", "")
        assert after.created_at == NOW + 60, "effects of its first creation are not taken for those of the next"
    assert sets["s"].instances == old.simulated.instances


def test_what_stopped_with_the_old_engine_or_was_tried_there_is_none_of_the_new_machines(
    old: OldMachine, new: Path
) -> None:
    store = open_store(old.state_dir / DATABASE)
    store.begin_epoch(1, "test", NOW)
    down = replace(old.local.instances["0"], stopped_by="ana", trying=Trying(NOW, 3, "no room"))
    last = replace(old.local, instances={"0": down})
    store.commit(Transaction([("scale_set/k", e.ScaleSetApplied(last), "ana", "")], NOW, 1.0, [last]))
    store.close()

    take(new, old.export())

    instance = {s.key: s for s in state_of(new)[0].scale_sets}["k"].instances["0"]
    assert (instance.stopped_by, instance.trying) == ("", None)


def test_the_archive_is_private_and_names_nobody(old: OldMachine) -> None:
    archive = old.export()

    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as opened:
        entries = opened.getmembers()
    assert {(x.uid, x.gid, x.uname, x.gname) for x in entries} == {(0, 0, "", "")}
    assert next(x.name for x in entries) == "manifest.json"
    assert sorted(p.name for p in archive.parent.iterdir()) == ["image", "moved.rollset", "old"], "nothing is left over"


def test_a_file_that_is_there_is_not_overwritten(old: OldMachine) -> None:
    old.archive.write_text("precious")
    with pytest.raises(InputError, match="exists"):
        old.export()
    assert old.archive.read_text() == "precious"


def test_a_damaged_image_is_not_shipped(old: OldMachine) -> None:
    boot = old.blobs.path(old.image.digest) / "boot"
    boot.chmod(0o755)
    boot.write_text("something else")
    with pytest.raises(RefusedError, match="other content"):
        old.export()
    assert not old.archive.exists()


def test_a_present_database_refuses_an_import(old: OldMachine) -> None:
    archive = old.export()
    before = (old.state_dir / DATABASE).read_bytes()
    with pytest.raises(RefusedError, match="has a database already"):
        take(old.state_dir, archive)
    assert (old.state_dir / DATABASE).read_bytes() == before


def test_a_running_engine_refuses_an_import(old: OldMachine, new: Path) -> None:
    archive = old.export()
    new.mkdir(mode=0o700)
    lock = EngineLock(new / "engine.lock")
    assert lock.acquire()
    with pytest.raises(UnreachableError, match="an engine serves"):
        take(new, archive)
    lock.release()


def test_an_export_with_a_live_upgrade_is_not_taken_over(old: OldMachine, new: Path) -> None:
    store = open_store(old.state_dir / DATABASE)
    store.begin_epoch(1, "test", NOW)
    started = e.UpgradeStarted(given.Run(given.scale_set(1)).upgrade)
    upgrade = evolve_upgrade(None, started, Now(NOW, 0.0))
    store.commit(Transaction([(f"upgrade/{upgrade.id}", started, "ana", "")], NOW, 0.0, upgrades=[upgrade]))
    store.close()
    with pytest.raises(RefusedError, match="was live when this was exported"):
        take(new, old.export())
    assert untouched(new)


def test_what_an_interrupted_import_left_is_removed(old: OldMachine, new: Path) -> None:
    left_over = new / ".importing-x"
    left_over.mkdir(parents=True)
    new.chmod(0o700)
    take(new, old.export())
    assert not left_over.exists()


@pytest.mark.parametrize("limit", (100, 20_000, 60_000))
def test_a_full_disk_leaves_no_archive(old: OldMachine, limit: int) -> None:
    with no_file_over(limit), pytest.raises((StoreNotWritableError, StoreUnreadableError)):
        old.export()
    assert not old.archive.exists() and sorted(p.name for p in old.archive.parent.iterdir()) == ["image", "old"]
    old.export()


@pytest.mark.parametrize("limit", (100, 20_000, 60_000))
def test_a_full_disk_leaves_no_half_import(old: OldMachine, new: Path, limit: int) -> None:
    archive = old.export()
    with no_file_over(limit), pytest.raises(UnreachableError):
        take(new, archive)
    assert untouched(new)
    assert take(new, archive)["sets"] == 2


def test_too_little_room_is_said_before_anything_is_unpacked(
    old: OldMachine, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = old.export()
    usage = shutil.disk_usage(old.state_dir)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage._replace(free=10))
    with pytest.raises(StoreNotWritableError, match="10 bytes of room"):
        take(new, archive)
    assert untouched(new)


def test_what_is_no_file_is_said(new: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputError):
            take(new, path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError):
        take(new, tmp_path / "fifo")


def test_the_process_tells_an_error_as_json(new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = importing.main(["--state-dir", str(new), str(tmp_path / "missing")])
    assert code == 2 and json.loads(capsys.readouterr().out)["error"]["exit_code"] == 2
