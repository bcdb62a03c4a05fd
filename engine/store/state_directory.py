"""Whether a directory may hold an engine's state: ours alone, on a file system of this machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from engine.model.errors import UnreachableError
from engine.model.state_names import BEFORE_RESTORE as BEFORE_RESTORE
from engine.model.state_names import DATABASE, refuse_other_things

_OTHERS_MAY_WRITE = 0o022
_SHARED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "glusterfs", "gfs2", "ocfs2", "beegfs", "davfs"}
)
MOUNTS = Path("/proc/self/mountinfo")
RESTORING = f".{DATABASE}.restoring"


def check_state_directory(path: Path, *, uid: int | None = None, mounts: Path = MOUNTS) -> None:
    """Raise UnreachableError unless `path` is a directory of the user `uid` (the caller), closed to writing by others.

    One that holds anything else and no state is refused too, lest a slip of the hand fills somebody's home. A file
    system that several machines or a user process serve is refused: the store's locks hold on one machine only.
    """
    mine = os.geteuid() if uid is None else uid
    try:
        facts = os.lstat(path)
    except OSError as error:
        raise _refuse(path, f"cannot be used: {error.strerror}", "Choose another --state-dir.") from error
    if not stat.S_ISDIR(facts.st_mode):
        raise _refuse(path, "is no directory (a link is none)", "Choose another --state-dir.")
    if facts.st_uid != mine:
        raise _refuse(path, f"belongs to user {facts.st_uid}, not to {mine}", "Choose another --state-dir.")
    if facts.st_mode & _OTHERS_MAY_WRITE:
        shared = facts.st_mode & stat.S_ISVTX  # a place for everybody, as /tmp: it must stay what it is
        cure = f"Name a directory of its own, as {path / 'rollset'}." if shared else f"chmod 700 {path}"
        raise _refuse(path, f"may be written by others (mode {facts.st_mode & 0o7777:o})", cure)
    kind = file_system_of(path, mounts)
    if kind in _SHARED or kind.startswith("fuse"):
        raise _refuse(
            path,
            f"is on a file system of type {kind}, where the store's locks and syncs cannot be relied upon",
            "Choose a --state-dir on a local disk.",
        )
    refuse_other_things(path, os.listdir(path))


def restore_broken_off(path: Path) -> Path | None:
    """The folder with the database that a restore had moved aside when it was ended; None when there is none."""
    if (path / DATABASE).exists() or not (path / RESTORING).exists():
        return None
    aside = [x for x in path.glob(f"{BEFORE_RESTORE}*") if (x / DATABASE).exists()]
    return max(aside, key=lambda x: x.stat().st_ctime_ns, default=None)


def refuse_broken_off(path: Path) -> None:
    """Raise UnreachableError when a restore was broken off: without its database a new, empty one would be made."""
    aside = restore_broken_off(path)
    if aside is not None:
        raise UnreachableError(
            "RestoreBrokenOff",
            f"a restore of {path} was broken off; the database from before it is {aside / DATABASE}.",
            f"Do it once more: rollset restore FILE. To have the old state back: rollset restore {aside / DATABASE}",
        )


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system that holds `path`, from the kernel's table of mounts; empty where there is none."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    wanted, best, kind = os.path.realpath(path), -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = fields[4].encode("latin-1", "replace").decode("unicode_escape", "replace")
        inside = wanted == point or wanted.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, kind = len(point), right.split()[0]
    return kind


def _refuse(path: Path, why: str, cure: str) -> UnreachableError:
    return UnreachableError("StateDirectory", f"{path} {why}.", cure)
