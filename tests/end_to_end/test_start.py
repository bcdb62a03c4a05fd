"""Starting the engine with real processes: one of many, stale left-overs, failures told in one line."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.client import Client, lock_note
from engine.control.client import start as starting
from engine.control.client.start import connect_or_start
from engine.model.errors import RollsetError, UnreachableError

ROOT = Path(__file__).resolve().parents[2]
ENGINE_QUERY = """
import json, os, sys
from pathlib import Path
from engine.control.client.start import connect_or_start
print(json.dumps(connect_or_start(Path(sys.argv[1]), owner_pid=int(sys.argv[2])).query("engine", {})))
"""


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "state"
    yield directory
    note = lock_note(directory)
    if note is not None:
        os.kill(note["pid"], signal.SIGKILL)


def begin(state_dir: Path) -> Client:
    return connect_or_start(state_dir, owner_pid=os.getpid())


def pid_of(state_dir: Path) -> int:
    note = lock_note(state_dir)
    assert note is not None
    return int(note["pid"])


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while running(pid):
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.02)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_twenty_commands_at_once_on_a_fresh_state_directory_start_one_engine(state_dir: Path) -> None:
    command = [sys.executable, "-c", ENGINE_QUERY, str(state_dir), str(os.getpid())]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    commands = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(20)]
    answers = [json.loads(process.communicate(timeout=50)[0]) for process in commands]

    assert len({answer["pid"] for answer in answers}) == 1
    assert {answer["epoch"] for answer in answers} == {1}


def target_of(descriptor: Path) -> str:
    """What a descriptor of another process is open on; "" of one it has closed since."""
    try:
        return os.readlink(descriptor)
    except FileNotFoundError:
        return ""


def test_the_engine_is_off_the_terminal_in_a_session_of_its_own_with_nothing_inherited(state_dir: Path) -> None:
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    begin(state_dir)
    pid = pid_of(state_dir)

    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/cwd").resolve() == Path("/")
    assert Path(f"/proc/{pid}/fd/0").resolve() == Path("/dev/null")
    assert re.search(r"^Umask:\s0077$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    ours = os.readlink(f"/proc/self/fd/{write_end}")
    assert ours not in {target_of(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
    os.close(read_end)
    os.close(write_end)


def test_what_it_writes_is_closed_to_others(state_dir: Path) -> None:
    begin(state_dir)

    note = lock_note(state_dir)
    assert note is not None
    assert os.stat(note["socket"]).st_mode & 0o777 == 0o600
    assert os.stat(state_dir).st_mode & 0o777 == 0o700
    assert {p.name for p in state_dir.iterdir() if p.is_file() and p.stat().st_mode & 0o077} == set()


def test_a_killed_engine_leaves_lock_note_and_socket_and_the_next_command_starts_another(state_dir: Path) -> None:
    begin(state_dir)
    first = pid_of(state_dir)
    os.kill(first, signal.SIGKILL)
    until_gone(first)
    assert lock_note(state_dir) is not None

    answer = begin(state_dir).query("engine", {})

    assert answer["pid"] != first
    assert answer["epoch"] == 2


def test_a_note_of_a_socket_that_nobody_made_is_no_engine(state_dir: Path) -> None:
    state_dir.mkdir(mode=0o700)
    (state_dir / "engine.lock").write_text('{"pid": 1, "socket": "/nowhere/engine.sock", "version": "0.1.0"}')

    assert begin(state_dir).query("engine", {})["epoch"] == 1


@pytest.mark.parametrize("text", ("", "{", "[]", '{"socket": 4}', "[" * 100_000, "\xff\xfe"))
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "engine.lock").write_bytes(text.encode("latin-1"))

    assert lock_note(tmp_path) is None


def test_sigterm_stops_in_order_and_takes_socket_and_note_away(state_dir: Path) -> None:
    begin(state_dir)
    note = lock_note(state_dir)
    assert note is not None

    os.kill(note["pid"], signal.SIGTERM)
    until_gone(note["pid"])

    assert lock_note(state_dir) is None
    assert not Path(note["socket"]).exists()
    assert begin(state_dir).query("history", {})["gaps"][0]["clean"] == 1.0
    assert "Error" not in (state_dir / "engine.log").read_text()


def test_a_command_waits_for_an_engine_that_is_stopping(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state_dir.mkdir(mode=0o700)
    stopping = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    note = {"pid": stopping.pid, "socket": "/nowhere/engine.sock", "version": "0.1.0", "stopping": True}
    (state_dir / "engine.lock").write_text(json.dumps(note))
    monkeypatch.setattr(starting, "STOPPING_TOLD_S", 0.0)

    def end(line: str) -> None:
        said.append(line)
        if len(said) == 1:  # on a full machine it is told, too, that the next engine starts
            stopping.communicate(b"\n")

    said: list[str] = []
    answer = connect_or_start(state_dir, owner_pid=os.getpid(), say=end).query("engine", {})

    assert said[0] == f"engine {stopping.pid} is stopping: it finishes what it has begun"
    assert answer["epoch"] == 1


def test_an_engine_that_never_gets_done_stopping_is_an_error_not_a_hang(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir.mkdir(mode=0o700)
    note = {"pid": os.getpid(), "socket": "/nowhere/engine.sock", "version": "0.1.0", "stopping": True}
    (state_dir / "engine.lock").write_text(json.dumps(note))
    monkeypatch.setattr(starting, "STOPPING_S", 0.1)

    with pytest.raises(UnreachableError, match="still finishes what it has begun"):
        begin(state_dir)

    (state_dir / "engine.lock").write_text("")


def test_a_hang_up_does_not_end_it(state_dir: Path) -> None:
    client = begin(state_dir)

    os.kill(pid_of(state_dir), signal.SIGHUP)

    assert client.query("engine", {})["epoch"] == 1


def engine_in_front(state_dir: Path) -> subprocess.CompletedProcess[str]:
    """An engine process that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", starting.SERVE, "--state-dir", str(state_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_second_engine_process_is_turned_away_in_one_line(state_dir: Path) -> None:
    begin(state_dir)

    second = engine_in_front(state_dir)

    assert second.returncode == 5
    assert second.stderr.splitlines() == [f"another engine holds {state_dir}"]


