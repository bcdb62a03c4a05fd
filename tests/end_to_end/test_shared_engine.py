"""An engine that somebody else runs: clients use its socket and never start one."""

from __future__ import annotations

import grp
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.client import Client, SharedLine, lines
from engine.model.errors import UnreachableError
from tui.verbs import engine_access

ROOT = Path(__file__).resolve().parents[2]
SERVE = [sys.executable, "-m", "engine.control.serve", "--foreground", "--state-dir"]


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    socket = tmp_path / "run" / "engine.sock"
    socket.parent.mkdir()
    group = grp.getgrgid(os.getgid()).gr_name
    command = [*SERVE, str(tmp_path / "state"), "--socket", str(socket), "--group", group]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert str(socket) in process.stderr.readline()
    yield socket
    process.terminate()
    assert process.wait(20) == 0
    process.stderr.close()


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def test_its_socket_is_for_owner_and_group_and_goes_with_it(shared: Path) -> None:
    facts = os.stat(shared)

    assert facts.st_mode & 0o777 == 0o660
    assert facts.st_gid == os.getgid()


def test_rollset_socket_leads_there(shared: Path) -> None:
    done = run("engine", "status", "--json", ROLLSET_SOCKET=str(shared))

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pid"] == Client(SharedLine(shared)).query("engine", {})["pid"]


def test_a_named_socket_without_an_engine_is_an_error_and_starts_none(tmp_path: Path) -> None:
    done = run("sets", ROLLSET_SOCKET=str(tmp_path / "none.sock"))

    assert done.returncode == 5
    assert f"no engine answers on {tmp_path / 'none.sock'}" in done.stderr
    state = Path(os.environ["XDG_STATE_HOME"]) / "rollset"
    assert not state.exists()


def test_the_machines_own_engine_is_used_where_it_is(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SHARED_SOCKET", shared)

    assert engine_access.connect(None).query("engine", {})["sets"] == 0
    assert isinstance(engine_access.line_to(None), SharedLine)


def test_what_is_named_goes_before_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").write_text("")
    monkeypatch.setattr(lines, "SHARED_SOCKET", tmp_path / "shared")
    assert engine_access.line_to(tmp_path) is None

    monkeypatch.setenv("ROLLSET_STATE_DIR", str(tmp_path))
    assert engine_access.line_to(None) is None

    monkeypatch.setenv("ROLLSET_SOCKET", str(tmp_path / "named"))
    found = engine_access.line_to(None)
    assert isinstance(found, SharedLine)
    assert found.path == tmp_path / "named"
    assert engine_access.line_to(tmp_path) is None


def test_a_socket_closed_to_the_caller_says_whom_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refused)

    with pytest.raises(UnreachableError, match="Permission denied") as caught:
        Client(SharedLine(tmp_path / "s")).query("engine", {})

    assert "operators group" in caught.value.next_step


def test_a_group_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    command = [*SERVE, str(tmp_path / "state"), "--socket", str(tmp_path / "s"), "--group", "no-such-group-here"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 5
    assert "there is no group 'no-such-group-here'" in done.stderr.splitlines()[-1]


def test_a_socket_in_a_directory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    command = [*SERVE, str(tmp_path / "state"), "--socket", str(tmp_path / "no" / "s")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 5
    assert "cannot listen on" in done.stderr.splitlines()[-1]


def test_a_config_that_is_wrong_keeps_the_engine_from_starting_in_one_line(tmp_path: Path) -> None:
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "rollset" / "config.toml"
    config.parent.mkdir()
    config.write_text("[roles]\nviewer = ['everybody']")
    config.chmod(0o600)

    done = run("sets", ROLLSET_STATE_DIR=str(tmp_path / "state"))

    assert done.returncode == 5
    lines = done.stderr.splitlines()
    (error,) = [line for line in lines if line.startswith("error: ")]  # a slow start tells that it starts, before it
    assert all(part in error for part in (str(config), "roles.viewer.0", "'everybody'"))


def test_readonly_starts_no_engine(tmp_path: Path) -> None:
    done = run("--readonly", "--state-dir", str(tmp_path / "state"), "sets")

    assert done.returncode == 5
    assert not (tmp_path / "state").exists()


def test_an_idle_engine_leaves_by_itself(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-m", "engine.control.serve", "--state-dir", str(state), "--idle-exit-s", "0"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=40, check=False)

    assert done.returncode == 0
    assert "idle" in done.stderr
