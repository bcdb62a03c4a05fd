"""What earlier versions wrote is opened, migrated and replayed by this one, to the same state."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from engine.model.image import ImageVersion
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.model.version import VERSION
from engine.runtime.verbs import carry_out
from engine.store.connection import open_store
from engine.store.reading import reading
from engine.store.replay import compare_with_log
from engine.store.store import Store
from engine.wire.events import UnknownEvent, recorded_from_dict
from engine.wire.state import load
from tests.worlds.durable_fleet import DurableFleet
from tests.worlds.small_engine import ANA, on_virtual_time, small_engine
from tui.recording import RecordedSession

GOLDEN = Path(__file__).parents[2] / "data" / "golden"
VERSIONS = sorted(path.name for path in GOLDEN.iterdir())


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest) -> Path:
    return GOLDEN / str(request.param)


@pytest.fixture
def database(golden: Path, tmp_path: Path) -> Path:
    path = tmp_path / "rollset.db"
    path.write_bytes(gzip.decompress((golden / "rollset.db.gz").read_bytes()))
    return path


def state_of(store: Store) -> dict[str, Any]:
    state = store.load_state()
    return {"scale_sets": state.scale_sets, "upgrades": state.upgrades, "images": state.images}


def expected(golden: Path) -> dict[str, Any]:
    kinds: dict[str, type[Any]] = {"scale_sets": ScaleSet, "upgrades": Upgrade, "images": ImageVersion}
    found = json.loads((golden / "state.json").read_text())
    return {name: [load(kind, json.dumps(x)) for x in found[name]] for name, kind in kinds.items()}


def test_this_version_has_golden_files() -> None:
    assert VERSION in VERSIONS, "run scripts/make_golden.py and commit what it writes"


def test_an_older_recording_replays_to_the_end_it_had(golden: Path) -> None:
    player = RecordedSession.open(golden / "recording.jsonl.gz").player
    (upgrade,) = expected(golden)["upgrades"]
    assert upgrade.id not in player.scene.upgrades, "it begins before the upgrade"
    player.seek(player.length)
    assert player.scene.upgrades[upgrade.id] == upgrade
    player.seek(player.length // 2)
    assert player.scene.upgrades[upgrade.id].live


def test_an_older_database_opens_with_the_state_it_had(golden: Path, database: Path) -> None:
    store = open_store(database)
    assert state_of(store) == expected(golden)
    store.close()


def test_an_older_log_tells_the_same_state_again(database: Path) -> None:
    open_store(database).close()
    with reading(database) as connection:
        assert compare_with_log(connection) == []


def test_older_lines_are_the_events_of_the_database(golden: Path, database: Path) -> None:
    lines = gzip.decompress((golden / "events.jsonl.gz").read_bytes()).decode().splitlines()
    told = [recorded_from_dict(json.loads(line)) for line in lines]
    assert not [r for r in told if isinstance(r.event, UnknownEvent)]
    store = open_store(database)
    assert store.events(0, 1_000_000) == told
    store.close()


def test_an_engine_of_this_version_goes_on_with_it(database: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with small_engine(tmp_path, DurableFleet(tmp_path / "fleet"), later_s=1e6) as engine:
            await carry_out(engine, "hold", {"set": "web", "instance": "0", "reason": "golden"}, ANA)
            assert engine.find_set("web").instances["0"].hold is not None

    on_virtual_time(main)
