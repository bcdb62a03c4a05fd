"""What the process that starts an engine is told, whatever becomes of either."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from engine.control import engine_process, serve
from engine.control.ready import tell
from engine.store.engine_lock import EngineLock


def served(state_dir: Path, *options: str) -> int:
    return serve.main(["--state-dir", str(state_dir), *options])


@pytest.fixture(autouse=True)
def own_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """`main` sets up its whole process; this one goes on."""
    for name in ("os.umask", "signal.signal", "gc.disable"):
        monkeypatch.setattr(f"engine.control.serve.{name}", lambda *_: None)
    monkeypatch.setattr(serve, "set_up_log", lambda: None)


def test_a_defect_at_the_start_is_told_in_one_line_and_logged_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def run(options: argparse.Namespace, lock: EngineLock) -> None:
        raise ExceptionGroup("unhandled errors in a TaskGroup", [ValueError("no such column:\n x")])

    monkeypatch.setattr(engine_process, "run", run)
    ready, told = os.pipe()

    assert served(tmp_path / "state", "--ready-fd", str(told)) == 5

    with open(ready, "rb") as pipe:
        assert pipe.read() == b"a defect, ValueError: no such column: x\n"
    assert "unhandled errors in a TaskGroup" in caplog.text


def test_what_ends_a_ready_engine_goes_to_no_descriptor_that_is_another_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ready, told = os.pipe()
    os.close(ready)

    def run(options: argparse.Namespace, lock: EngineLock) -> None:
        engine_process.say_ready(options)
        assert os.open(tmp_path / "rows", os.O_WRONLY | os.O_CREAT) == told
        raise OSError(28, "No space left on device", "rollset.db")

    monkeypatch.setattr(engine_process, "run", run)

    assert served(tmp_path / "state", "--ready-fd", str(told)) == 5

    os.close(told)
    assert (tmp_path / "rows").read_bytes() == b""
    assert capsys.readouterr().err == "rollset.db: No space left on device\n"


def test_nobody_waits_any_more() -> None:
    ready, told = os.pipe()
    os.close(ready)

    assert tell(told, "ready", 0) == 0

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(told)
