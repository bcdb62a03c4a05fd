"""Everything that runs in the engine's process: the engine, its door, hooks, presence, signals, leaving when idle."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import signal
import time
from collections.abc import Iterator

import anyio
import uvicorn
from anyio.abc import TaskStatus

from engine.control.config import ConfigFile, config_path
from engine.control.gate import Gate
from engine.control.hooks import Hooks
from engine.control.listen import bind_socket, remove_socket
from engine.control.log_file import bound_log
from engine.control.metrics import metrics_text
from engine.control.places import Places, bounded
from engine.control.presence import Presence
from engine.control.ready import tell, tell_progress
from engine.control.server import make_app
from engine.control.streams import Requests
from engine.model.numbers import many
from engine.model.version import VERSION
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine
from engine.runtime.verbs import STOP_S
from engine.store.engine_lock import EngineLock

HOUSEKEEPING_S = 5.0
LOOK_S = 0.01
LAST_LOOKS = 100
"""So often an engine that ends looks whether all who follow it have taken the last line."""

log = logging.getLogger("rollset.engine")


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: a signal ends the engine in order, not only its listener."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the engine."""
        yield


def run(options: argparse.Namespace, lock: EngineLock) -> None:
    """Serve until told to stop, or idle. Raises what kept it from starting."""
    anyio.run(_serve, options, lock)


async def _serve(options: argparse.Namespace, lock: EngineLock) -> None:
    config = ConfigFile(config_path())

    def reading(scale_sets: int) -> None:
        if scale_sets:
            tell_progress(options.ready_fd, f"reading {many(scale_sets, 'scale set')}")

    async with open_engine(
        options.state_dir, owner_pid=options.owner_pid, busy=time.thread_time, housekeeping=True, reading=reading
    ) as engine:
        engine.supervised = options.foreground
        bound, path = bind_socket(options.state_dir, options.socket, options.group)
        door, seen = EngineDoor(engine), Requests(last_at=time.monotonic())
        hooks = Hooks(engine, options.state_dir / "hooks.json", config.settings)
        gate = Gate(config.settings)
        app = make_app(door, seen, gate, metrics=lambda: metrics_text(engine, seen, hooks.pending))
        uvicorn_config = uvicorn.Config(
            app,
            http=bounded(Places(gate)),
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=2,
        )
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        server = _Server(uvicorn_config)
        try:
            async with anyio.create_task_group() as tasks:
                await tasks.start(_watch_signals, door)
                tasks.start_soon(_keep_house, door, seen, hooks, options)
                tasks.start_soon(Presence(engine, seen).run)
                tasks.start_soon(hooks.run)
                tasks.start_soon(_end_server, door, seen, server, lock)
                bound.listen(128)
                lock.publish(str(path), VERSION)
                engine.on_stop = lock.say_stopping
                log.info("engine %s of %s, process %s, listens on %s", VERSION, options.state_dir, os.getpid(), path)
                say_ready(options)
                _collect_garbage()
                await server.serve([bound])
                door.stopping.set()
                tasks.cancel_scope.cancel()
        finally:
            remove_socket(path)
    lock.release()
    log.info("engine stopped")


def say_ready(options: argparse.Namespace) -> None:
    """Tell who waits, once; the number of the descriptor may be another's from then on."""
    if options.ready_fd is not None:
        tell(options.ready_fd, "ready", 0)
        options.ready_fd = None


def _collect_garbage() -> None:
    """From now on, but never through what is loaded by now and stays: that would only hold turns up."""
    gc.freeze()
    gc.enable()


async def _watch_signals(door: EngineDoor, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()  # before anybody is told that the engine is ready
        async for number in signals:
            log.info("%s: what has begun is finished, nothing new begins", signal.Signals(number).name)
            door.engine.stopped_by = door.engine.stopped_by or signal.Signals(number).name
            door.engine.drain(STOP_S, stops_anyway=True)


async def _end_server(door: EngineDoor, seen: Requests, server: uvicorn.Server, lock: EngineLock) -> None:
    await door.stopping.wait()
    lock.say_stopping()
    door.engine.wake_followers()
    for _ in range(LAST_LOOKS):
        if not seen.streams:
            break
        await anyio.sleep(LOOK_S)
    await anyio.sleep(0.05)
    server.should_exit = True
    server.force_exit = True


async def _keep_house(door: EngineDoor, seen: Requests, hooks: Hooks, options: argparse.Namespace) -> None:
    """Bound the log; leave when nothing could happen without a command, or the state directory is gone."""
    while not door.stopping.is_set():
        await anyio.sleep(HOUSEKEEPING_S)
        if not options.state_dir.exists():
            log.error("%s is gone: the engine stops", options.state_dir)
            door.stopping.set()
            return
        if options.log is not None:
            bound_log(options.log)
        quiet = seen.open == 0 and seen.streams == 0 and time.monotonic() - seen.last_at > options.idle_exit_s
        if quiet and not options.foreground and door.idle() and hooks.idle:
            log.info("idle: nobody is attached and nothing can happen without a command")
            door.stopping.set()
