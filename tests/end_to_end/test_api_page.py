"""docs/api.md: every command in it runs against a real engine and answers with what the page shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.control.client import lock_note
from tests.end_to_end.world import World

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "api.md"


def examples() -> Iterator[tuple[str, str]]:
    """Each command of the page with the first line of its answer; an empty one for none."""
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL):
        lines = block.splitlines()
        for index, line in enumerate(lines):
            if line.startswith("$ "):
                after = lines[index + 1] if index + 1 < len(lines) else ""
                yield line[2:], "" if after.startswith("$ ") else after


def same_shape(shown: Any, found: Any, where: str) -> None:
    """What the page shows is in the answer, with the same kinds of values."""
    if isinstance(shown, dict):
        assert isinstance(found, dict), where
        for name, value in shown.items():
            assert name in found, f"{where}.{name} is not in the answer {str(found)[:300]}"
            same_shape(value, found[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(found, list), where
        for value in shown:
            assert found, f"{where} is empty"
            same_shape(value, found[0], f"{where}[0]")
    else:
        assert isinstance(found, type(shown)), f"{where} is {found!r}, shown as {shown!r}"


def test_every_example_runs_and_answers_as_shown(world: World, tmp_path: Path) -> None:
    world.publish("1.0.0")
    world.create(8, setup="sleep 3")  # so that an upgrade is still live when the page pauses it, also on a busy machine
    world.publish("1.1.0")
    assert lock_note(world.state_dir) is not None
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    curl = bin_dir / "curl"
    curl.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "tests/end_to_end/curl.py"}" "$@"\n')
    curl.chmod(0o755)
    path = f"{bin_dir}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "STATE_DIR": str(world.state_dir)}

    found = list(examples())
    for command, shown in found:
        done = subprocess.run(
            ["sh", "-c", f"{found[0][0]}\n{command}"], env=environment, capture_output=True, text=True, timeout=30
        )
        assert done.returncode in (0, 28), (command, done.stderr)
        first = done.stdout.splitlines()[0] if done.stdout else ""
        if shown.startswith("{"):
            same_shape(json.loads(shown), json.loads(first), command)
        else:
            assert first == shown, command
    assert len(found) > 10
