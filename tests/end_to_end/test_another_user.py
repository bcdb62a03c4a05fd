"""Another user of the machine can do nothing at all: not read, not connect, not signal, not start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.control.client import Client, SharedLine, lock_note
from engine.control.client.start import connect_or_start
from engine.model.errors import RollsetError
from tests.end_to_end.world import World

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
OTHERS = 0o077


def as_nobody(act: Callable[[], Any]) -> dict[str, Any]:
    """What `act` `gave`, or `raised` in words, in a process of the user nobody; only root can ask for that."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        told: dict[str, Any] = {}
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            told = {"gave": act()}
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent judges it
            told = {"raised": f"{type(error).__name__}: {error}"}
        finally:
            os.write(write_end, json.dumps(told, default=str).encode()[:60_000])
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    told_here: dict[str, Any] = json.loads(said)
    return told_here


def open_and_close(path: Path, mode: str) -> None:
    path.open(mode).close()


def assert_closed(act: Callable[[], Any], *paths: Path) -> None:
    """Another user who tries `act` is refused. Who is not root asks the modes of what is in the way instead."""
    if os.geteuid() == 0:
        told = as_nobody(act)
        assert told.get("raised", "").startswith(("PermissionError", "UnreachableError")), told
    assert any(path.lstat().st_mode & OTHERS == 0 for path in paths), paths


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, so that only what Rollset itself makes keeps others out."""
    with tempfile.TemporaryDirectory(prefix="rollset-open-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def world(open_folder: Path) -> Iterator[World]:
    made = World(open_folder)
    yield made
    made.close()


def test_nothing_of_the_state_directory_can_be_read_or_changed(world: World) -> None:
    world.publish("1.0.0")
    world.create(1)
    state = world.state_dir
    found = [state, *state.rglob("*")]
    assert len(found) > 20

    for path in found:
        if path.is_dir():
            assert_closed(partial(os.listdir, path), state)
        elif path.is_file():
            assert_closed(partial(open_and_close, path, "rb"), state)
            assert_closed(partial(open_and_close, path, "ab"), state)
    assert_closed(lambda: (state / "mine").write_text("x"), state)
    private = [path for path in (state, *state.iterdir()) if not path.is_symlink()]
    assert [path for path in private if path.lstat().st_mode & OTHERS] == [], "each by itself, should one be moved"


def test_the_socket_cannot_be_connected_to(world: World) -> None:
    note = lock_note(world.state_dir)
    assert note is not None

    def connect() -> None:
        socket.socket(socket.AF_UNIX).connect(note["socket"])

    assert_closed(connect, Path(note["socket"]))
    assert_closed(lambda: Client(world.state_dir).query("sets", {}), world.state_dir)


def test_no_engine_is_started_or_replaced_for_somebody_else(world: World) -> None:
    pid = world.engine_pid()

    assert_closed(lambda: connect_or_start(world.state_dir), world.state_dir)
    os.kill(pid, signal.SIGKILL)
    assert_closed(lambda: connect_or_start(world.state_dir), world.state_dir)
    world.client = world.connect()


def test_engine_and_instances_cannot_be_signalled_or_looked_into(world: World) -> None:
    world.publish("1.0.0")
    world.create(1)
    pid = world.engine_pid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for process in (pid, *map(int, children)):
        assert_closed(partial(os.kill, process, signal.SIGTERM), world.state_dir)
        for name in ("environ", "maps", "fd", "mem"):
            path = Path(f"/proc/{process}/{name}")
            assert_closed(partial(os.listdir if name == "fd" else Path.read_bytes, path), world.state_dir)
    assert b"token" not in Path(f"/proc/{pid}/cmdline").read_bytes().lower()


def test_even_through_an_open_socket_nothing_can_be_read_or_changed(open_folder: Path) -> None:
    path = open_folder / "engine.sock"
    command = [sys.executable, "-m", "engine.control.serve", "--foreground", "--state-dir", str(open_folder / "state")]
    process = subprocess.Popen([*command, "--socket", str(path)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        assert str(path) in process.stderr.readline()
        assert path.stat().st_mode & 0o007 == 0
        path.chmod(0o666)  # as somebody careless might
        owner = Client(SharedLine(path))
        assert owner.query("engine", {})["pid"]  # loads what asking needs, which nobody may not read

        if os.geteuid() == 0:
            asks: list[Callable[[Client], Any]] = [
                lambda client: client.query("sets", {}),
                lambda client: client.query("audit", {}),
                lambda client: client.query("no-such-query", {}),
                lambda client: list(client.events(0, "all", False)),
                lambda client: client.command("pause", {"set": "web"}),
                lambda client: client.command("no-such-verb", {}),
                lambda client: client.command("engine-stop", {}),
            ]
            for ask in asks:
                told = as_nobody(partial(ask, Client(SharedLine(path))))
                assert told.get("raised", "").startswith("NotPermittedError"), told
            entries = owner.query("audit", {"limit": "50"})["entries"]
            assert any(str(NOBODY) in json.dumps(entry) or "nobody" in json.dumps(entry) for entry in entries)
        assert owner.query("engine", {})["sets"] == 0
    finally:
        process.terminate()
        assert process.wait(20) == 0
        process.stderr.close()


def test_a_directory_that_somebody_else_made_first_is_not_used(open_folder: Path) -> None:
    state = open_folder / "state"
    state.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(state, NOBODY, NOBODY)
        with pytest.raises(RollsetError, match=f"user {NOBODY}"):
            connect_or_start(state)
    else:
        state.chmod(0o777)
        with pytest.raises(RollsetError, match="others"):
            connect_or_start(state)
    assert list(state.iterdir()) == []
