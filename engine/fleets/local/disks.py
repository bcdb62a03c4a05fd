"""OS disks of one instance: numbered directories and the `current` symlink that is swapped by a rename."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from engine.fleets.local.layout import InstancePaths, make_directory, read_json, remove_tree
from engine.fleets.local.supervision import sync_directory, write_json


def current_generation(paths: InstancePaths) -> int:
    """The number of the disk in use; 0 when there is none yet."""
    try:
        return int(os.readlink(paths.current))
    except (FileNotFoundError, NotADirectoryError):
        return 0


def kept_generations(paths: InstancePaths) -> tuple[tuple[int, str], ...]:
    """(number, image digest) of every whole disk, oldest first."""
    try:
        names = os.listdir(paths.disks)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    numbers = sorted(int(name) for name in names if name.isdecimal())
    notes = ((number, read_json(paths.disks / f"{number}.json")) for number in numbers)
    return tuple((number, str(note["image_digest"])) for number, note in notes if note is not None)


def next_generation(paths: InstancePaths, promised: Iterable[int]) -> int:
    """A disk number never given before, nor `promised` to an effect, so that no effect meets another one's disk.

    It is given with `give_generation`, once the effect's record has it: a cut between the two wastes no number.
    """
    counter = read_json(paths.disks / "counter.json")
    last = current_generation(paths) if counter is None else int(counter["last"])
    return 1 + max([last, *promised])


def give_generation(paths: InstancePaths, generation: int) -> None:
    """From now on this number is never given again, whatever becomes of its disk and of its effect's record."""
    counter = read_json(paths.disks / "counter.json")
    if counter is None or int(counter["last"]) < generation:
        write_json(str(paths.disks / "counter.json"), {"last": generation}, durable=True)


def unpack_generation(paths: InstancePaths, generation: int, image_digest: str, unpack: Callable[[Path], None]) -> None:
    """Make disk `generation` from the image. It appears whole or not at all; one that is there already stays."""
    final = paths.disks / str(generation)
    if final.is_dir():
        return
    partial = paths.disks / f".{generation}.partial"
    remove_tree(partial)
    make_directory(partial)
    try:
        unpack(partial)
    except BaseException:
        remove_tree(partial)
        raise
    write_json(str(paths.disks / f"{generation}.json"), {"image_digest": image_digest})
    os.rename(partial, final)


def swap_to(paths: InstancePaths, generation: int) -> None:
    """Point `current` at the disk in one step, durably."""
    link = paths.disks / ".current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(str(generation))
    os.replace(link, paths.current)
    sync_directory(str(paths.disks))


def keep_only(paths: InstancePaths, generations: set[int]) -> None:
    """Remove every other disk."""
    for number, _ in kept_generations(paths):
        if number not in generations:
            remove_tree(paths.disks / str(number))
            (paths.disks / f"{number}.json").unlink(missing_ok=True)
