"""Everything another machine needs to go on from here, in one archive: the database, every image, simulated fleets.

The archive's first entry is a manifest with the size and SHA-256 of each file; an image is checked by its own digest.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine.model.errors import InputError, RefusedError
from engine.model.image import ImageVersion
from engine.model.version import VERSION
from engine.store.backup import write_backup
from engine.store.failures import not_writable
from engine.store.image_blobs import ImageBlobs
from engine.store.schema import DATABASE

FORMAT = 1
MANIFEST, IMAGES, SIMULATED = "manifest.json", "images", "simulated"


def export_to(target: Path, state_dir: Path, blobs: ImageBlobs, images: Sequence[ImageVersion], at: float) -> int:
    """Write the archive, whole or not at all; returns the last event in it.

    Raises InputError when `target` exists, StoreNotWritableError when it cannot be written, RefusedError for an image
    whose content is damaged. The configuration, keys, logs, backups and recordings are not in it.
    """
    if os.path.lexists(target):
        raise InputError("InvalidParameter", f"{target} exists.", "Name a file that does not exist.")
    digests = sorted({image.digest for image in images})
    _check(blobs, digests)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with tempfile.TemporaryDirectory(prefix=".rollset-export-", dir=target.parent) as scratch:
            head = write_backup(state_dir / DATABASE, Path(scratch) / DATABASE)
            files = {DATABASE: Path(scratch) / DATABASE}
            files |= {f"{SIMULATED}/{path.name}": path for path in sorted((state_dir / SIMULATED).glob("*.jsonl"))}
            partial.unlink(missing_ok=True)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
                    told = {"at": at, "head": head, "images": digests, "image_bytes": sum(i.size_bytes for i in images)}
                    _write_files(archive, files, told)
                    _write_images(archive, Path(scratch), blobs, digests)
                file.flush()
                os.fsync(file.fileno())
        os.rename(partial, target)
    except OSError as error:
        raise not_writable(target, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return head


def _check(blobs: ImageBlobs, digests: Sequence[str]) -> None:
    for digest in digests:
        if not blobs.verify(digest):
            raise RefusedError(
                "ImageDamaged",
                f"image {digest[:19]} is missing or has other content than was published.",
                "Take its directory out of images/sha256 of the state directory and publish it again.",
            )


def _write_files(archive: tarfile.TarFile, files: dict[str, Path], told: dict[str, object]) -> None:
    contents = {name: path.read_bytes() if name != DATABASE else None for name, path in files.items()}
    listed = [_described(name, files[name], content) for name, content in contents.items()]
    manifest = {"rollset_export": FORMAT, "product": f"rollset {VERSION}"} | told | {"files": listed}
    _add_bytes(archive, MANIFEST, json.dumps(manifest, indent=1).encode())
    for name, content in contents.items():
        if content is None:
            archive.add(files[name], name, filter=_anonymous)
        else:
            _add_bytes(archive, name, content)


def _described(name: str, path: Path, content: bytes | None) -> dict[str, object]:
    if content is not None:
        return {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with open(path, "rb") as file:
        return {"name": name, "size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))


def _write_images(archive: tarfile.TarFile, scratch: Path, blobs: ImageBlobs, digests: Sequence[str]) -> None:
    packed = scratch / "image.tar"
    for digest in digests:
        with tarfile.open(packed, "w") as image:
            image.add(blobs.path(digest), ".", filter=_anonymous)
        archive.add(packed, f"{IMAGES}/{digest.partition(':')[2]}.tar", filter=_anonymous)
        packed.unlink()


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the names and numbers of this machine's users."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
