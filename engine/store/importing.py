"""`python -m engine.store.importing`: what another machine exported becomes the state of this one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from engine.decide.evolve_scale_set import evolve_scale_set
from engine.model import events as e
from engine.model.errors import InputError, RefusedError
from engine.model.scale_set import ScaleSet, not_made_yet
from engine.model.upgrade import Now
from engine.model.version import VERSION
from engine.store.connection import open_store
from engine.store.exporting import FORMAT, IMAGES, MANIFEST, SIMULATED
from engine.store.failures import StoreNotWritableError, not_writable
from engine.store.image_blobs import ImageBlobs
from engine.store.own_process import answer, arguments
from engine.store.restoring import no_engine, put_in_place, sound_head
from engine.store.safe_archive import Limits, SourceEntry, read_archive
from engine.store.schema import DATABASE
from engine.store.state_directory import refuse_broken_off
from engine.store.store import Store, Transaction

_NAMES = re.compile(rf"{DATABASE}|{IMAGES}/[0-9a-f]{{64}}\.tar|{SIMULATED}/[0-9a-f]{{16}}\.jsonl")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LOCAL = "local"
_MANIFEST_BYTES = 16 * 1024 * 1024
_LIMITS = Limits(entries=100_000, unpacked_bytes=1024**4, ratio=1100, depth=2)
"""gzip packs no tighter than 1 : 1032; the disk and each image's own limits are the caps that count."""
_CURE = "Name a file that `rollset export` wrote."


@dataclass(frozen=True, slots=True)
class _Manifest:
    """`files`: size in bytes and SHA-256 by name; images are checked by their own digests."""

    files: Mapping[str, tuple[int, str]]
    images: tuple[str, ...]
    bytes: int


