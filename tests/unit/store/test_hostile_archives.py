"""Archives that were damaged or forged are refused, and leave nothing behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import InputError, RollsetError, UnreachableError
from engine.store.failures import StoreCorruptError
from engine.store.image_blobs import ImageBlobs
from engine.store.schema import DATABASE, FORMAT
from tests.unit.store.old_machine import JOURNAL, OldMachine, state_of, take, untouched


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
