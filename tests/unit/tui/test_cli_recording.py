"""`rollset record` writes a new file, whole, and refuses what `replay` could not open."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from engine.model.errors import NotFoundError
from tests.unit.tui.fake_engine import UPGRADE, FakeEngine

Run = Callable[..., Result]


def test_the_last_upgrade_of_a_set_is_recorded(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    engine.answers["upgrade"] = NotFoundError("NotFound", "no upgrade is called web.")
    engine.answers["status"] = {"ours": UPGRADE}
    target = tmp_path / "run.jsonl.gz"

    result = run("record", "web", str(target))

    assert result.exit_code == 0, result.output
    assert gzip.decompress(target.read_bytes()) == f'{{"upgrade":"{UPGRADE["id"]}"}}\n'.encode()
    assert f"rollset replay {target}" in result.stdout


@pytest.mark.parametrize("name", ("run.json", "taken.jsonl", "nowhere/run.jsonl"))
def test_a_name_that_cannot_be_is_refused(run: Run, engine: FakeEngine, tmp_path: Path, name: str) -> None:
    engine.answers["upgrade"] = {"ours": UPGRADE}
    (tmp_path / "taken.jsonl").write_text("mine")

    result = run("record", "web-1", str(tmp_path / name))

    assert result.exit_code == 2
    assert name in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken.jsonl"]
    assert (tmp_path / "taken.jsonl").read_text() == "mine"
