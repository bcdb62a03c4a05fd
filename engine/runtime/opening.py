"""Opening the engine of a state directory: its store, its fleets, its tasks; and closing it in order."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio

from engine.fleets.fleet import Fleet
from engine.fleets.local.fleet import open_local_fleet
from engine.fleets.local.leftovers import highest_epoch
from engine.fleets.local.machine import LocalMachine
from engine.fleets.simulated.fleet import SimulatedFleet
from engine.model.version import VERSION
from engine.runtime.announce import announce, record_stop
from engine.runtime.clock import JUMP_S, EngineClock
from engine.runtime.engine import Engine
from engine.runtime.housekeeping import look_after
from engine.runtime.unknown_instances import unknown_instances
from engine.store.ballast import Ballast
from engine.store.image_blobs import ImageBlobs
from engine.store.store import EpochStart


def _as_it_is(fleet: Fleet) -> Fleet:
    return fleet


def _unheard(_scale_sets: int) -> None:
    """Nobody waits for it."""


@asynccontextmanager
async def open_engine(
    state_dir: Path,
    *,
    owner_pid: int | None = None,
    wall: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
    busy: Callable[[], float] | None = None,
    through: Callable[[Fleet], Fleet] = _as_it_is,
    housekeeping: bool = False,
    reading: Callable[[int], None] = _unheard,
) -> AsyncIterator[Engine]:
    """The engine of a state directory whose lock the caller holds; it works until the block ends.

    A block that ends with an exception is a stop without order, as the next engine will say. `through` may put
    something between the engine and each of its fleets. `housekeeping` checks the store and makes backups meanwhile.
    `reading` is told how many scale sets are read, which takes a moment where there are many.
    """
    from engine.store.connection import open_store

    store = open_store(state_dir / "rollset.db")
    try:
        reading(store.count_scale_sets())
        local_root = state_dir / "local"
        began = store.begin_epoch(os.getpid(), VERSION, wall(), above=highest_epoch(local_root))
        blobs = ImageBlobs(state_dir / "images")
        machine = LocalMachine(local_root, owner_pid=owner_pid, state_digest_seed=str(state_dir))
        async with open_local_fleet(machine, blobs.unpack, state_dir) as local:
            fleets: dict[str, Fleet] = {"local": through(local)}
            ballast = Ballast(state_dir)
            ballast.keep()
            engine = Engine(store, blobs, fleets, EngineClock(began.clock, wall, monotonic, busy), ballast)
            machine.leave_alone(engine.state.local_addresses)
            simulated = SimulatedFleet(state_dir / "simulated", engine.tags_of, wall=wall, monotonic=monotonic)
            fleets["simulated"] = through(simulated)
            async with run_engine(engine, began, local_root), anyio.create_task_group() as beside:
                if housekeeping:
                    beside.start_soon(partial(look_after, engine, state_dir, clean=began.clean))
                try:
                    yield engine
                finally:
                    beside.cancel_scope.cancel()
            if engine.stop_instances:
                machine.stop_all()
    finally:
        store.close()


@asynccontextmanager
async def run_engine(engine: Engine, began: EpochStart, local_root: Path | None = None) -> AsyncIterator[Engine]:
    """Load, say so, settle what was left open, work until the block ends, and record a stop in order.

    Under `local_root` lie the instances of the local fleet, where it has some.
    """
    left_open = engine.load(began.epoch)
    if began.back_s > JUMP_S:
        engine.wall.jumped(-began.back_s, engine.clock.now())
    announce(engine, began.away_s, began.clean, unknown_instances(engine, local_root) if local_root else ())
    async with anyio.create_task_group() as tasks:
        engine.begin(tasks, left_open)
        try:
            yield engine
        finally:
            tasks.cancel_scope.cancel()
    record_stop(engine, "stopped")
