"""Instances that lie here and that nobody knows: from before a restore, an import, or a deletion that was given up."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from engine.fleets.local import extensions
from engine.fleets.local.addresses import AddressBook
from engine.fleets.local.layout import (
    InstancePaths,
    instance_directory_name,
    make_directory,
    read_json,
    set_directory_name,
)


def is_of_another(identity: dict[str, Any] | None, born: str) -> bool:
    """Whether what lies in the place of an instance is not the one that is created as `born`.

    One from before births were noted is taken for another's once its creation has ended: it was not this one.
    """
    if identity is None or not born:
        return False
    return bool(identity["created"]) if "born" not in identity else bool(identity["born"] != born)


def make_way(paths: InstancePaths, born: str, addresses: AddressBook) -> None:
    """End what lies in the place of the instance `born`, and keep it whole elsewhere, its data disks too.

    The caller holds the place's lock. A kill in between loses nothing: done once more, it goes on.
    """
    identity = read_json(paths.identity)
    extensions.halt(paths)
    if identity is not None:
        addresses.release(paths.directory, identity["address"], identity["port"])
    make_directory(paths.aside(born).parent)
    os.rename(paths.directory, _free(paths.aside(born)))


def every_instance(root: Path) -> Iterator[tuple[str, str]]:
    """(scale set key, instance id) of all that lies under `root`, known or not."""
    for directory in sorted((root / "sets").glob("*")):
        note = read_json(directory / "set.json")
        for path in (directory / "instances").glob("[!.]*/instance.json") if note is not None else ():
            identity = read_json(path)
            if note is not None and identity is not None:
                yield str(note["set_key"]), str(identity["instance_id"])


def unknown(root: Path, known: Collection[tuple[str, str]]) -> list[str]:
    """`SET/ID` of every instance that is none of the `known` ones, given as `every_instance` gives them."""
    places = {(set_directory_name(key), instance_directory_name(name)) for key, name in known}
    found = []
    for path in (root / "sets").glob("*/instances/[!.]*"):
        directory = path.parent.parent
        if (directory.name, path.name) not in places and (path / "instance.json").exists():
            note = read_json(directory / "set.json")
            scale_set = str(note["set_key"]) if note is not None else directory.name
            found.append(f"{scale_set.rpartition('/')[2]}/{path.name}")
    return sorted(found)


def highest_epoch(root: Path) -> int:
    """The highest epoch that an instance here has obeyed; one that cannot be read counts for nothing."""
    seen = 0
    for path in (root / "sets").glob("*/instances/[!.]*/fence.json"):
        try:
            seen = max(seen, int(json.loads(path.read_bytes())["epoch"]))
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return seen


def _free(wanted: Path) -> Path:
    number, found = 1, wanted
    while found.exists():
        number += 1
        found = wanted.with_name(f"{wanted.name}.{number}")
    return found
