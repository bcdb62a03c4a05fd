"""Images in the store: one content, one digest; whole or not there; private copies."""

from __future__ import annotations

import errno
import gc
import gzip
import lzma
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model.errors import InputError, NotFoundError, RefusedError, UnreachableError
from engine.store.image_blobs import ImageBlobs, PublishedBlob

Change = Callable[[Path], object]


def write_tree(top: Path) -> Path:
    (top / "etc" / "empty").mkdir(parents=True)
    (top / "boot").write_bytes(b"#!/bin/sh\nexit 0\n")
    (top / "boot").chmod(0o4755)
    (top / "etc" / "motd").write_bytes(b"hello\n" * 100_000)
    (top / "etc" / "b\N{LATIN SMALL LETTER U WITH DIAERESIS}ro").write_bytes(b"")
    return top


def pack(tree: Path, archive: Path, mode: str, **options: int) -> Path:
    with tarfile.open(archive, mode, **options) as tar:  # type: ignore[call-overload]
        tar.add(tree, arcname=".")
    return archive


def stored_names(root: Path) -> list[str]:
    return sorted(os.listdir(root / "sha256"))


def contents(top: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(top)): path.read_bytes() if path.is_file() else None for path in top.rglob("*")}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(root: Path) -> ImageBlobs:
    return ImageBlobs(root)


def test_a_published_directory_is_stored_read_only_under_its_digest(blobs: ImageBlobs, root: Path, tree: Path) -> None:
    blob = blobs.publish(tree)

    assert blob.digest.startswith("sha256:")
    assert (blob.size_bytes, blob.file_count) == (600_017, 3)
    assert blobs.has(blob.digest)
    assert blobs.verify(blob.digest)
    assert blobs.path(blob.digest) == root / "sha256" / blob.digest.removeprefix("sha256:")
    assert contents(blobs.path(blob.digest)) == contents(tree)
    assert stat.S_IMODE((blobs.path(blob.digest) / "boot").stat().st_mode) == 0o555
    assert stat.S_IMODE((blobs.path(blob.digest) / "etc" / "motd").stat().st_mode) == 0o444


def test_publishing_the_same_content_again_changes_nothing(blobs: ImageBlobs, root: Path, tree: Path) -> None:
    first = blobs.publish(tree)
    inode = blobs.path(first.digest).stat().st_ino

    assert blobs.publish(tree) == first
    assert stored_names(root) == [first.digest.removeprefix("sha256:")]
    assert blobs.path(first.digest).stat().st_ino == inode


@pytest.mark.parametrize("mode", ("w", "w:gz", "w:xz"))
@pytest.mark.parametrize("form", (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT))
def test_an_archive_has_the_digest_of_its_directory(
    blobs: ImageBlobs, tmp_path: Path, tree: Path, mode: str, form: int
) -> None:
    if form != tarfile.USTAR_FORMAT:  # ustar cannot name it
        deep = tree / ("d" * 90) / ("e" * 90) / ("f" * 120)
        deep.mkdir(parents=True)
        (deep / "leaf").write_bytes(b"x")
    archive = pack(tree, tmp_path / "image.bin", mode, format=form)

    assert blobs.publish(archive) == blobs.publish(tree)


def test_a_ustar_prefix_is_part_of_the_name(blobs: ImageBlobs, tmp_path: Path, tree: Path) -> None:
    (tree / ("d" * 90)).mkdir()
    (tree / ("d" * 90) / ("e" * 90)).write_bytes(b"x")

    assert blobs.publish(pack(tree, tmp_path / "a", "w", format=tarfile.USTAR_FORMAT)) == blobs.publish(tree)


def test_parents_that_an_archive_only_implies_are_made(blobs: ImageBlobs, tmp_path: Path, tree: Path) -> None:
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(tree / "etc" / "motd", "etc/motd")
        tar.add(tree / "boot", "boot")
        tar.add(tree / "etc", "etc", filter=lambda entry: None if entry.name == "etc/motd" else entry)

    assert blobs.publish(archive) == blobs.publish(tree)


def test_gzip_and_xz_may_come_in_several_parts(blobs: ImageBlobs, tmp_path: Path, tree: Path) -> None:
    whole = pack(tree, tmp_path / "plain", "w").read_bytes()
    parts = [whole[:1000], whole[1000:300_000], whole[300_000:]]
    (tmp_path / "gz").write_bytes(b"".join(gzip.compress(part) for part in parts))
    (tmp_path / "xz").write_bytes(b"".join(lzma.compress(part) + b"\0" * 8 for part in parts))

    assert blobs.publish(tmp_path / "gz") == blobs.publish(tmp_path / "xz") == blobs.publish(tree)


