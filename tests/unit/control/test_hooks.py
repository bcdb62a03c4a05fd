"""Hooks: what an operator chose is told, again and again if need be, also by the next engine, and holds nobody up."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.control.config import Hook, HookEvent, Settings
from engine.control.hook_calls import HookFailedError, call
from engine.control.hooks import Hooks
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine
from tests.worlds.simulated_web import ANN, create, until
from tests.worlds.watching import upgrade_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Receiver:
    """Takes calls; fails the first `failures` of them."""

    def __init__(self, failures: int = 0) -> None:
        self.got: list[dict[str, Any]] = []
        self.failures = failures

    async def __call__(self, hook: Hook, document: dict[str, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise HookFailedError("not now")
        self.got.append(document)

    def events(self) -> list[str]:
        return [document["event"] for document in self.got]


def settings(*on: str, **more: Any) -> Settings:
    return Settings(hooks=(Hook(name="chat", on=tuple(HookEvent(x) for x in on), command=("true",), **more),))


def hooks_of(engine: Engine, path: Path, wanted: Settings, receiver: Receiver) -> Hooks:
    return Hooks(engine, path, lambda: wanted, receiver)


async def look(hooks: Hooks) -> None:
    async with anyio.create_task_group() as tasks:
        hooks.look(tasks)


async def test_began_and_ended_are_told_once_with_what_one_wants_to_know(tmp_path: Path) -> None:
    receiver = Receiver()
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", settings("began", "ended"), receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0", "reason": "CVE"}, ANN)
        await until(lambda: not upgrade_of(engine).live)
        for _ in range(3):
            await look(hooks)
        assert hooks.idle

    assert receiver.events() == ["began", "ended"]
    began, ended = receiver.got
    assert (began["scale_set_name"], began["actor"], began["reason"]) == ("web", "ann", "CVE")
    assert ended["state"] == "Completed"
    assert ended["target"].endswith(":1.1.0")
    assert began["id"] != ended["id"]
    assert (tmp_path / "hooks.json").stat().st_mode & 0o077 == 0


async def test_a_start_at_a_time_begins_at_that_time_and_not_before(tmp_path: Path) -> None:
    receiver = Receiver()
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", settings("began", "ended"), receiver)
        door = await create(engine, tmp_path)
        at = engine.clock.now().at
        await door.command("start", {"set": "web", "to": "1.1.0", "at": at + 3600.0}, ANN)
        await look(hooks)
        assert receiver.events() == []
        await door.command("cancel", {"set": "web"}, ANN)
        await door.command("start", {"set": "web", "to": "1.1.0", "at": at}, ANN)
        await until(lambda: not upgrade_of(engine).live)
        await look(hooks)

    assert sorted(receiver.events()) == ["began", "ended", "ended"]


async def test_a_fault_is_told_with_its_error_and_is_an_end_too(tmp_path: Path) -> None:
    receiver = Receiver()
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", settings("faulted", "ended"), receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.2.0", "health_window": 0.3}, ANN)
        await until(lambda: not upgrade_of(engine).live)
        await look(hooks)

    assert receiver.events() == ["faulted", "ended"]
    assert "MaxUnhealthyUpgraded" in receiver.got[0]["error"]["code"]


async def test_a_pause_is_told_and_a_long_wait_once(tmp_path: Path) -> None:
    receiver = Receiver()
    wanted = settings("paused", "blocked", blocked_longer_than_s=1)
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", wanted, receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0", "step": True}, ANN)
        await until(lambda: upgrade_of(engine).state == "Paused")
        await look(hooks)
        assert receiver.events() == ["paused"]
        await anyio.sleep(1.1)
        for _ in range(3):
            await look(hooks)

    assert receiver.events() == ["paused", "blocked"]
    assert receiver.got[1]["blocked_by"]


async def test_a_call_that_fails_is_tried_again_later_and_keeps_its_id(tmp_path: Path) -> None:
    receiver = Receiver(failures=1)
    now = [1000.0]
    async with open_engine(tmp_path, wall=lambda: now[0]) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", settings("began"), receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await look(hooks)
        await look(hooks)
        assert receiver.got == []
        assert (hooks.pending, hooks.idle) == (1, False)
        now[0] += 5
        await look(hooks)
        assert hooks.pending == 0

    assert receiver.events() == ["began"]


async def test_what_was_not_delivered_is_delivered_by_the_next_engine(tmp_path: Path) -> None:
    silent, receiver = Receiver(failures=1), Receiver()
    wanted = settings("began", "ended")
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", wanted, silent)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await look(hooks)
        await until(lambda: not upgrade_of(engine).live)
    async with open_engine(tmp_path, wall=lambda: 9e9) as engine:
        await look(hooks_of(engine, tmp_path / "hooks.json", wanted, receiver))

    assert receiver.events() == ["began", "ended"]


@pytest.mark.parametrize("text", ("", "{", "[]", '{"position": 1}', '{"position": 1, "pending": [{}], "told": []}'))
async def test_a_memory_that_cannot_be_read_begins_anew(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hooks.json").write_text(text)
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", settings("began"), Receiver())
        await look(hooks)
        assert hooks.idle
    assert "cannot be read" in caplog.text


async def test_a_full_disk_holds_no_hook_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "no" / "such" / "hooks.json", settings("began"), receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await look(hooks)
    assert receiver.events() == ["began"]
    assert "cannot be written" in caplog.text


async def test_a_hook_added_later_is_told_nothing_of_the_past(tmp_path: Path) -> None:
    receiver = Receiver()
    async with open_engine(tmp_path) as engine:
        wanted = [Settings()]
        hooks = Hooks(engine, tmp_path / "hooks.json", lambda: wanted[0], receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await look(hooks)
        wanted[0] = settings("began")
        await look(hooks)
        assert not (tmp_path / "hooks.json").exists() or hooks.idle
    assert receiver.got == []


async def test_a_hook_taken_out_of_the_config_is_given_up(tmp_path: Path) -> None:
    receiver = Receiver(failures=1)
    now = [1000.0]
    async with open_engine(tmp_path, wall=lambda: now[0]) as engine:
        wanted = [settings("began")]
        hooks = Hooks(engine, tmp_path / "hooks.json", lambda: wanted[0], receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await look(hooks)
        wanted[0] = Settings()
        now[0] += 10
        await look(hooks)
        assert hooks.idle


async def test_only_the_sets_that_were_named(tmp_path: Path) -> None:
    receiver = Receiver()
    async with open_engine(tmp_path) as engine:
        hooks = hooks_of(engine, tmp_path / "hooks.json", settings("began", scale_sets=("api",)), receiver)
        door = await create(engine, tmp_path)
        await door.command("start", {"set": "web", "to": "1.1.0"}, ANN)
        await look(hooks)
    assert receiver.got == []


# --- real calls -----------------------------------------------------------------------------------------------


def command(*arguments: str, timeout_s: float = 10.0) -> Hook:
    return Hook(name="a", on=(HookEvent.ENDED,), command=arguments, timeout_s=timeout_s)


async def test_a_command_gets_json_on_its_standard_input(tmp_path: Path) -> None:
    target = tmp_path / "got.json"

    await call(command("sh", "-c", f"cat > {target}"), {"event": "ended", "words": "é 🎈"})

    assert json.loads(target.read_text()) == {"event": "ended", "words": "é 🎈"}


async def test_a_command_that_does_not_listen_has_been_called_all_the_same() -> None:
    await call(command("true"), {"words": "x" * 1_000_000})


@pytest.mark.parametrize(
    ("hook", "said"),
    (
        (command("sh", "-c", "echo no room >&2; exit 3"), "exit code 3: no room"),
        (command("/no/such/program"), "FileNotFoundError"),
        (command("sleep", "30", timeout_s=0.2), r"within 0\.2 s"),
    ),
)
async def test_a_command_that_fails_says_why(hook: Hook, said: str) -> None:
    with pytest.raises(HookFailedError, match=said):
        await call(hook, {})


@pytest.fixture
def web() -> Iterator[tuple[str, list[Any]]]:
    got: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(int(self.path.strip("/").split("?")[0]))
            self.send_header("Location", "/200")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_url_gets_a_post(web: tuple[str, list[Any]]) -> None:
    url, got = web

    await call(Hook(name="a", on=(HookEvent.ENDED,), url=f"{url}/204?key=1"), {"event": "ended"})

    assert got == [("/204?key=1", {"event": "ended"})]


@pytest.mark.parametrize("status", (302, 404, 500))
async def test_a_url_that_does_not_take_it_is_tried_again_and_no_redirect_is_followed(
    web: tuple[str, list[Any]], status: int
) -> None:
    url, got = web

    with pytest.raises(HookFailedError, match=f"HTTP status {status}"):
        await call(Hook(name="a", on=(HookEvent.ENDED,), url=f"{url}/{status}"), {})

    assert len(got) == 1


async def test_nobody_at_the_url_is_a_failure() -> None:
    with pytest.raises(HookFailedError, match="refused"):
        await call(Hook(name="a", on=(HookEvent.ENDED,), url="http://127.0.0.1:1/"), {})


async def test_a_halt_and_its_end_are_told_whatever_sets_a_hook_is_for(tmp_path: Path) -> None:
    receiver = Receiver()
    async with open_engine(tmp_path) as engine:
        wanted = settings("halted", "lifted", scale_sets=("web",))
        hooks = hooks_of(engine, tmp_path / "hooks.json", wanted, receiver)
        door = EngineDoor(engine)
        await door.command("halt", {"reason": "fire"}, ANN)
        await door.command("lift-halt", {"reason": "it is out"}, ANN)
        await look(hooks)

    assert [(x["event"], x["actor"], x["reason"]) for x in receiver.got] == [
        ("halted", "ann", "fire"),
        ("lifted", "ann", "it is out"),
    ]
