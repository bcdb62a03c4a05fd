"""`rollset rehearse`: what it asks, what it shows, the file it keeps."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tui.fake_engine import FakeEngine

Run = Callable[..., Any]
COUNTERS = {"successful": 1, "inProgress": 0, "pending": 2, "failed": 1}
BATCH = {"direction": "Forward", "zone": "1", "update_domain": 0, "failed": []}
REHEARSAL: dict[str, Any] = {
    "scale_set": "web",
    "target": "contoso:web:stable:1.1.0",
    "previous": "contoso:web:stable:1.0.0",
    "instances": 5,
    "to_upgrade": 4,
    "pace": "the last 2 upgrades of this set, 8 members: 20 s in the middle",
    "trouble": ["3: never healthy on the new version"],
    "state": "Faulted",
    "waits_for": "",
    "error": {"code": "MaxUnhealthy", "message": "too many \x1b[2J", "details": []},
    "counters": COUNTERS,
    "took_s": 361.0,
    "low_s": 330.0,
    "high_s": 400.0,
    "draws": 160,
    "batches": [
        BATCH | {"number": 1, "members": ["0"], "began_s": 0.0, "ended_s": 20.0},
        BATCH | {"number": 2, "members": ["3"], "began_s": 20.0, "ended_s": 361.0, "failed": ["3"]},
        BATCH
        | {"number": 3, "members": list(map(str, range(10))), "direction": "Back", "began_s": 361.0, "ended_s": None},
    ],
    "stop_counts": [
        {"batch": 1, "of": 1, "failures": 1, "limit": "maxUnhealthyUpgradedInstancePercent"},
        {"batch": 2, "of": 2, "failures": 1, "limit": "maxUnhealthyUpgradedInstancePercent"},
        {"batch": 3, "of": 3, "failures": 2, "limit": "maxUnhealthyInstancePercent"},
        {"batch": 4, "of": 4, "failures": None, "limit": ""},
    ],
    "stopped": {"batch": 2, "failures": 1},
    "other_ends": {"Completed": 12, "Faulted": 8},
}


def test_it_shows_the_end_the_time_the_batches_and_what_stops_it(run: Run, engine: FakeEngine) -> None:
    engine.answers["rehearse"] = {"rehearsal": REHEARSAL}

    result = run("rehearse", "web", "--to", "1.1.0", "--inject", "3", "--inject", "engine=90s", "--seed", "b")

    assert result.exit_code == 0, result.output
    assert engine.queries[-1] == ("rehearse", {"set": "web", "to": "1.1.0", "inject": "3;engine=90s", "seed": "b"})
    lines = result.stdout.splitlines()
    assert lines[0] == "web: 1.0.0 to 1.1.0, rehearsed: 4 of 5 instances to upgrade; nothing was changed"
    assert "ends Faulted after 6m01s (1 ok, 0 in progress, 2 untouched, 1 failed)" in lines
    assert "stopped after batch 2, with 1 failed instance" in lines
    assert "time: 5m30s to 6m40s in 8 of 10 of 160 draws" in result.stdout
    assert "of 20 draws of who fails: Completed 12, Faulted 8" in lines
    assert "batch 1 to 2: 1 failed instance until then stops it (maxUnhealthyUpgradedInstancePercent)" in lines
    assert "batch 3: 2 failed instances until then stop it (maxUnhealthyInstancePercent)" in lines
    assert "batch 4: no number of failed instances stops it" in lines
    assert "0, 1, 2, 3, 4, 5, 6, 7 and 2 more" in result.stdout
    assert "\x1b" not in result.stdout


def test_what_waits_for_a_person_says_so(run: Run, engine: FakeEngine) -> None:
    waits = {"state": "RollingForward", "waits_for": "held instances: 1; release or skip them", "stopped": None}
    engine.answers["rehearse"] = {"rehearsal": REHEARSAL | waits | {"low_s": None, "error": None, "other_ends": {}}}

    result = run("rehearse", "web")

    assert "after 6m01s it waits for you (RollingForward): held instances: 1; release or skip them" in result.stdout
    assert "time:" not in result.stdout


def test_it_is_kept_as_a_recording(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    engine.answers["rehearse"] = {"rehearsal": REHEARSAL, "recording": ['{"rollset_recording":1}', "{}"]}
    target = tmp_path / "web.jsonl.gz"

    result = run("rehearse", "web", "--save", str(target), "--json")

    assert result.exit_code == 0, result.output
    assert engine.queries[-1][1]["recording"] == "true"
    assert json.loads(result.stdout) == {"rehearsal": REHEARSAL}
    assert gzip.decompress(target.read_bytes()) == b'{"rollset_recording":1}\n{}\n'
    assert f"rollset replay {target}" in result.stderr


@pytest.mark.parametrize("name", ("web.json", "taken.jsonl"))
def test_a_file_that_cannot_be_is_refused_before_anything_is_asked(
    run: Run, engine: FakeEngine, tmp_path: Path, name: str
) -> None:
    (tmp_path / "taken.jsonl").write_text("mine")

    result = run("rehearse", "web", "--save", str(tmp_path / name))

    assert result.exit_code == 2
    assert not engine.queries