@pytest.mark.parametrize(
    "change",
    (
        lambda tree: (tree / "etc" / "motd").write_bytes(b"other"),
        lambda tree: (tree / "etc" / "motd").chmod(0o755),
        lambda tree: (tree / "etc" / "motd").rename(tree / "etc" / "motto"),
        lambda tree: (tree / "etc" / "empty").rmdir(),
    ),
    ids=("bytes", "executable", "name", "directory"),
)
def test_other_content_has_another_digest(blobs: ImageBlobs, tree: Path, change: Change) -> None:
    before = blobs.publish(tree)
    change(tree)

    assert blobs.publish(tree).digest != before.digest


def test_times_owner_bits_and_setuid_are_not_content(blobs: ImageBlobs, tree: Path) -> None:
    before = blobs.publish(tree)
    os.utime(tree / "etc" / "motd", (1, 1))
    (tree / "etc" / "motd").chmod(0o2666)
    (tree / "boot").chmod(0o700)

    assert blobs.publish(tree) == before


def test_unpack_makes_a_private_writable_copy(blobs: ImageBlobs, tmp_path: Path, tree: Path) -> None:
    digest = blobs.publish(tree).digest
    old = os.umask(0o077)
    try:
        blobs.unpack(digest, tmp_path / "one")
    finally:
        os.umask(old)
    blobs.unpack(digest, tmp_path / "two")

    modes = {path: stat.S_IMODE((tmp_path / "one" / path).stat().st_mode) for path in ("", "boot", "etc", "etc/motd")}
    assert modes == {"": 0o755, "boot": 0o755, "etc": 0o755, "etc/motd": 0o644}
    assert contents(tmp_path / "one") == contents(tree)
    assert all(path.stat().st_nlink == 1 for path in (tmp_path / "one").rglob("*") if path.is_file())
    (tmp_path / "one" / "etc" / "motd").write_bytes(b"mine")
    assert contents(tmp_path / "two") == contents(tree)
    assert blobs.verify(digest)


def test_unpack_never_touches_a_target_that_exists(blobs: ImageBlobs, tmp_path: Path, tree: Path) -> None:
    digest = blobs.publish(tree).digest
    (tmp_path / "target").symlink_to("nowhere")

    with pytest.raises(InputError, match="target' exists"):
        blobs.unpack(digest, tmp_path / "target")
    assert os.readlink(tmp_path / "target") == "nowhere"


def test_unpack_replaces_what_an_interrupted_one_left(blobs: ImageBlobs, tmp_path: Path, tree: Path) -> None:
    digest = blobs.publish(tree).digest
    (tmp_path / ".target.unpacking" / "etc").mkdir(parents=True)
    (tmp_path / ".target.unpacking" / "junk").write_bytes(b"half")

    blobs.unpack(digest, tmp_path / "target")

    assert contents(tmp_path / "target") == contents(tree)
    assert not (tmp_path / ".target.unpacking").exists()


def test_an_unknown_digest_is_not_found(blobs: ImageBlobs, tmp_path: Path) -> None:
    digest = "sha256:" + "0" * 64

    assert not blobs.has(digest)
    assert not blobs.verify(digest)
    with pytest.raises(NotFoundError, match=digest):
        blobs.unpack(digest, tmp_path / "target")


@pytest.mark.parametrize(
    "digest", ("", "sha256:..", "sha256:" + "A" * 64, "md5:" + "0" * 64, "sha256:" + "0" * 64 + "\n")
)
def test_a_digest_can_never_be_another_path(blobs: ImageBlobs, digest: str) -> None:
    with pytest.raises(InputError) as caught:
        blobs.path(digest)
    assert caught.value.code == "InvalidParameter"


@pytest.mark.parametrize(
    "damage",
    (
        lambda blob: (blob / "boot").chmod(0o444),
        lambda blob: (blob / "etc" / "more").write_bytes(b""),
        lambda blob: (blob / "etc" / "motd").unlink(),
        lambda blob: (blob / "etc" / "link").symlink_to("/etc/passwd"),
        lambda blob: ((blob / "boot").unlink(), (blob / "boot").write_bytes(b"#!"), (blob / "boot").chmod(0o555)),
    ),
    ids=("mode", "added", "removed", "link", "bytes"),
)
def test_verify_sees_damage(blobs: ImageBlobs, tree: Path, damage: Change) -> None:
    digest = blobs.publish(tree).digest
    damage(blobs.path(digest))

    assert blobs.has(digest)
    assert not blobs.verify(digest)


