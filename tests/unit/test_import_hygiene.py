"""What a light import must not load. Contracts see our own imports; only a run sees what those pull in."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

IMPORT_PACKAGES = """
import importlib, pkgutil, sys
for name in sys.argv[1].split(","):
    module = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), name + "."):
        importlib.import_module(found.name)
print(*sys.modules, sep="\\n")
"""


FOLD_SNAPSHOT = """
import json, sys
from engine.wire.recording import OVERVIEW, Header, header_line, read_lines
from tui.scene import Scene, fold
scene = Scene("")
line = {"seq": 1, "at": 1.0, "stream": "engine", "schema": 1, "actor": "ana", "words": "moved"}
bodies = {"MemberMoved": {"error": None}, "HoldRaised": {"hold": {"kind": "Operator"}}, "EngineStopped": {}}
bodies |= {"PresenceChanged": {"attached": []}, "UpgradeOutlookChanged": {}}
events = [{"record": "event", "schema": 1, "body": line | {"type": t, "body": b}} for t, b in bodies.items()]
header = header_line(Header(OVERVIEW, 2, 1.0, 1.0, "rollset"))
for item in read_lines([header, *map(json.dumps, events)], "a snapshot"):
    scene = fold(scene, item)
assert len(scene.feed) == 3, scene.feed
print(*sys.modules, sep="\\n")
"""


def loaded_by(packages: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after importing the packages and all their submodules."""
    return loaded_running(IMPORT_PACKAGES, packages)


def loaded_running(code: str, *arguments: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after this code, which prints them."""
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_model_and_decisions_load_no_event_loop_database_or_validation() -> None:
    loaded = loaded_by("engine.model,engine.decide")

    assert {"engine.model", "engine.decide"} <= loaded
    assert loaded.isdisjoint({"anyio", "asyncio", "pydantic", "sqlite3"})


def test_the_command_loads_no_cockpit_server_or_database() -> None:
    loaded = loaded_by("tui.cli")

    assert "tui.cli" in loaded
    assert loaded.isdisjoint({"cryptography", "rich", "sqlite3", "sqlite_utils", "starlette", "textual", "uvicorn"})


def test_of_the_engines_door_a_terminal_loads_the_client_only() -> None:
    loaded = {name for name in loaded_by("tui") if name.startswith("engine.control.")}

    assert {name for name in loaded if not name.startswith("engine.control.client")} == set()
    assert loaded_by("tui").isdisjoint({"engine.runtime", "engine.store", "engine.fleets", "sqlite3", "uvicorn"})


def test_every_module_behind_the_door_is_forbidden_to_terminals() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    forbidden = next(c["forbidden_modules"] for c in contracts if c["id"] == "cockpit")
    behind = {f"engine.control.{p.stem}" for p in (ROOT / "engine" / "control").glob("*.py") if p.stem != "__init__"}

    assert behind <= set(forbidden)


def test_the_first_picture_waits_for_no_command_line_checker_http_client_or_event() -> None:
    first = ("__main__", "verbs.showing", "app", "live", "options", "screens.home", "terminal.driver")
    loaded = loaded_by(",".join(f"tui.{name}" for name in first))

    assert "textual.app" in loaded
    assert loaded.isdisjoint({"typer", "pydantic", "http.client", "h11", "anyio", "engine.model.events"})


def test_a_snapshot_with_the_events_before_it_is_shown_without_knowing_any_event() -> None:
    assert loaded_running(FOLD_SNAPSHOT).isdisjoint({"pydantic", "engine.model.events", "engine.wire.events"})
