"""`python -m engine.control.serve`: the engine process of a state directory."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import anyio
import uvicorn

from engine.control.listen import bind_socket
from engine.control.peer import PeerProtocol
from engine.control.server import Requests, make_app
from engine.model.errors import RollsetError
from engine.runtime.engine import VERSION, open_engine
from engine.runtime.engine_door import EngineDoor
from engine.store.engine_lock import EngineLock

IDLE_LOOK_S = 5.0


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop, or idle. Exit code 0 after an orderly stop, 5 when it could not start."""
    options = _options(argv)
    state_dir = options.state_dir
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = EngineLock(state_dir / "engine.lock")
        if not lock.acquire():
            return _tell(options.ready_fd, f"another engine holds {state_dir}", 5)
        anyio.run(_serve, options, lock)
    except RollsetError as error:
        return _tell(options.ready_fd, str(error), 5)
    except OSError as error:
        return _tell(options.ready_fd, f"{error.filename or state_dir}: {error.strerror}", 5)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rollset engine serve")
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--foreground", action="store_true")
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--idle-exit-s", type=float, default=60.0)
    parser.add_argument("--owner-pid", type=int)
    return parser.parse_args(argv)


def _tell(ready_fd: int | None, line: str, code: int) -> int:
    one = " ".join(line.split())
    if ready_fd is None:
        print(one, file=sys.stderr)
    else:
        os.write(ready_fd, (one + "\n").encode())
        os.close(ready_fd)
    return code


async def _serve(options: argparse.Namespace, lock: EngineLock) -> None:
    async with open_engine(options.state_dir, owner_pid=options.owner_pid) as engine:
        bound = bind_socket(options.state_dir)
        door, seen = EngineDoor(engine), Requests()
        seen.last_at = time.monotonic()
        app = make_app(door, seen, time.monotonic)
        config = uvicorn.Config(
            app, http=PeerProtocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=2
        )
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch_signals, door)
            if not options.foreground:
                tasks.start_soon(_leave_when_idle, door, seen, options)
            tasks.start_soon(_end_server, door, server)
            bound.listen(128)
            lock.publish(bound.getsockname(), VERSION)
            if options.ready_fd is not None:
                _tell(options.ready_fd, "ready", 0)
            await server.serve([bound])
            door.stopping.set()
            tasks.cancel_scope.cancel()
        os.unlink(bound.getsockname())
    lock.release()


async def _watch_signals(door: EngineDoor) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            door.stopping.set()


async def _end_server(door: EngineDoor, server: uvicorn.Server) -> None:
    await door.stopping.wait()
    await anyio.sleep(0.05)
    server.should_exit = True
    server.force_exit = True


async def _leave_when_idle(door: EngineDoor, seen: Requests, options: argparse.Namespace) -> None:
    while not door.stopping.is_set():
        await anyio.sleep(IDLE_LOOK_S)
        if not options.state_dir.exists():
            door.stopping.set()
        quiet = seen.open == 0 and seen.streams == 0 and time.monotonic() - seen.last_at > options.idle_exit_s
        if quiet and door.idle():
            door.stopping.set()


if __name__ == "__main__":
    sys.exit(main())
