"""Export and import: everything a second machine needs, and nothing of the first that belongs to it alone."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import resource
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.decide.evolve import evolve_upgrade
from engine.fleets.local.sample_images import write_sample_image
from engine.model import events as e
from engine.model.errors import InputError, RefusedError, RollsetError, UnreachableError
from engine.model.image import ImageReference, ImageVersion
from engine.model.policy_document import PolicyDocument
from engine.model.upgrade import Now
from engine.store import importing
from engine.store.connection import open_store
from engine.store.engine_lock import EngineLock
from engine.store.exporting import export_to
from engine.store.failures import StoreCorruptError, StoreNotWritableError, StoreUnreadableError
from engine.store.image_blobs import ImageBlobs
from engine.store.importing import import_from
from engine.store.schema import DATABASE, FORMAT
from engine.store.store import StoredState, Transaction
from tests.unit.decide import given
from tests.unit.store.test_state_rows import a_set

NOW = 1_800_000_000.0
JOURNAL = "0123456789abcdef.jsonl"


class OldMachine:
    """A state directory with a local and a simulated set, an image and a policy; `export` writes its archive."""

    def __init__(self, root: Path) -> None:
        self.state_dir = root / "old"
        self.state_dir.mkdir(mode=0o700)
        self.blobs = ImageBlobs(self.state_dir / "images")
        write_sample_image(root / "image", version="1.0.0", behaviour="good")
        blob = self.blobs.publish(root / "image")
        reference = ImageReference("contoso", "web", "stable", "1.0.0")
        self.image = ImageVersion(reference, blob.digest, blob.size_bytes, NOW)
        (self.state_dir / "simulated").mkdir()
        (self.state_dir / "simulated" / JOURNAL).write_text('["set", 1.0, 2.0, "s"]\n')
        (self.state_dir / "hooks.json").write_text("{}")
        self.local = a_set()
        self.simulated = replace(a_set(), key="s", name="s", fleet="simulated")
        policy = e.PolicyApplied(PolicyDocument("webs", ("web-*",)))
        store = open_store(self.state_dir / DATABASE)
        store.begin_epoch(1, "test", NOW)
        store.commit(
            Transaction(
                [
                    *((f"scale_set/{s.key}", e.ScaleSetApplied(s), "ana", "") for s in (self.local, self.simulated)),
                    (f"image/{reference}", e.ImagePublished(self.image), "ana", ""),
                    ("policy/webs", policy, "ana", ""),
                ],
                NOW,
                0.0,
                [self.local, self.simulated],
                images=[self.image],
            )
        )
        store.close()
        self.archive = root / "moved.rollset"

    def export(self) -> Path:
        export_to(self.archive, self.state_dir, self.blobs, [self.image], NOW)
        return self.archive

    def with_entries(self, change: Callable[[dict[str, bytes]], None]) -> Path:
        """The archive again, with its files changed."""
        with tarfile.open(self.export()) as archive:
            files = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr] # all are files
        change(files)
        with tarfile.open(self.archive, "w:gz") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return self.archive


@pytest.fixture
def old(tmp_path: Path) -> OldMachine:
    return OldMachine(tmp_path)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"


def take(state_dir: Path, archive: Path) -> dict[str, Any]:
    return dict(import_from(state_dir, archive, actor="bo", reason="the old box is retired", at=NOW + 60))


def state_of(state_dir: Path) -> tuple[StoredState, list[e.Recorded]]:
    store = open_store(state_dir / DATABASE)
    try:
        return store.load_state(), store.events(0, 1000)
    finally:
        store.close()


def untouched(state_dir: Path) -> bool:
    """Whether an import left nothing but an empty state directory, its lock, and images."""
    left = {path.name for path in state_dir.iterdir()} if state_dir.is_dir() else set()
    return left <= {"engine.lock", "images", "simulated"} and not list(state_dir.glob("simulated/*"))


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


def limit_file_size(bytes_: int) -> Callable[[], None]:
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", (100, 20_000, 60_000))
def test_a_full_disk_leaves_no_archive(old: OldMachine, limit: int) -> None:
    lift = limit_file_size(limit)
    try:
        with pytest.raises((StoreNotWritableError, StoreUnreadableError)):
            old.export()
    finally:
        lift()
    assert not old.archive.exists() and sorted(p.name for p in old.archive.parent.iterdir()) == ["image", "old"]
    old.export()


@pytest.mark.parametrize("limit", (100, 20_000, 60_000))
def test_a_full_disk_leaves_no_half_import(old: OldMachine, new: Path, limit: int) -> None:
    archive = old.export()
    lift = limit_file_size(limit)
    try:
        with pytest.raises(UnreachableError):
            take(new, archive)
    finally:
        lift()
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


def test_every_cut_of_an_archive_is_refused(old: OldMachine, new: Path) -> None:
    content = old.export().read_bytes()
    for length in {0, 1, 17, 300, *range(0, len(content), max(1, len(content) // 40)), len(content) - 1}:
        old.archive.write_bytes(content[:length])
        with pytest.raises(InputError, match="is no export"):
            take(new, old.archive)
        assert untouched(new)


def test_every_flipped_byte_is_found_or_harmless(old: OldMachine, new: Path) -> None:
    content = bytearray(gzip.decompress(old.export().read_bytes()))
    for at in range(0, len(content), max(1, len(content) // 60)):
        changed = bytearray(content)
        changed[at] ^= 0x55
        old.archive.write_bytes(gzip.compress(bytes(changed), 1))
        try:
            take(new, old.archive)
        except RollsetError:
            assert untouched(new)
        else:
            assert state_of(new)[0].images == [old.image] and ImageBlobs(new / "images").verify(old.image.digest)
            shutil.rmtree(new)


def manifest(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | changes).encode()

    return change


def plus(name: str, content: bytes = b"x") -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({name: content})


def without(beginning: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        for name in [name for name in files if name.startswith(beginning)]:
            del files[name]

    return change


def last(files: dict[str, bytes]) -> None:
    files["manifest.json"] = files.pop("manifest.json")


@pytest.mark.parametrize(
    ("change", "why"),
    (
        (without("manifest"), "does not begin with a manifest"),
        (last, "does not begin with a manifest"),
        (plus("manifest.json", b"[]"), "manifest cannot be read"),
        (plus("manifest.json", b"[" * 100_000), "manifest cannot be read"),
        (plus("manifest.json", b'{"rollset_export": 1}'), "manifest cannot be read"),
        (plus("manifest.json", b"\xff\xfe"), "manifest cannot be read"),
        (plus("manifest.json", b" " * 17_000_000), "has more than"),
        (manifest(rollset_export=2), "its form is 2"),
        (manifest(files=[]), "names other files"),
        (manifest(files=[{"name": "../../evil", "size": 1, "sha256": ""}]), "names other files"),
        (manifest(images=["sha256:zz"]), "no digest"),
        (manifest(images=["sha256:" + "0" * 64]), "which its manifest does not name"),
        (plus("../evil"), "has '..' in its name"),
        (plus("/etc/evil"), "absolute name"),
        (plus("config.toml"), "has no place in one"),
        (plus("images/" + "0" * 64 + ".tar"), "its manifest does not name"),
        (plus("simulated/" + "0" * 16 + ".jsonl"), "its manifest does not name"),
        (plus("simulated/" + JOURNAL, b"other"), "not what its manifest says"),
        (plus(DATABASE, b"other"), "not what its manifest says"),
        (without("images"), "is missing"),
        (without("simulated"), "is missing"),
        (without(DATABASE), "is missing"),
    ),
)
def test_hostile_archives_are_refused(
    old: OldMachine, new: Path, change: Callable[[dict[str, bytes]], None], why: str
) -> None:
    with pytest.raises(InputError, match="is no export") as caught:
        take(new, old.with_entries(change))
    assert why in caught.value.message
    assert untouched(new) and not (new.parent / "evil").exists()


def test_an_image_with_other_content_is_refused(old: OldMachine, new: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        name = next(name for name in files if name.startswith("images/"))
        files[name] = files[name].replace(b"1.0.0", b"6.6.6")

    with pytest.raises(InputError, match="other content"):
        take(new, old.with_entries(change))
    assert untouched(new)


def test_links_and_devices_are_refused(old: OldMachine, new: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
        old.archive.unlink(missing_ok=True)
        with tarfile.open(old.export()) as archive:
            head = archive.next()
            assert head is not None
            content = archive.extractfile(head)
            assert content is not None
            first = content.read()
        with tarfile.open(old.archive, "w:gz") as archive:
            head.size = len(first)
            archive.addfile(head, io.BytesIO(first))
            entry = tarfile.TarInfo(DATABASE)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        with pytest.raises(InputError, match="is no export"):
            take(new, old.archive)
        assert untouched(new)


def listed_again(files: dict[str, bytes], database: bytes) -> None:

    told = json.loads(files["manifest.json"])
    for item in told["files"]:
        if item["name"] == DATABASE:
            item |= {"size": len(database), "sha256": hashlib.sha256(database).hexdigest()}
    files["manifest.json"], files[DATABASE] = json.dumps(told).encode(), database


@pytest.mark.parametrize("sort", ("no database", "no tables", "bodies of another world", "a stream with a hole"))
def test_a_database_with_right_checksums_and_wrong_content_is_refused(
    old: OldMachine, new: Path, tmp_path: Path, sort: str
) -> None:

    def change(files: dict[str, bytes]) -> None:
        path = tmp_path / "forged.db"
        path.write_bytes(files[DATABASE])
        if sort == "no database":
            listed_again(files, b"x" * 8192)
            return
        connection = sqlite3.connect(path)
        if sort == "no tables":
            connection.executescript("DROP TABLE upgrade;")
        else:
            connection.executescript("DROP TRIGGER event_is_final; DROP TRIGGER event_stays;")
            changed = "body='{\"instance\": []}'" if sort.startswith("bodies") else "stream_seq=7"
            connection.execute(f"UPDATE event SET {changed} WHERE seq=1")
        connection.commit()
        connection.close()
        listed_again(files, path.read_bytes())

    with pytest.raises((StoreCorruptError, InputError)):
        take(new, old.with_entries(change))
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


def test_an_export_of_a_newer_version_says_so(old: OldMachine, new: Path, tmp_path: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        path = tmp_path / "newer.db"
        path.write_bytes(files[DATABASE])
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version={FORMAT + 1}")
        connection.close()
        listed_again(files, path.read_bytes())

    with pytest.raises(UnreachableError, match="newer Rollset") as caught:
        take(new, old.with_entries(change))
    assert caught.value.code == "StoreNewer" and untouched(new)
