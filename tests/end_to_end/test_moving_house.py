"""backup, restore, export, import and doctor --bundle as an operator types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.control.client import Client
from engine.model.errors import RollsetError
from tests.end_to_end.world import SCALE_SET, World

ROOT = Path(__file__).resolve().parents[2]


def rollset(state_dir: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui", *map(str, arguments), "--state-dir", str(state_dir)]
    return subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=50, check=False
    )


@pytest.fixture
def old(world: World) -> World:
    world.publish("1.0.0")
    world.create(3)
    return world


@pytest.fixture
def new(tmp_path: Path) -> Iterator[World]:
    """Another jump box: `World` starts its engine only when it is asked for."""
    made = World.__new__(World)
    made.root, made.state_dir = tmp_path, tmp_path / "new"
    yield made
    if made.state_dir.exists():
        made.close()


def test_a_fleet_moves_to_another_jump_box_and_is_upgraded_there(old: World, new: World, tmp_path: Path) -> None:
    archive = tmp_path / "box.rollset"

    exported = rollset(old.state_dir, "export", archive, "--reason", "new box")
    assert exported.returncode == 0, exported.stderr
    assert "3 local instances and their data disks stay here" in exported.stdout
    assert rollset(old.state_dir, "engine", "stop", "--with-instances").returncode == 0
    imported = rollset(new.state_dir, "import", archive, "--reason", "-odd reason")

    assert imported.returncode == 0, imported.stderr
    assert "imported 1 sets and 1 images" in imported.stdout and "3 local instances stayed" in imported.stdout
    new.client = new.connect()
    new.until(lambda: new.created(3))
    new.publish("1.1.0")
    new.client.command("start", {"set": SCALE_SET, "to": "1.1.0"})
    assert new.until_ended()["state"] == "Completed"
    again = rollset(new.state_dir, "import", archive)
    assert again.returncode in (4, 5) and len(again.stderr.splitlines()) <= 2


def test_a_live_upgrade_is_not_exported(old: World, tmp_path: Path) -> None:
    old.publish("1.1.0")
    old.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "pause_between_batches": "PT1H"})

    refused = rollset(old.state_dir, "export", tmp_path / "box.rollset")

    assert refused.returncode == 4 and "is live" in refused.stderr
    assert not (tmp_path / "box.rollset").exists()


def test_a_backup_comes_back(old: World, tmp_path: Path) -> None:
    assert rollset(old.state_dir, "backup", tmp_path / "copy.db").returncode == 0
    old.client.command("scale", {"set": SCALE_SET, "capacity": 4})
    running = rollset(old.state_dir, "restore", tmp_path / "copy.db")
    assert running.returncode == 5 and "an engine serves" in running.stderr and "engine stop" in running.stderr
    assert "Nobody is attached, 0 upgrades are live." in running.stderr
    assert rollset(old.state_dir, "engine", "stop").returncode == 0

    restored = rollset(old.state_dir, "restore", tmp_path / "copy.db", "--json", "--reason", "one too many")

    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["head"] > 0
    old.client = old.connect()
    assert old.client.query("set", {"name": SCALE_SET})["ours"]["capacity"] == 3
    restored_events = [x for x in old.events() if x["type"] == "StoreRestored"]
    assert [x["body"]["reason"] for x in restored_events] == ["one too many"]


@pytest.mark.parametrize("ended", (True, False))
def test_a_set_that_a_restore_has_forgotten_is_made_anew_over_what_it_left(
    world: World, tmp_path: Path, ended: bool
) -> None:
    world.publish("1.0.0")
    assert rollset(world.state_dir, "backup", tmp_path / "copy.db").returncode == 0
    world.create(2)
    stop = ["engine", "stop", *(["--with-instances"] if ended else [])]
    assert rollset(world.state_dir, *stop).returncode == 0
    assert rollset(world.state_dir, "restore", tmp_path / "copy.db").returncode == 0

    world.client = world.connect()
    unknown = [x["body"] for x in world.events() if x["type"] == "InstancesUnknown"]
    world.create(2)

    assert unknown == [{"names": ["web/0", "web/1"], "count": 2}]
    aside = [Path(x["body"]["folder"]) for x in world.events() if x["type"] == "InstanceSetAside"]
    assert [(x / "data" / "setup-runs").read_text() for x in aside] == ["ran\n"] * 2
    assert world.data_files("setup-runs") == ["ran\n"] * 4, "the new ones ran their extension, too"


def test_an_import_over_what_another_state_left_makes_its_instances_anew(old: World, tmp_path: Path) -> None:
    assert rollset(old.state_dir, "export", tmp_path / "box.rollset").returncode == 0
    assert rollset(old.state_dir, "engine", "stop", "--with-instances").returncode == 0
    (old.state_dir / "rollset.db").rename(tmp_path / "old.db")

    assert rollset(old.state_dir, "import", tmp_path / "box.rollset").returncode == 0

    old.client = old.connect()
    old.until(lambda: old.created(3))
    assert len([x for x in old.events() if x["type"] == "InstanceSetAside"]) == 3


def test_a_bug_report_says_what_it_left_out(old: World, tmp_path: Path) -> None:
    written = rollset(old.state_dir, "doctor", "--bundle", tmp_path / "report.tar.gz")

    assert written.returncode == 0, written.stderr
    assert "left out:" in written.stdout and "protected settings" in written.stdout
    with tarfile.open(tmp_path / "report.tar.gz") as archive:
        text = b"".join(archive.extractfile(x).read() for x in archive)  # type: ignore[union-attr] # all are files
    assert b"echo ran" not in text and str(tmp_path).encode() not in text and b"CustomScript" not in text


def test_what_cannot_be_done_from_here_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLSET_READONLY", "1")
    assert rollset(tmp_path / "state", "import", tmp_path / "x").returncode == 6
    monkeypatch.delenv("ROLLSET_READONLY")
    missing = rollset(tmp_path / "state", "import", tmp_path / "x")
    assert missing.returncode == 2 and "is no file" in missing.stderr
    assert missing.stderr.count("\n") <= 2


def test_an_import_leaves_no_engine_behind(old: World, new: World, tmp_path: Path) -> None:
    assert rollset(old.state_dir, "export", tmp_path / "box.rollset").returncode == 0
    assert rollset(new.state_dir, "import", tmp_path / "box.rollset").returncode == 0
    with pytest.raises(RollsetError):
        Client(new.state_dir).query("engine", {})