def test_a_store_of_another_program_is_told_in_one_line(state_dir: Path) -> None:
    state_dir.mkdir(mode=0o700)
    (state_dir / "rollset.db").write_bytes(b"this is no database, and it is long enough to be looked at" * 100)

    with pytest.raises(UnreachableError) as caught:
        begin(state_dir)

    assert caught.value.code == "EngineNotStarted"
    assert "rollset.db" in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_program_that_dies_without_a_word_is_told_with_its_last_line(state_dir: Path) -> None:
    with pytest.raises(UnreachableError) as caught:
        connect_or_start(state_dir, serve="engine.control.no_such_module")

    assert "No module named engine.control.no_such_module" in caught.value.message
    assert "engine.log" in caught.value.next_step


def test_an_engine_that_is_slow_to_start_is_left_alone(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dawdling.py").write_text("import time\ntime.sleep(30)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(starting, "READY_S", 0.3)

    with pytest.raises(UnreachableError, match="goes on trying") as caught:
        connect_or_start(state_dir, serve="dawdling")

    pid = int(re.findall(r"process (\d+)", caught.value.message)[0])
    assert running(pid)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("told_after_s", (0.0, 3600.0), ids=("at once", "where it takes long"))
def test_what_takes_a_moment_at_the_start_is_told_when_it_is_due(
    state_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told_after_s: float
) -> None:
    reads = "import os, sys\nfd = int(sys.argv[sys.argv.index('--ready-fd') + 1])\n"
    (tmp_path / "reader.py").write_text(
        f"{reads}os.write(fd, b'... reading 3 scale ')\nos.write(fd, b'sets\\nready\\n')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said: list[str] = []

    connect_or_start(state_dir, serve="reader", say=said.append, told_after_s=told_after_s)

    told = [f"starting the engine of {state_dir} ...", "reading 3 scale sets"]
    assert said == (told if told_after_s == 0.0 else [])


def test_a_spawn_lock_that_is_never_released_is_an_error_not_a_hang(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir.mkdir(mode=0o700)
    monkeypatch.setattr(starting, "SPAWN_LOCK_S", 0.1)
    monkeypatch.setattr(starting, "HAND_OVER_S", 0.1)
    monkeypatch.setattr(starting, "STOPPING_S", 0.1)
    with open(state_dir / "spawn.lock", "w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)

        with pytest.raises(UnreachableError, match="does not get done"):
            begin(state_dir)


@pytest.mark.parametrize("mode", (0o770, 0o777, 0o702))
def test_a_state_directory_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    open_to_others = tmp_path / "state"
    open_to_others.mkdir()
    open_to_others.chmod(mode)

    with pytest.raises(UnreachableError, match=f"mode {mode:o}"):
        begin(open_to_others)

    assert list(open_to_others.iterdir()) == []


def test_a_link_or_a_file_in_place_of_the_state_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("")

    with pytest.raises(UnreachableError, match="symbolic link"):
        begin(tmp_path / "link")
    with pytest.raises(UnreachableError, match="no directory"):
        begin(tmp_path / "file")


@pytest.mark.parametrize("verb", (("sets",), ("restore", "backup.db"), ("engine", "serve")))
def test_a_directory_of_other_things_is_refused_and_stays_as_it_is(tmp_path: Path, verb: tuple[str, ...]) -> None:
    foreign = tmp_path / "home"
    (foreign / "letters").mkdir(parents=True, mode=0o700)
    (foreign / "notes.txt").touch()
    command = [sys.executable, "-m", "tui", *verb, "--state-dir", str(foreign)]

    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)

    assert refused.returncode == 5
    assert f"{foreign} holds other things (letters, notes.txt)" in refused.stderr
    assert "a directory of its own" in refused.stderr and "engine.log" not in refused.stderr
    assert sorted(path.name for path in foreign.iterdir()) == ["letters", "notes.txt"]


def test_a_state_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(UnreachableError, match="owned by user"):
        begin(tmp_path / "state")


def test_a_log_that_is_a_link_is_not_followed(state_dir: Path, tmp_path: Path) -> None:
    state_dir.mkdir(mode=0o700)
    (state_dir / "engine.log").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(UnreachableError) as caught:
        begin(state_dir)

    assert "engine.log" in caught.value.message
    assert not (tmp_path / "elsewhere").exists()


def test_nothing_is_started_where_that_is_forbidden(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(starting.NO_SPAWN_VARIABLE, "1")

    with pytest.raises(UnreachableError, match="is set"):
        begin(state_dir)

    assert not state_dir.exists()


def test_a_socket_of_another_user_is_not_spoken_to(tmp_path: Path) -> None:
    from engine.control.client import StateDirLine

    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "s"))
    listening.listen(1)
    (tmp_path / "engine.lock").write_text(json.dumps({"pid": 1, "socket": str(tmp_path / "s")}))
    tmp_path.chmod(0o700)

    with pytest.raises(UnreachableError, match="user 12345 listens"):
        StateDirLine(tmp_path, who=lambda _connection: 12345).open(1.0)
    listening.close()


def test_a_foreground_engine_says_why_it_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file is in the way")

    done = engine_in_front(tmp_path / "state")

    assert done.returncode == 5
    assert done.stderr.count("\n") == 1
    assert "state" in done.stderr


def test_an_engine_that_is_held_up_is_told_from_one_that_is_gone(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.control.client.calls.ALIVE_S", 0.5)
    begin(state_dir)
    pid = pid_of(state_dir)
    os.kill(pid, signal.SIGSTOP)

    with pytest.raises(UnreachableError, match=f"engine {pid} holds .* and is silent") as caught:
        begin(state_dir)

    assert f"kill -CONT {pid}" in caught.value.next_step
    os.kill(pid, signal.SIGCONT)
    assert begin(state_dir).query("engine", {})["pid"] == pid


def test_a_client_of_a_stopped_engine_says_so(state_dir: Path) -> None:
    client = begin(state_dir)
    pid = pid_of(state_dir)
    os.kill(pid, signal.SIGKILL)
    until_gone(pid)

    with pytest.raises(RollsetError) as caught:
        client.query("engine", {})

    assert caught.value.exit_code == 5
