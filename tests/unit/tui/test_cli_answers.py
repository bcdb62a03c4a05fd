"""Exit codes, errors, the typed name of a production set, and names that try to be escapes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import (
    InputError,
    NotFoundError,
    NotPermittedError,
    RefusedError,
    RollsetError,
    UnreachableError,
)
from tests.unit.tui.fake_engine import COMPLETED, SET, FakeEngine
from tui.verbs import asking, engine_access

Run = Callable[..., Any]


@pytest.mark.parametrize("kind", (InputError, NotFoundError, RefusedError, UnreachableError, NotPermittedError))
def test_an_error_is_one_line_with_its_next_step_and_its_exit_code(
    run: Run, engine: FakeEngine, kind: type[RollsetError]
) -> None:
    engine.answers["sets"] = kind("SomeCode", "what happened \x1b[2J", "do this")

    result = run("sets", "--json")

    assert result.exit_code == kind.exit_code
    assert result.stdout == ""
    assert result.stderr.startswith("error: SomeCode: what happened ")
    assert result.stderr.endswith("\n  try: do this\n")
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize(
    "line",
    (
        "nonsense",
        "scale web many",
        "scale web -- -1",
        "start web --restore-failed sometimes",
        "start web --timeout soon",
        "start web --at whenever",
        "start web --plan /nonexistent.json",
        "status --watch --json",
        "wait web --for ever",
        "events --since yesterdayish",
    ),
)
def test_wrong_usage_is_exit_code_2_and_sends_nothing(run: Run, engine: FakeEngine, line: str) -> None:
    result = run(*line.split())

    assert result.exit_code == 2
    assert result.stdout == ""
    assert engine.commands == []


def test_a_production_set_is_refused_without_a_terminal(run: Run, engine: FakeEngine) -> None:
    engine.production = "web"

    assert run("cancel", "web").exit_code == 4
    assert run("cancel", "web", "--confirm", "other").exit_code == 4
    assert run("cancel", "web", "--confirm", "web").exit_code == 0


@pytest.mark.parametrize(("typed", "exit_code", "sent"), (("web\n", 0, 2), ("wbe\n", 4, 2), ("", 2, 1)))
def test_a_person_types_the_name_of_a_production_set(
    run: Run, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, typed: str, exit_code: int, sent: int
) -> None:
    engine.production = "web"
    monkeypatch.setattr(engine_access, "on_terminal", lambda: True)

    result = run("cancel", "web", typed=typed)

    assert result.exit_code == exit_code
    assert len(engine.commands) == sent
    assert "cancel: web is a production set. Type its name to go on: " in result.stderr


@pytest.mark.parametrize(("typed", "exit_code", "sent"), (("web\n", 0, 1), ("wbe\n", 2, 0), ("", 2, 0)))
def test_a_person_types_the_name_of_a_set_that_is_deleted(
    run: Run, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, typed: str, exit_code: int, sent: int
) -> None:
    monkeypatch.setattr(engine_access, "on_terminal", lambda: True)

    result = run("delete", "web", typed=typed)

    assert (result.exit_code, len(engine.commands)) == (exit_code, sent)
    assert "web goes with all its instances and disks" in result.stderr


def test_without_a_person_a_deletion_needs_the_name_beside_it(run: Run, engine: FakeEngine) -> None:
    key = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/web"

    for name in ("web", key):
        bare = run("delete", name)
        assert (bare.exit_code, engine.commands) == (4, [])
        assert "delete needs its name typed" in bare.stderr and "Add --confirm web" in bare.stderr
    wrong = run("delete", "web", "--confirm", "wbe\x1b")
    assert (wrong.exit_code, engine.commands) == (2, []) and "\x1b" not in wrong.stderr

    assert run("delete", key, "--confirm", "Web").exit_code == 0
    assert engine.commands == [("delete", {"set": key, "confirm": "Web"})]


def test_a_state_directory_is_not_made_below_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no directory"):
        engine_access.state_dir(tmp_path / "typo" / "state")
    assert engine_access.state_dir(tmp_path / "new") == tmp_path / "new"


def test_names_from_outside_cannot_reach_the_terminal_as_escapes(run: Run, engine: FakeEngine) -> None:
    name = "w\x1b]0;owned\x07\u202eeb"
    engine.answers["sets"] = {"sets": [SET | {"name": name, "warnings": [name]}]}

    for line in (["sets"], ["status"], ["sets", "--json"]):
        output = run(*line).stdout
        assert not set("\x1b\x07\u202e") & set(output)
    assert json.loads(output)["sets"][0]["name"] == name


def test_the_state_directory_is_taken_before_and_after_the_verb(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []

    def connect(given: Path | None) -> FakeEngine:
        asked.append(engine_access.state_dir(given))
        fake = FakeEngine()
        fake.answers["sets"] = {"sets": []}
        return fake

    monkeypatch.setattr(engine_access, "connect", connect)
    run("sets")
    run("sets", "--state-dir", str(tmp_path / "after"))
    run("--state-dir", str(tmp_path / "before"), "sets")

    assert asked == [tmp_path / "state", tmp_path / "after", tmp_path / "before"]


def test_the_default_state_directory_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ROLLSET_STATE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert engine_access.state_dir(None) == tmp_path / ".local/state/rollset"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "x"))
    assert engine_access.state_dir(None) == tmp_path / "x/rollset"


def test_doctor_looks_at_the_store_when_no_engine_can_start(
    run: Run, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answers["doctor"] = UnreachableError("EngineUnreachable", "it did not start.", "see its log")
    answer = {"checks": [{"name": "store", "ok": True, "words": "whole", "next_step": ""}]}

    def store(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        assert command[1:4] == ["-m", "engine.store.doctor", "--json"]
        return subprocess.CompletedProcess(command, 0, json.dumps(answer).encode(), b"")

    monkeypatch.setattr(subprocess, "run", store)
    result = run("doctor", "--json")

    assert result.exit_code == 1
    assert [check["name"] for check in json.loads(result.stdout)["checks"]] == ["engine", "store"]


def test_doctor_without_any_answer_is_unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unreachable = UnreachableError("EngineUnreachable", "it did not start.")
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, b"", b"broken"))
    with pytest.raises(UnreachableError):
        asking.ask_store(tmp_path, unreachable)


HEAVY = ("textual", "rich", "httpx", "pydantic", "anyio", "uvicorn", "starlette", "sqlite3", "cryptography", "asyncio")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom tui.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "[]\n"
    assert "accept-loss" in done.stdout


def test_history_tells_when_no_engine_ran_during_an_upgrade(run: Run, engine: FakeEngine) -> None:
    gaps = [
        {"until_at": 1020.0, "away_s": 12.0, "clean": 0.0},
        {"until_at": 5000.0, "away_s": 600.0, "clean": 1.0},
    ]
    engine.answers["history"] = {"azure": {}, "ours": [COMPLETED], "gaps": gaps}

    said = run("history").stdout
    assert "no engine for 12s until 1970-01-01 00:17:00Z, the one before had not stopped in order: u1 went on" in said
    assert said.count("no engine") == 1
