"""Several operators, terminals that close, clients that never read: one truth, and the upgrade goes on."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

from engine.control.client import Client, lock_note
from engine.model.errors import RefusedError, RollsetError
from tests.end_to_end.world import SCALE_SET, World

ROOT = Path(__file__).resolve().parents[2]


def rollset(world: World, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "tui", *arguments, "--state-dir", str(world.state_dir)]


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"}


class Terminal:
    """A real terminal with a command in it, in a session of its own as a login shell would have it."""

    def __init__(self, command: list[str]) -> None:
        self.master, slave = pty.openpty()

        def own_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(),
            start_new_session=True,
            preexec_fn=own_terminal,
        )
        os.close(slave)
        self.said = b""
        os.set_blocking(self.master, False)

    def until(self, words: bytes, timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while words not in self.said:
            assert time.monotonic() < deadline, self.said[-2000:]
            try:
                self.said += os.read(self.master, 65536)
            except BlockingIOError:
                time.sleep(0.02)

    def close(self) -> int:
        """As when the line drops: the kernel hangs up on everybody in the session."""
        os.close(self.master)
        return self.process.wait(20)


def test_the_terminal_that_started_engine_and_upgrade_closes_and_the_upgrade_goes_on(world: World) -> None:
    world.publish("1.0.0")
    world.create(6)
    world.publish("1.1.0")
    os.kill(world.engine_pid(), signal.SIGKILL)

    terminal = Terminal(
        rollset(world, "start", SCALE_SET, "--to", "1.1.0", "--follow", "--pause-between-batches", "3s")
    )
    terminal.until(b"batch 1")
    engine = lock_note(world.state_dir)
    code = terminal.close()

    assert code != 0
    status = subprocess.run(
        rollset(world, "status", SCALE_SET, "--json"), env=environment(), capture_output=True, check=True, timeout=30
    )
    assert json.loads(status.stdout)["ours"]["ended_at"] is None
    assert lock_note(world.state_dir) == engine
    assert world.until_ended()["state"] == "Completed"
    seqs = [event["seq"] for event in world.client.events(0, "all", False)]
    assert seqs == list(range(1, len(seqs) + 1))


def at_once(*acts: Any) -> list[Any]:
    """Call all of them at the same moment; an error is its answer."""
    answers: list[Any] = [None] * len(acts)
    barrier = threading.Barrier(len(acts))

    def call(index: int) -> None:
        barrier.wait()
        try:
            answers[index] = acts[index]()
        except RollsetError as error:
            answers[index] = error

    threads = [threading.Thread(target=call, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_operators_pausing_and_cancelling_at_once_get_one_consistent_answer_each(world: World) -> None:
    world.publish("1.0.0")
    world.create(4)
    world.publish("1.1.0")
    for _ in range(4):
        world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "pause_between_batches": "PT10S"})

        paused, cancelled = at_once(
            lambda: Client(world.state_dir).command("pause", {"set": SCALE_SET, "reason": "ann"}),
            lambda: Client(world.state_dir).command("cancel", {"set": SCALE_SET, "reason": "bo"}),
        )

        assert not isinstance(cancelled, RollsetError), cancelled
        assert isinstance(paused, RefusedError) or paused["upgrade"]["id"] == cancelled["upgrade"]["id"]
        assert world.until_ended()["state"] == "Cancelled"
        entries = world.client.query("audit", {"limit": 2})["entries"]
        told = {entry["body"]["verb"]: entry["body"]["refusal"] for entry in entries}
        assert told["cancel"] is None
        assert (told["pause"] is None) == (not isinstance(paused, RollsetError))


def test_the_same_command_with_the_same_key_at_once_acts_once(world: World) -> None:
    world.publish("1.0.0")
    world.create(2)
    world.publish("1.1.0")
    start = {"set": SCALE_SET, "to": "1.1.0", "key": "one-and-the-same"}

    answers = at_once(*(lambda: Client(world.state_dir).command("start", start) for _ in range(5)))

    assert not [answer for answer in answers if isinstance(answer, RollsetError)]
    assert len(world.client.query("history", {})["ours"]) == 1
    world.until_ended()


def test_64_clients_of_whom_eight_never_read_hold_nothing_up(world: World) -> None:
    world.publish("1.0.0")
    world.create(8)
    world.publish("1.1.0")
    note = lock_note(world.state_dir)
    assert note is not None
    clients = [follow(note["socket"]) for _ in range(64)]
    readers = dict.fromkeys(clients[8:], b"")
    done = threading.Event()
    reading = threading.Thread(target=read_all, args=(readers, done))
    reading.start()

    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})
    assert world.until_ended()["state"] == "Completed"
    last = world.events()[-1]["seq"]
    world.until(lambda: all(f'"seq":{last},'.encode() in said for said in readers.values()))
    done.set()
    reading.join()

    for said in readers.values():
        seqs = [json.loads(line)["seq"] for line in said.split(b"\n") if line.startswith(b'{"seq"')]
        assert seqs == list(range(1, seqs[-1] + 1))
    for client in clients:
        client.close()
    assert world.client.query("engine", {})["live_upgrades"] == 0


def follow(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.sendall(b"GET /v1/events?after=0&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def read_all(readers: dict[socket.socket, bytes], done: threading.Event) -> None:
    with selectors.DefaultSelector() as ready:
        for client in readers:
            ready.register(client, selectors.EVENT_READ)
        while not done.is_set():
            for key, _ in ready.select(0.1):
                assert isinstance(key.fileobj, socket.socket)
                readers[key.fileobj] += key.fileobj.recv(1 << 20)


def test_a_start_says_when_nothing_restarts_the_engine(world: World) -> None:
    world.publish("1.0.0")
    world.create(1)
    world.publish("1.1.0")

    answer = world.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})

    assert any("no service manager restarts this engine" in warning for warning in answer["warnings"])
    assert world.until_ended()["state"] == "Completed"
