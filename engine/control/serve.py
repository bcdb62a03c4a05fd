"""`python -m engine.control.serve`: the engine process of a state directory."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import uvicorn
from anyio.abc import TaskStatus

from engine.control.config import ConfigFile, config_path
from engine.control.gate import Gate
from engine.control.hooks import Hooks
from engine.control.listen import bind_socket, remove_socket
from engine.control.log_file import bound_log, set_up_log
from engine.control.metrics import metrics_text
from engine.control.peer import PeerProtocol
from engine.control.presence import Presence
from engine.control.server import make_app
from engine.control.streams import Requests
from engine.model.errors import RollsetError
from engine.model.version import VERSION
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine
from engine.store.engine_lock import EngineLock
from engine.store.state_directory import check_state_directory

HOUSEKEEPING_S = 5.0
CONNECTIONS_LIMIT = 256
DRAIN_S = 10.0
"""How long a SIGTERM waits for what has begun; SIGKILL is as safe, only less polite."""

log = logging.getLogger("rollset.engine")


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop, or idle. Exit code 0 after an orderly stop, 5 when it could not start."""
    options = _options(argv)
    state_dir = options.state_dir
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    set_up_log()
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_state_directory(state_dir)
        lock = EngineLock(state_dir / "engine.lock")
        if not lock.acquire():
            return _tell(options.ready_fd, f"another engine holds {state_dir}", 5)
        anyio.run(_serve, options, lock)
    except (RollsetError, OSError, BaseExceptionGroup) as error:
        cause = _cause(error)
        if isinstance(cause, RollsetError):
            return _tell(options.ready_fd, f"{cause.message} {cause.next_step}", 5)
        if isinstance(cause, OSError):
            return _tell(options.ready_fd, f"{cause.filename or state_dir}: {cause.strerror}", 5)
        raise
    return 0


def _cause(error: BaseException) -> BaseException:
    """The first error inside groups of errors, which task groups make of one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rollset engine serve")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--foreground", action="store_true")
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--idle-exit-s", type=float, default=60.0)
    parser.add_argument("--owner-pid", type=int)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--socket", type=Path)
    parser.add_argument("--group")
    return parser.parse_args(argv)


def _tell(ready_fd: int | None, line: str, code: int) -> int:
    one = " ".join(line.split())
    if ready_fd is None:
        print(one, file=sys.stderr)
    else:
        os.write(ready_fd, (one + "\n").encode())
        os.close(ready_fd)
    return code


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: a signal ends the engine in order, not only its listener."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the engine."""
        yield


async def _serve(options: argparse.Namespace, lock: EngineLock) -> None:
    config = ConfigFile(config_path())
    async with open_engine(options.state_dir, owner_pid=options.owner_pid, housekeeping=True) as engine:
        bound, path = bind_socket(options.state_dir, options.socket, options.group)
        door, seen = EngineDoor(engine), Requests(last_at=time.monotonic())
        hooks = Hooks(engine, options.state_dir / "hooks.json", config.settings)
        app = make_app(door, seen, Gate(config.settings), metrics=lambda: metrics_text(engine, seen, hooks.pending))
        uvicorn_config = uvicorn.Config(
            app,
            http=PeerProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=2,
            limit_concurrency=CONNECTIONS_LIMIT,
        )
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        server = _Server(uvicorn_config)
        try:
            async with anyio.create_task_group() as tasks:
                await tasks.start(_watch_signals, door)
                tasks.start_soon(_keep_house, door, seen, hooks, options)
                tasks.start_soon(Presence(engine, seen).run)
                tasks.start_soon(hooks.run)
                tasks.start_soon(_end_server, door, server)
                bound.listen(128)
                lock.publish(str(path), VERSION)
                log.info("engine %s of %s, process %s, listens on %s", VERSION, options.state_dir, os.getpid(), path)
                if options.ready_fd is not None:
                    _tell(options.ready_fd, "ready", 0)
                await server.serve([bound])
                door.stopping.set()
                tasks.cancel_scope.cancel()
        finally:
            remove_socket(path)
    lock.release()
    log.info("engine stopped")


async def _watch_signals(door: EngineDoor, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()  # before anybody is told that the engine is ready
        async for number in signals:
            log.info("%s: what has begun is finished, nothing new begins", signal.Signals(number).name)
            if door.engine.draining is not None:
                door.stopping.set()
            door.engine.drain(DRAIN_S, stops_anyway=True)


async def _end_server(door: EngineDoor, server: uvicorn.Server) -> None:
    await door.stopping.wait()
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


if __name__ == "__main__":
    sys.exit(main())
