"""Files of scripts are asked for by the plan and by the start, before a disk is replaced for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.fleets.local.fetching import Missing
from engine.model.errors import RefusedError
from engine.model.plan import PlanCheck
from engine.model.scale_set import ScaleSet
from engine.runtime import asked_files, script_files
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from tests.unit.runtime.conftest import ANA, apply_healthy, scale_set_document
from tests.unit.runtime.conftest import apply as apply_documents
from tests.unit.runtime.test_after_the_end import FaultyScripts, act, with_ten
from tests.worlds.documents import extension


@pytest.fixture
def door(engine: Engine) -> EngineDoor:
    apply_healthy(engine)
    return EngineDoor(engine)


def run(door: EngineDoor, *uris: str) -> None:
    """From now on instances of `web` run a script with these files."""
    settings = {"commandToExecute": "sh x", "fileUris": list(uris)}
    script = extension("setup", "Microsoft.Azure.Extensions", "CustomScript", settings)
    changed = scale_set_document()
    changed["properties"]["virtualMachineProfile"]["extensionProfile"] = {"extensions": [script]}
    apply_documents(door.engine, changed)


def command(door: EngineDoor, verb: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = anyio.run(partial(door.command, verb, {"set": "web", **arguments}, ANA))
    return answer


def told(door: EngineDoor, to: str = "1.1.0") -> list[tuple[str, str]]:
    plan = anyio.run(partial(door.query, "plan", {"set": "web", "to": to}, ANA))["plan"]
    return [(x["level"], x["words"]) for x in plan["checks"] if "file" in x["words"]]


def test_a_file_that_cannot_be_had_refuses_the_start_and_nothing_moves(door: EngineDoor) -> None:
    run(door, "http://127.0.0.1:1/x.sh?sig=secret")

    [(level, words)] = told(door)
    with pytest.raises(RefusedError) as refusal:
        command(door, "start", to="1.1.0")

    assert (level, refusal.value.code) == ("refused", "OperationNotAllowed")
    assert words.startswith("extension setup: fileUris: http://127.0.0.1:1/x.sh could not be fetched: ")
    assert words in refusal.value.message and "Make it answer" in refusal.value.next_step
    assert "secret" not in str(refusal.value) and door.engine.state.upgrades == {}


def test_a_file_that_is_there_is_said_and_nothing_to_do_asks_for_none(door: EngineDoor, tmp_path: Path) -> None:
    (tmp_path / "x.sh").touch()
    run(door, f"file:{tmp_path}/x.sh")
    assert told(door) == [("passed", "1 file that scripts fetch can be had now")]
    command(door, "start", to="1.1.0")

    (tmp_path / "x.sh").unlink()
    assert told(door, to="1.0.0") == []


def test_a_start_at_a_time_to_come_is_only_warned(door: EngineDoor, tmp_path: Path) -> None:
    run(door, f"file:{tmp_path}/x.sh")

    later = command(door, "start", to="1.1.0", at=door.engine.clock.now().at + 60)

    assert "there is no such file" in " ".join(later["warnings"])


def test_a_way_back_waits_for_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bool] = []

    async def checks(engine: Engine, scale_set: ScaleSet, *, binding: bool, anew: bool) -> tuple[PlanCheck, ...]:
        found.append(binding)
        return ()

    async def story(engine: Engine, fleet: FaultyScripts) -> None:
        monkeypatch.setattr("engine.runtime.upgrade_verbs.file_checks", checks)
        fleet.failing = set()
        await act(engine, "retry")
        await act(engine, "rollback")

    with_ten(tmp_path, story)

    assert found == [True], "the retry alone"


def test_silence_only_warns_and_no_more_than_some_are_asked(door: EngineDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[str]] = []

    async def missing(uris: Sequence[str]) -> dict[str, Missing]:
        asked.append(uris)
        return {uris[0]: Missing("fileUris: it did not answer within 5 s", silent=True)}

    monkeypatch.setattr(asked_files, "missing", missing)
    run(door, *(f"https://host/{number}.sh" for number in range(30)))

    assert told(door) == [
        ("warned", "extension setup: fileUris: it did not answer within 5 s"),
        ("passed", "19 files of 30 that scripts fetch can be had now"),
    ]
    assert len(told(door)) == 2
    assert [len(uris) for uris in asked] == [script_files.MOST_ASKED], "a second plan asks nobody"
    command(door, "start", to="1.1.0")
    assert asked[1:] == [["https://host/0.sh"]], "a start asks for what was not there"
