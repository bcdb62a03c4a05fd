"""Real instances on this machine: directories for disks, processes for power, loopback addresses.

Synchronous, safe to call from several threads: acts on one instance wait for each other, acts on different instances do
not. Everything lives in files under the root, so another LocalMachine on the same root (a restarted engine) adopts what
it finds. Linux only.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.fleets.local import disks, extensions, leftovers, processes, records
from engine.fleets.local.addresses import AddressBook
from engine.fleets.local.facts import DiskGoneError, EffectRecord, InstanceFacts
from engine.fleets.local.layout import (
    InstancePaths,
    held,
    make_directory,
    read_json,
    remove_tree,
    set_directory_name,
)
from engine.fleets.local.observing import observe
from engine.fleets.local.supervision import MINIMAL_PATH, write_json
from engine.model.errors import NotFoundError, UnreachableError

_STOPPING_THREADS = 8

Unpack = Callable[[Path], None]
"""Fills an existing empty directory with the image; it must bring an executable file `boot`."""


class LocalMachine:
    """The instances of one state directory.

    `root` is `<state-dir>/local`; `state_digest_seed` decides its loopback addresses (the state directory's path will
    do). With `owner_pid`, instances end when that process does; without, they run until stopped.
    """

    def __init__(self, root: Path, *, owner_pid: int | None = None, state_digest_seed: str) -> None:
        if not sys.platform.startswith("linux"):
            raise UnreachableError("LocalFleetNeedsLinux", f"local instances do not run on {sys.platform}.", "")
        make_directory(root)
        self._root = root.resolve()
        self._owner = processes.owner_of(owner_pid)
        self._addresses = AddressBook(self._root / "addresses", state_digest_seed)

    def leave_alone(self, addresses: Callable[[], Collection[str]]) -> None:
        """Give no new instance any of these `ADDRESS:PORT`; they are asked for each time, in any thread."""
        self._addresses.spoken_for = addresses

    def create(
        self,
        set_key: str,
        instance_id: str,
        *,
        epoch: int,
        unpack: Unpack,
        image_digest: str,
        port: int,
        environment: Mapping[str, str],
        data_disks: int = 1,
        born: str = "",
    ) -> InstanceFacts:
        """Make the instance with its data disks and address, unpack its first OS disk and boot it.

        Idempotent: an unfinished creation is finished; a finished one boots it where it was ended from outside, and
        changes nothing else. What lies in its place and was not `born` with it is ended and set aside (`set_aside`). A
        `boot` that cannot be exec'd is not an error but a fact: not running, exit code 127, the reason in its log.
        Raises InputError for a port that cannot be used, FencedError, UnreachableError when no address or keeper is to
        be had.
        """
        paths = self._paths(set_key, instance_id)
        with held(paths.act_lock):
            identity = read_json(paths.identity)
            if leftovers.is_of_another(identity, born):
                records.check_fence(paths, instance_id, epoch)
                leftovers.make_way(paths, born, self._addresses)
                identity = None
            if identity is None:
                make_directory(paths.effects)
                write_json(str(self._set_directory(set_key) / "set.json"), {"set_key": set_key})
                address, bound = self._addresses.allot(paths.directory, port)
                identity = {"instance_id": instance_id, "address": address, "port": bound, "created": False}
                identity |= {"born": born} if born else {}
                write_json(str(paths.identity), identity)
            records.check_fence(paths, instance_id, epoch)
            if identity["created"]:
                if not processes.ended_by_itself(paths) and processes.find_running(paths) is None:
                    self._boot(paths, identity, environment)
            else:
                for lun in range(data_disks):
                    make_directory(paths.data / f"lun{lun}")
                make_directory(paths.data)
                make_directory(paths.disks)
                if disks.current_generation(paths) == 0:
                    disks.unpack_generation(paths, 1, image_digest, unpack)
                    disks.swap_to(paths, 1)
                self._boot(paths, identity, environment)
                write_json(str(paths.identity), identity | {"created": True})
            return observe(paths, instance_id)

    def replace_disk(
        self,
        set_key: str,
        instance_id: str,
        *,
        effect_id: str,
        epoch: int,
        unpack: Unpack,
        image_digest: str,
        environment: Mapping[str, str],
    ) -> InstanceFacts:
        """Put a new OS disk under the instance and boot it; data disks and address stay.

        Idempotent by effect id: a repeat goes on where the first stopped, and changes nothing once done. The image is
        unpacked before the instance is stopped, so an image that does not unpack costs no downtime. The disk used until
        now is kept until the next swap; older ones are removed. Raises FencedError, NotFoundError, or what `unpack`
        raises (the instance then runs on as before).
        """
        with self._act(set_key, instance_id, epoch) as (paths, identity):
            record = records.raw_record(paths, effect_id)
            if record is None:
                before = disks.current_generation(paths)
                fresh = disks.next_generation(paths, records.generations(paths))
                record = records.begun_disk(effect_id, "replace_disk", epoch, fresh, before)
                records.write_record(paths, record)
            if record["phase"] == "begun":
                disks.give_generation(paths, record["generation"])
                disks.unpack_generation(paths, record["generation"], image_digest, unpack)
            if record["phase"] != "done":
                self._swap_and_boot(paths, identity, record, environment)
                disks.keep_only(paths, {record["generation"], record["previous"]})
                records.write_record(paths, record | {"phase": "done", "at": time.time()})
            return observe(paths, instance_id)

    def restore_disk(
        self,
        set_key: str,
        instance_id: str,
        *,
        effect_id: str,
        epoch: int,
        generation: int,
        environment: Mapping[str, str],
    ) -> InstanceFacts:
        """Go back to a kept OS disk and boot it. Idempotent by effect id; the disk left is kept until the next swap.

        An instance that runs from that disk goes on running.

        Raises DiskGoneError when that generation is not kept any more, FencedError, NotFoundError.
        """
        with self._act(set_key, instance_id, epoch) as (paths, identity):
            record = records.raw_record(paths, effect_id)
            if record is None:
                kept = tuple(number for number, _ in disks.kept_generations(paths))
                if generation not in kept:
                    raise DiskGoneError(instance_id, generation, kept)
                before = disks.current_generation(paths)
                record = records.begun_disk(effect_id, "restore_disk", epoch, generation, before)
                if generation == before and observe(paths, instance_id).running:
                    record["phase"] = "done"  # it never left this disk: no reboot for nothing
                records.write_record(paths, record)
            if record["phase"] != "done":
                self._swap_and_boot(paths, identity, record, environment)
                records.write_record(paths, record | {"phase": "done", "at": time.time()})
            return observe(paths, instance_id)

    def discard_disk(self, set_key: str, instance_id: str, *, epoch: int, generation: int) -> InstanceFacts:
        """Remove a kept OS disk; the one in use stays, one that is gone is fine. Raises FencedError, NotFoundError."""
        with self._act(set_key, instance_id, epoch) as (paths, _):
            kept = {number for number, _ in disks.kept_generations(paths)}
            disks.keep_only(paths, (kept - {generation}) | {disks.current_generation(paths)})
            return observe(paths, instance_id)

    def begin_extension(
        self,
        set_key: str,
        instance_id: str,
        *,
        effect_id: str,
        epoch: int,
        name: str,
        command: str,
        file_uris: Sequence[str],
        timeout_s: float,
        environment: Mapping[str, str],
        fetched: Mapping[str, Path],
    ) -> extensions.BegunRun:
        """Run a Custom Script on the instance's OS disk, at most once per effect id; returns once it is under way.

        A repeat gives the run that was begun first, by whichever process: going on, ended, or with outcome `unknown`.
        Its processes, background ones too, are killed at its end. Refuses (InputError) files that are neither file:
        URIs nor in `fetched`; raises FencedError, and NotFoundError for an unknown instance. Does not ask
        whether the instance is running.
        """
        paths = self._paths(set_key, instance_id)
        identity = _identity(paths, instance_id)
        full = _environment(paths, identity, environment)
        wanted = extensions.ExtensionRun(effect_id, epoch, name, command, file_uris, fetched, timeout_s, full)
        return extensions.begin(paths, instance_id, wanted, self._owner)

    def start(self, set_key: str, instance_id: str, *, epoch: int, environment: Mapping[str, str]) -> InstanceFacts:
        """Boot a stopped instance; a running one stays as it is. Raises FencedError, NotFoundError."""
        with self._act(set_key, instance_id, epoch) as (paths, identity):
            if processes.find_running(paths) is None:
                self._boot(paths, identity, environment)
            return observe(paths, instance_id)

    def stop(self, set_key: str, instance_id: str) -> InstanceFacts:
        """End every process of the instance, running extensions included; disks stay. Raises NotFoundError."""
        with self._act(set_key, instance_id, None) as (paths, _):
            extensions.halt(paths)
            return observe(paths, instance_id)

    def delete(self, set_key: str, instance_id: str, *, epoch: int) -> None:
        """End the instance and remove all of it, data disks too; one that is not there is fine. Raises FencedError."""
        paths = self._paths(set_key, instance_id)
        with held(paths.act_lock):
            remove_tree(paths.trash)
            if not paths.directory.exists():
                return
            records.check_fence(paths, instance_id, epoch)
            extensions.halt(paths)
            identity = read_json(paths.identity)
            if identity is not None:
                self._addresses.release(paths.directory, identity["address"], identity["port"])
            os.rename(paths.directory, paths.trash)
            remove_tree(paths.trash)

    def is_deleted(self, set_key: str, instance_id: str) -> bool:
        """Whether nothing of it is left, not even of a deletion that was cut off."""
        paths = self._paths(set_key, instance_id)
        return not (paths.directory.exists() or paths.trash.exists())

    def set_aside(self, set_key: str, instance_id: str, born: str) -> str:
        """The folder with what lay in the place of an instance when it was made; empty where nothing did."""
        folder = self._paths(set_key, instance_id).aside(born)
        return str(folder) if born and folder.exists() else ""

    def observe(self, set_key: str, instance_id: str) -> InstanceFacts:
        """The instance as it is now; `exists` is False for an unknown one. Never waits for an act."""
        return observe(self._paths(set_key, instance_id), instance_id)

    def effect(self, set_key: str, instance_id: str, effect_id: str) -> EffectRecord | None:
        """What the instance remembers of an effect: None when it never began it. The last 64 are remembered."""
        return records.effect(self._paths(set_key, instance_id), effect_id)

    def stop_all(self) -> None:
        """Stop every instance of every set of this state directory."""
        with ThreadPoolExecutor(_STOPPING_THREADS) as pool:
            list(pool.map(lambda one: self.stop(*one), leftovers.every_instance(self._root)))

    def _set_directory(self, set_key: str) -> Path:
        return self._root / "sets" / set_directory_name(set_key)

    def _paths(self, set_key: str, instance_id: str) -> InstancePaths:
        return InstancePaths(self._set_directory(set_key), instance_id)

    @contextmanager
    def _act(self, set_key: str, instance_id: str, epoch: int | None) -> Iterator[tuple[InstancePaths, dict[str, Any]]]:
        paths = self._paths(set_key, instance_id)
        with held(paths.act_lock):
            identity = _identity(paths, instance_id)
            if epoch is not None:
                records.check_fence(paths, instance_id, epoch)
            yield paths, identity

    def _swap_and_boot(
        self, paths: InstancePaths, identity: dict[str, Any], record: dict[str, Any], environment: Mapping[str, str]
    ) -> None:
        if record["phase"] == "begun":
            extensions.halt(paths)
            disks.swap_to(paths, record["generation"])
            records.write_record(paths, record | {"phase": "swapped", "at": time.time()})
        self._boot(paths, identity, environment)

    def _boot(self, paths: InstancePaths, identity: dict[str, Any], environment: Mapping[str, str]) -> None:
        extensions.halt(paths)
        processes.start_keeper(paths, _environment(paths, identity, environment), self._owner)


def _identity(paths: InstancePaths, instance_id: str) -> dict[str, Any]:
    identity = read_json(paths.identity)
    if identity is None:
        raise NotFoundError("NotFound", f"there is no local instance {instance_id} at {paths.directory}.", "")
    return identity


def _environment(paths: InstancePaths, identity: dict[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    return (
        {"PATH": MINIMAL_PATH}
        | dict(given)
        | {
            "ROLLSET_INSTANCE": str(identity["instance_id"]),
            "ROLLSET_ADDRESS": str(identity["address"]),
            "ROLLSET_PORT": str(identity["port"]),
            "ROLLSET_DATA": str(paths.data),
        }
    )