def import_from(state_dir: Path, archive: Path, *, actor: str, reason: str, at: float) -> dict[str, object]:
    """Take an export over. Raises RollsetError; then nothing of this machine was changed but images added.

    Instances of the local fleet stayed behind: each is made anew here from its image, its data disks empty.
    """
    with no_engine(state_dir):
        _refuse_present(state_dir)
        for left_over in state_dir.glob(".importing-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        try:
            with tempfile.TemporaryDirectory(prefix=".importing-", dir=state_dir) as scratch:
                unpacked = Path(scratch)
                manifest = _unpack(archive, unpacked, state_dir)
                sound_head(unpacked / DATABASE)
                sets, anew = _make_anew(unpacked / DATABASE, actor, at)
                _take_images(archive, ImageBlobs(state_dir / "images"), unpacked, manifest)
                (state_dir / SIMULATED).mkdir(mode=0o700, exist_ok=True)
                for journal in (unpacked / SIMULATED).iterdir():
                    os.replace(journal, state_dir / SIMULATED / journal.name)
                told = put_in_place(
                    state_dir, unpacked / DATABASE, actor=actor, reason=reason, at=at, through=f".{DATABASE}.importing"
                )
        except OSError as error:
            raise not_writable(error.filename or state_dir, error) from error
    return told | {"images": len(manifest.images), "sets": sets, "made_anew": anew}


def _refuse_present(state_dir: Path) -> None:
    refuse_broken_off(state_dir)
    database = state_dir / DATABASE
    if database.exists():
        raise RefusedError(
            "Conflict",
            f"{state_dir} has a database already.",
            f"Choose another --state-dir, or move it away first: mv {database} {database}.old",
        )


def _unpack(archive: Path, target: Path, state_dir: Path) -> _Manifest:
    for folder in (IMAGES, SIMULATED):
        (target / folder).mkdir()
    if not archive.is_file():
        raise InputError("InvalidParameter", f"{archive} is no file.", _CURE)
    try:
        with open(archive, "rb") as file:
            manifest = _take_entries(archive, file, target, state_dir)
    except PermissionError as error:
        raise InputError("InvalidParameter", f"{archive}: {error.strerror}.", _CURE) from error
    except InputError as error:
        if error.message.startswith(_named(archive)):
            raise _no_export(archive, _words(error, archive)) from error
        raise
    for name in manifest.files:
        if not (target / name).exists():
            raise _no_export(archive, f"{name} is missing")
    return manifest


def _take_entries(archive: Path, file: BinaryIO, target: Path, state_dir: Path) -> _Manifest:
    entries = read_archive(archive, file, _LIMITS)
    manifest = _read_manifest(archive, next(entries, None))
    _check_room(state_dir, manifest)
    for entry in entries:
        _write(archive, entry, target, manifest)
    return manifest


def _read_manifest(archive: Path, first: SourceEntry | None) -> _Manifest:
    if first is None or first.path != MANIFEST or first.chunks is None:
        raise _no_export(archive, "it does not begin with a manifest")
    content = b""
    for chunk in first.chunks:
        content += chunk
        if len(content) > _MANIFEST_BYTES:
            raise _no_export(archive, f"its manifest has more than {_MANIFEST_BYTES} bytes")
    try:
        found = json.loads(content)
        form = found["rollset_export"]
        files = {str(x["name"]): (int(x["size"]), str(x["sha256"])) for x in found["files"]}
        images = tuple(dict.fromkeys(str(digest) for digest in found["images"]))
        whole = sum(size for size, _ in files.values()) + int(found["image_bytes"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _no_export(archive, "its manifest cannot be read") from error
    if form != FORMAT:
        raise _no_export(archive, f"its form is {form!r}, this version reads {FORMAT}")
    if DATABASE not in files or not all(_NAMES.fullmatch(n) and not n.startswith(IMAGES) for n in files):
        raise _no_export(archive, "its manifest names other files than an export has")
    if not all(_DIGEST.fullmatch(digest) for digest in images):
        raise _no_export(archive, "its manifest names an image that is no digest")
    return _Manifest(files, images, whole)


def _check_room(state_dir: Path, manifest: _Manifest) -> None:
    free = shutil.disk_usage(state_dir).free
    if manifest.bytes > free:
        raise StoreNotWritableError(f"{state_dir} has {free} bytes of room, the export holds {manifest.bytes}")


def _write(archive: Path, entry: SourceEntry, target: Path, manifest: _Manifest) -> None:
    if entry.chunks is None or not _NAMES.fullmatch(entry.path) or (target / entry.path).exists():
        raise _no_export(archive, f"it holds {entry.path!r}, which has no place in one")
    expected = manifest.files.get(entry.path)
    if expected is None and f"sha256:{Path(entry.path).stem}" not in manifest.images:
        raise _no_export(archive, f"it holds {entry.path!r}, which its manifest does not name")
    size, digest = 0, hashlib.sha256()
    with open(target / entry.path, "xb") as file:
        for chunk in entry.chunks:
            size += len(chunk)
            if expected is not None and size > expected[0]:
                break
            digest.update(chunk)
            file.write(chunk)
    if expected is not None and (size, digest.hexdigest()) != expected:
        raise _no_export(archive, f"{entry.path} is not what its manifest says")


def _take_images(archive: Path, blobs: ImageBlobs, unpacked: Path, manifest: _Manifest) -> None:
    for digest in manifest.images:
        packed = unpacked / IMAGES / f"{digest.partition(':')[2]}.tar"
        if not packed.exists():
            raise _no_export(archive, f"image {digest[:19]} is missing")
        try:
            published = blobs.publish(packed)
        except InputError as error:
            raise _no_export(archive, f"image {digest[:19]} {_words(error, packed)}") from error
        if published.digest != digest:
            raise _no_export(archive, f"image {digest[:19]} has other content")
        packed.unlink()


def _make_anew(database: Path, actor: str, at: float) -> tuple[int, int]:
    """In the database that is about to be taken over: local instances have no disk and no process on this machine."""
    store = open_store(database)
    try:
        state = store.load_state()
        _refuse_unsettled([u.id for u in state.upgrades if u.live], [x.id for x in state.open_effects])
        anew = [(s, list(_fresh(s, at))) for s in state.scale_sets if s.fleet == _LOCAL]
        _commit(store, anew, actor, at)
    finally:
        store.close()
    return len(state.scale_sets), sum(len(events) for _, events in anew)


def _refuse_unsettled(live: list[str], acts: list[str]) -> None:
    if live or acts:
        what = f"upgrade {live[0]} was live" if live else f"{len(acts)} acts were under way"
        raise RefusedError(
            "OperationNotAllowed",
            f"{what} when this was exported.",
            "Let it end on the old machine, or cancel it; then export again.",
        )


def _commit(store: Store, anew: list[tuple[ScaleSet, list[e.InstanceAdded]]], actor: str, at: float) -> None:
    clock = store.begin_epoch(os.getpid(), VERSION, at).clock
    found, folded = [], []
    for scale_set, events in anew:
        after: ScaleSet | None = scale_set
        for event in events:
            found.append((f"scale_set/{scale_set.key}", event, actor, "import"))
            after = evolve_scale_set(after, event, Now(at, clock))
        assert after is not None, "nothing here deletes a set"
        folded.append(after)
    store.commit(Transaction(found, at, clock, folded))
    store.mark_stopped(clock, True)


def _fresh(scale_set: ScaleSet, at: float) -> Iterator[e.InstanceAdded]:
    for instance in scale_set.instances.values():
        yield e.InstanceAdded(replace(instance, **not_made_yet(at)))


def _words(error: InputError, source: Path) -> str:
    """Why a reader of archives refused `source`, without its name."""
    return error.message.removeprefix(_named(source)).removeprefix(":").strip()


def _named(source: Path) -> str:
    return f"Image {str(source)!r}"


def _no_export(archive: Path, why: str) -> InputError:
    return InputError("InvalidParameter", f"{archive} is no export: {why.rstrip('.')}.", _CURE)


def main(argv: list[str] | None = None) -> int:
    """Print what was done as JSON; an error is JSON too, with its exit code."""
    given = arguments("rollset import", argv, "archive", changes=True)
    os.umask(0o077)
    return answer(
        lambda: import_from(given.state_dir, given.archive, actor=given.actor, reason=given.reason, at=time.time())
    )


if __name__ == "__main__":
    sys.exit(main())
