"""Published images on disk: one directory per content digest under `<root>/sha256/`, whole or not there at all.

One process at a time owns the root (the engine's lock sees to that); several threads may use one ImageBlobs.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine.model.errors import InputError, NotFoundError, UnreachableError
from engine.store.flushing import flush
from engine.store.safe_archive import ONLY_PLAIN, Limits, SourceEntry, check_path, read_archive, refusal

_CHUNK_BYTES = 1024 * 1024
_FICLONE = 0x40049409  # Linux: share the blocks of another file until one of the two is written
_PARTIAL = ".partial-"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_FILE_KINDS = ("file", "executable")
_DIRECTORY = ("directory", "")


@dataclass(frozen=True, slots=True)
class PublishedBlob:
    """A published image: its content digest `sha256:<hex>`, the bytes of its regular files and how many there are."""

    digest: str
    size_bytes: int
    file_count: int


def _any(_blob: PublishedBlob) -> None:
    """Take it, whatever it is."""


class ImageBlobs:
    """The images under `root`, by digest; UnreachableError (StoreNotWritable) from everything when it fails.

    Construction removes what an interrupted publication left.
    """

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        self._blobs = root / "sha256"
        self._limits = limits or Limits()
        self._publishing = threading.Lock()
        with _storing(root):
            self._blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left_over in self._blobs.glob(f"{_PARTIAL}*"):
                shutil.rmtree(left_over)

    def publish(self, source: Path, check: Callable[[PublishedBlob], None] = _any) -> PublishedBlob:
        """Store a directory, or a tar archive (plain, gzip or xz, told by its content), under its content digest.

        Directory and archive of the same content (paths, owner's executable bit, bytes) have the same digest; what is
        there already stays. `check` may refuse it once its digest is known. Raises what that raises, InputError
        (InvalidParameter) for an image that is unsafe, damaged, too large or without an executable `boot` at its top,
        and UnreachableError (StoreNotWritable) when the store is full;
        neither leaves anything behind.
        """
        with _storing(self._blobs):
            partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._blobs))
            try:
                tree = _Tree(source, partial, self._limits)
                tree.take_all()
                tree.require_boot()
                blob = tree.published()
                check(blob)
                for directory, _, _ in os.walk(partial):
                    flush(Path(directory))
                with self._publishing:
                    if not self.has(blob.digest):
                        os.rename(partial, self.path(blob.digest))
                        flush(self._blobs)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
        return blob

    def unpack(self, digest: str, target: Path) -> None:
        """Make `target` a private, writable copy of the image (modes 0755 and 0644); never by hard links.

        `target` must not exist, its directory must; it appears whole or not at all when this process dies. Nothing is
        forced to the disk. Two calls for one target must not overlap. Raises NotFoundError for an unknown digest,
        InputError when `target` exists, UnreachableError (StoreNotWritable) when the disk is full.
        """
        blob = self.path(digest)
        if not self.has(digest):
            raise NotFoundError("NotFound", f"Image blob {digest} is not in the store.", "Publish the image again.")
        if os.path.lexists(target):
            raise InputError("InvalidParameter", f"Target {str(target)!r} exists.", "Name one that does not exist.")
        partial = target.with_name(f".{target.name}.unpacking")
        with _storing(target):
            shutil.rmtree(partial, ignore_errors=True)
            try:
                _copy_tree(blob, partial)
                os.rename(partial, target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def verify(self, digest: str) -> bool:
        """Read the stored image again: True when its content still has this digest; False also when it is missing."""
        if not self.has(digest):
            return False
        tree = _Tree(self.path(digest), None, self._limits)
        try:
            tree.take_all()
        except InputError:  # something stands there that no image may hold
            return False
        return tree.published().digest == digest

    def path(self, digest: str) -> Path:
        """Where the image of this digest is, or would be. Raises InputError for anything but `sha256:<64 hex>`."""
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise InputError("InvalidParameter", f"{digest[:100]!r} is no digest.", "Give sha256: and 64 hex digits.")
        return self._blobs / match[1]

    def has(self, digest: str) -> bool:
        """Whether an image of this digest is stored. Raises InputError as `path` does."""
        return self.path(digest).is_dir()


class _Tree:
    """One image while it is read: every entry is checked, hashed and, with a target, written."""

    def __init__(self, source: Path, target: Path | None, limits: Limits) -> None:
        self._source = source
        self._target = target
        self._limits = limits
        self._nodes: dict[str, tuple[str, str]] = {}  # path: kind and, for files, the digest of the bytes
        self._named: set[str] = set()
        self._size_bytes = 0

    def take_all(self) -> None:
        with contextlib.closing(_entries_of(self._source, self._limits)) as entries:
            for entry in entries:
                self._take(entry)

    def _take(self, entry: SourceEntry) -> None:
        if entry.path in self._named:
            raise self._refuse(entry.path, "is there twice")
        self._named.add(entry.path)
        parts = entry.path.split("/")
        for length in range(1, len(parts)):
            self._add_directory("/".join(parts[:length]))
        if entry.chunks is not None:
            self._add_file(entry.path, entry.executable, entry.chunks)
        elif entry.path:
            self._add_directory(entry.path)

    def _add(self, path: str, kind: str, digest: str) -> None:
        if not path or path in self._nodes:
            raise self._refuse(path, "is both a file and a directory")
        if len(self._nodes) >= self._limits.entries:
            raise self._refuse(path, f"is one more than the {self._limits.entries} entries allowed")
        self._nodes[path] = (kind, digest)

    def _add_directory(self, path: str) -> None:
        if self._nodes.get(path) != _DIRECTORY:
            self._add(path, *_DIRECTORY)
            if self._target is not None:
                (self._target / path).mkdir(mode=0o700)

    def _add_file(self, path: str, executable: bool, chunks: Iterator[bytes]) -> None:
        self._add(path, "file", "")
        digest = hashlib.sha256()
        with contextlib.ExitStack() as stack:
            file = None
            if self._target is not None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                file = stack.enter_context(os.fdopen(os.open(self._target / path, flags, 0o600), "wb"))
            for chunk in chunks:
                self._size_bytes += len(chunk)
                if self._size_bytes > self._limits.unpacked_bytes:
                    raise self._refuse(path, f"takes the image over {self._limits.unpacked_bytes} bytes")
                digest.update(chunk)
                if file is not None:
                    file.write(chunk)
            if file is not None:
                file.flush()
                os.fchmod(file.fileno(), 0o555 if executable else 0o444)
                os.fsync(file.fileno())
        self._nodes[path] = (_FILE_KINDS[executable], digest.hexdigest())

    def require_boot(self) -> None:
        kind, _ = self._nodes.get("boot", ("", ""))
        if kind == "executable":
            return
        what = f"has no executable file 'boot' at its top: it is {f'a {kind} there' if kind else 'missing'}"
        deeper = [path for path in sorted(self._nodes) if path.endswith("/boot") and path.count("/") == 1]
        cure = f"Publish what is inside {deeper[0][:-5]!r}." if deeper else "Put it there and make it executable."
        raise refusal(self._source, None, what, cure + (" Run chmod +x boot." if kind == "file" else ""))

    def published(self) -> PublishedBlob:
        """The digest is over each entry's kind, digest of its bytes and path, in the order of the paths' bytes."""
        whole = hashlib.sha256(b"rollset image tree 1\n")
        for raw, (kind, digest) in sorted((path.encode(), node) for path, node in self._nodes.items()):
            whole.update(f"{kind} {digest} {len(raw)} ".encode() + raw + b"\n")
        count = sum(kind in _FILE_KINDS for kind, _ in self._nodes.values())
        return PublishedBlob(f"sha256:{whole.hexdigest()}", self._size_bytes, count)

    def _refuse(self, path: str, what: str) -> InputError:
        return refusal(self._source, path.encode(), what, "Leave it or others out and publish again.")


def _entries_of(source: Path, limits: Limits) -> Generator[SourceEntry, None, None]:
    with _reading(source):
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    try:
        if stat.S_ISDIR(mode):
            yield from _read_directory(source, descriptor, b"", limits)
        elif stat.S_ISREG(mode):
            yield from read_archive(source, os.fdopen(descriptor, "rb", closefd=False), limits)
        else:
            raise refusal(source, None, "is neither a directory nor a file", "Give a directory or a tar archive.")
    finally:
        os.close(descriptor)


def _read_directory(source: Path, descriptor: int, parent: bytes, limits: Limits) -> Iterator[SourceEntry]:
    """The entries below an open directory; every one is opened relative to it, so no link can lead outside."""
    with _reading(source), os.scandir(descriptor) as found:
        names = sorted(os.fsencode(entry.name) for entry in islice(found, limits.entries + 1))
    for name in names:
        raw = parent + name
        path = check_path(source, raw, limits)
        with contextlib.ExitStack() as stack:
            with _reading(source):
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    what = "is a symbolic link" if stat.S_ISLNK(mode) else "is a device, fifo or socket"
                    raise refusal(source, raw, f"{what}; {ONLY_PLAIN}", "Remove or replace it and publish again.")
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_DIRECTORY if stat.S_ISDIR(mode) else 0)
                child = os.open(name, flags, dir_fd=descriptor)
                stack.callback(os.close, child)
            if stat.S_ISDIR(mode):
                yield SourceEntry(path, executable=False, chunks=None)
                yield from _read_directory(source, child, raw + b"/", limits)
            else:
                yield SourceEntry(path, bool(mode & stat.S_IXUSR), _read_file(source, child))


def _read_file(source: Path, descriptor: int) -> Iterator[bytes]:
    with _reading(source):
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            yield chunk


def _copy_tree(source: Path, target: Path) -> None:
    target.mkdir(mode=0o755)
    target.chmod(0o755)
    with os.scandir(source) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                _copy_tree(source / entry.name, target / entry.name)
            else:
                _copy_file(source / entry.name, target / entry.name)


def _copy_file(source: Path, target: Path) -> None:
    with (
        os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as old,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new,
    ):
        try:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
        except OSError:  # another filesystem, or one without shared blocks
            shutil.copyfileobj(old, new, _CHUNK_BYTES)
        os.fchmod(new.fileno(), 0o755 if os.fstat(old.fileno()).st_mode & stat.S_IXUSR else 0o644)


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise refusal(source, None, f"cannot be read ({why})", "Check the path and its permissions.") from error


@contextlib.contextmanager
def _storing(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{str(place)!r} cannot be written: {error.strerror or error}."
        raise UnreachableError("StoreNotWritable", message, "Make room or check the filesystem; try again.") from error