def test_construction_removes_what_an_interrupted_publication_left(root: Path, tree: Path) -> None:
    digest = ImageBlobs(root).publish(tree).digest
    (root / "sha256" / ".partial-abc" / "etc").mkdir(parents=True)
    (root / "sha256" / ".partial-abc" / "boot").write_bytes(b"half")

    assert ImageBlobs(root).verify(digest)
    assert stored_names(root) == [digest.removeprefix("sha256:")]


@pytest.mark.parametrize(
    ("change", "cure"),
    (
        (lambda tree: (tree / "boot").unlink(), "Put it there"),
        (lambda tree: (tree / "boot").chmod(0o655), "chmod +x boot"),
        (lambda tree: ((tree / "boot").unlink(), (tree / "boot").mkdir()), "a directory"),
        (lambda tree: (tree / "boot").rename(tree / "etc" / "boot"), "inside 'etc'"),
    ),
)
def test_an_image_that_cannot_boot_is_refused(
    blobs: ImageBlobs, root: Path, tmp_path: Path, tree: Path, change: Change, cure: str
) -> None:
    change(tree)
    for source in (tree, pack(tree, tmp_path / "image.tar", "w")):
        with pytest.raises(InputError) as caught:
            blobs.publish(source)
        assert caught.value.code == "InvalidParameter"
        assert str(source) in caught.value.message
        assert "boot" in caught.value.message
        assert cure in str(caught.value)
    assert stored_names(root) == []


def test_sources_that_are_no_image_are_refused(blobs: ImageBlobs, root: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for source, why in (
        (tmp_path / "missing", "No such file"),
        (tmp_path / "fifo", "neither a directory nor a file"),
        (tmp_path / "nul\0", "null byte"),
    ):
        with pytest.raises(InputError, match=why):
            blobs.publish(source)
    assert stored_names(root) == []


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ("fsync", "fchmod", "rename"))
def test_a_full_store_is_named_and_left_clean(
    blobs: ImageBlobs, root: Path, tree: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full_disk)
        with pytest.raises(UnreachableError) as caught:
            blobs.publish(tree)
    assert caught.value.code == "StoreNotWritable"
    assert "No space left" in caught.value.message
    assert caught.value.next_step
    assert stored_names(root) == []
    assert isinstance(blobs.publish(tree), PublishedBlob)


@pytest.mark.parametrize("call", ("fchmod", "rename"))
def test_unpacking_to_a_full_disk_leaves_nothing(
    blobs: ImageBlobs, tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    digest = blobs.publish(tree).digest
    (tmp_path / "disks").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full_disk)
        with pytest.raises(UnreachableError, match="StoreNotWritable"):
            blobs.unpack(digest, tmp_path / "disks" / "1")
    assert os.listdir(tmp_path / "disks") == []


def test_a_root_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnreachableError, match="StoreNotWritable"):
        ImageBlobs(tmp_path / "file")


def test_no_descriptor_stays_open(blobs: ImageBlobs, tmp_path: Path, tree: Path) -> None:
    archive = pack(tree, tmp_path / "image.tar.gz", "w:gz")
    broken = tmp_path / "broken.tar"
    broken.write_bytes(pack(tree, tmp_path / "plain", "w").read_bytes()[:5000])
    (tree / "zlink").symlink_to("boot")
    gc.collect()  # what other tests have left behind goes now, not meanwhile
    before = len(os.listdir("/proc/self/fd"))

    blobs.verify(blobs.publish(archive).digest)
    for source in (broken, tree):
        with pytest.raises(InputError):
            blobs.publish(source)

    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_refused_by_its_digest_leaves_nothing(blobs: ImageBlobs, root: Path, tree: Path) -> None:
    seen: list[str] = []

    def refuse(blob: PublishedBlob) -> None:
        seen.append(blob.digest)
        raise RefusedError("Conflict", "it is another.", "")

    with pytest.raises(RefusedError):
        blobs.publish(tree, refuse)
    assert seen and stored_names(root) == []
