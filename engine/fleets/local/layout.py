"""Where things lie under `<state-dir>/local`. Every directory is 0700, every file written here 0600.

addresses/<address>[:port]              an allotment; holds the path of the instance it belongs to
sets/<slug>-<digest>/set.json           {set_key}
sets/<slug>-<digest>/locks/<instance>   serialises the acts on one instance
sets/<slug>-<digest>/instances/<instance>/
    instance.json   {instance_id, address, port, created, born}
    lock            held by the keeper while it lives
    run.json, exit.json, boot.log           written by the keeper
    os/current -> <generation>, os/<generation>/, os/<generation>.json {image_digest}, os/counter.json
    data/           survives disk swaps; data/lun<n>/ for each data disk
    effects/<digest>.json, .lock            one record per effect; fence.json {epoch}; last_effect.json
sets/<slug>-<digest>/set-aside/<instance>~<digest>      as it was: what lay where a new instance was made
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def set_directory_name(set_key: str) -> str:
    """A readable, unambiguous directory name for an ARM id, which is compared without regard to case."""
    key = set_key.lower().rstrip("/")
    return f"{_slug(key.rpartition('/')[2])}-{_digest(key)}"


def instance_directory_name(instance_id: str) -> str:
    """The id itself where it is a plain file name, else a readable form with a digest; the two cannot collide."""
    if _PLAIN_NAME.fullmatch(instance_id):
        return instance_id
    return f"{_slug(instance_id)}~{_digest(instance_id)}"


class InstancePaths:
    """The places of one instance."""

    def __init__(self, set_directory: Path, instance_id: str) -> None:
        name = instance_directory_name(instance_id)
        self.directory = set_directory / "instances" / name
        self.act_lock = set_directory / "locks" / name
        self.trash = set_directory / "instances" / f".deleted-{name}"
        self.identity = self.directory / "instance.json"
        self.lock = self.directory / "lock"
        self.run = self.directory / "run.json"
        self.exit = self.directory / "exit.json"
        self.boot_log = self.directory / "boot.log"
        self.disks = self.directory / "os"
        self.current = self.disks / "current"
        self.data = self.directory / "data"
        self.effects = self.directory / "effects"
        self.fence = self.directory / "fence.json"
        self.last_effect = self.directory / "last_effect.json"

    def aside(self, born: str) -> Path:
        """Where what lay in the place of the instance `born` is kept."""
        return self.directory.parent.parent / "set-aside" / f"{self.directory.name}~{_digest(born)}"

    def effect_record(self, effect_id: str) -> Path:
        """Where the effect is recorded."""
        return self.effects / f"{_digest(effect_id, 32)}.json"

    def effect_lock(self, effect_id: str) -> Path:
        """Held by the runner of an extension while it lives."""
        return self.effects / f"{_digest(effect_id, 32)}.lock"


def make_directory(path: Path) -> None:
    """Make the directory and its missing parents, private to the user."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The document, or None where there is no such file. Files here are replaced in one step, so never half written."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    assert isinstance(found, dict), path
    return found


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold a lock file exclusively, across threads and processes; waits for it."""
    make_directory(lock.parent)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_locked(lock: Path) -> bool:
    """True while a process holds the lock file."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it, read-only directories an image brought included; missing is fine."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except PermissionError:
        for directory, _, _ in os.walk(path):
            for child in os.scandir(directory):
                if child.is_dir(follow_symlinks=False):
                    os.chmod(child.path, 0o700)
        shutil.rmtree(path)


def tail_of(path: Path, limit_bytes: int) -> str:
    """The last bytes of a text file, "" where there is none."""
    try:
        with path.open("rb") as source:
            size = source.seek(0, os.SEEK_END)
            source.seek(max(0, size - limit_bytes))
            return source.read(limit_bytes).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:32] or "x"


def _digest(text: str, length: int = 12) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
