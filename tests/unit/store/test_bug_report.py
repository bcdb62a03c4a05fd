"""The bug report holds what a defect needs, and nothing that anybody would not want to send."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.decide.evolve import evolve_upgrade
from engine.model import events as e
from engine.model.effects import Effect, EffectKind
from engine.model.engine_events import CommandJudged
from engine.model.errors import InputError
from engine.model.halt import Halt
from engine.model.health import Health
from engine.model.scale_set import Extension, ExtensionResult, InstanceHold
from engine.model.upgrade import Now
from engine.store import bug_report as reporting
from engine.store.bug_report import LEFT_OUT, bug_report
from engine.store.connection import open_store
from engine.store.schema import DATABASE
from engine.store.store import CommandRecord, Transaction
from engine.store.veil import Veil
from tests.unit.decide import given

NOW = 1_800_000_000.0
CANARY = "Canary-9f3a77"


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Canaries wherever an operator, a model, an instance or a machine can put a text."""
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("ROLLSET_HOOK_TOKEN", CANARY)
    extension = Extension("setup", "Contoso", "CustomScript", "2.0", settings_json=json.dumps({"key": CANARY}))
    base = given.scale_set(2, model={"environment": {CANARY: "x", "TOKEN": CANARY}, "extensions": (extension,)})
    instances = {
        i.instance_id: replace(
            i,
            hold=InstanceHold(CANARY, CANARY, NOW, None),
            extensions=(ExtensionResult("setup", 1, CANARY, CANARY, NOW),),
            health_detail=CANARY,
        )
        for i in base.instances.values()
    }
    tags, document = {"owner": CANARY, CANARY: "1"}, json.dumps({"protectedSettings": {"password": CANARY}})
    scale_set = replace(base, instances=instances, tags=tags, document=document, warnings=(CANARY,))
    run = given.Run(given.scale_set(2))
    started = e.UpgradeStarted(replace(run.upgrade, reason=CANARY, actor=CANARY))
    upgrade = evolve_upgrade(None, started, Now(NOW, 0.0))
    act = Effect(
        "x" * 16,
        EffectKind.RUN_EXTENSION,
        f"scale/{CANARY}",
        scale_set.key,
        "0",
        "0",
        extension=extension,
        environment={"A": CANARY},
    )
    store = open_store(path / DATABASE)
    store.begin_epoch(1, "test", NOW)
    changed = e.InstanceHealthChanged("0", Health.HEALTHY, Health.UNHEALTHY, f"503 {CANARY}")
    store.commit(
        Transaction(
            [
                (f"scale_set/{scale_set.key}/{CANARY}", e.ScaleSetApplied(scale_set), CANARY, CANARY),
                (f"scale_set/{scale_set.key}/{CANARY}", changed, "engine", ""),
                (f"upgrade/{upgrade.id}", started, CANARY, ""),
                ("engine", e.EngineStopped(CANARY), "engine", ""),
                ("engine", e.HaltBegan(Halt(CANARY, NOW, f"the disks of {CANARY} burn")), "engine", ""),
            ],
            NOW,
            0.0,
            upgrades=[upgrade],
            intents=[act],
            command=CommandRecord(CANARY, "start", {"reason": CANARY}, 0, "accepted"),
        )
    )
    store.close()
    (path / f"left-by-{CANARY}").write_text(CANARY)
    (path / "engine.log").write_text(
        f"2027-01-15T08:00:00.123Z ERROR rollset.door: POST {CANARY} failed\n"
        "Traceback (most recent call last):\n"
        f'  File "/home/{CANARY}/lib/python3.11/site-packages/engine/runtime/turn.py", line 12, in adopt\n'
        f'  File "/home/engine-{CANARY}/own.py", line 3, in look\n'
        f"    secret = {CANARY!r}\n"
        f"ValueError: {CANARY}\n"
        f"{CANARY} alone on a line\n"
    )
    return path


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        return {
            entry.name.partition("/")[2]: archive.extractfile(entry).read().decode()  # type: ignore[union-attr] # files
            for entry in archive
        }


def report(state_dir: Path) -> dict[str, str]:
    target = state_dir.parent / "report.tar.gz"
    bug_report(state_dir, target, now=NOW + 10)
    assert target.stat().st_mode & 0o777 == 0o600
    return contents(target)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_no_planted_secret_is_in_it(state_dir: Path) -> None:
    found = report(state_dir)

    assert {"about.json", "checks.json", "events.jsonl", "upgrades.jsonl", "acts.jsonl", "log.txt"} <= set(found)
    for name, text in found.items():
        assert CANARY.lower() not in text.lower(), name
        assert "canary" not in text.lower() and str(state_dir) not in text, name


def test_it_says_what_is_left_out(state_dir: Path) -> None:
    words = report(state_dir)["READ-ME.txt"]

    assert all(what in words for what in LEFT_OUT)


def test_what_a_defect_needs_stays_readable(state_dir: Path) -> None:
    found = report(state_dir)

    applied, changed, started, stopped, halted = reversed(lines(found["events.jsonl"]))
    assert changed["type"] == "InstanceHealthChanged" and changed["body"]["instance_id"] == "0"
    assert (changed["body"]["left"], changed["body"]["entered"]) == ("Healthy", "Unhealthy")
    assert applied["stream"] == changed["stream"] and applied["stream"].startswith("scale_set/#")
    assert started["body"]["upgrade"]["settings"]["health_window_s"] == 300.0
    assert (halted["type"], halted["body"]["halt"]["since_at"]) == ("HaltBegan", NOW)
    assert stopped["actor"] == "engine" and (applied["seq"], stopped["seq"]) == (1, 4)
    assert lines(found["acts.jsonl"])[0]["kind"] == "RunExtension"
    assert json.loads(found["about.json"])["variables_set"].count("ROLLSET_HOOK_TOKEN") == 1
    assert found["log.txt"].splitlines() == [
        "2027-01-15T08:00:00.123Z ERROR rollset.door",
        "  engine/runtime/turn.py:12 adopt",
        "  ...:3 look",
        "  ValueError",
    ]
    checks = {check["name"]: check for check in json.loads(found["checks.json"])}
    assert checks["database"]["ok"] and "sound" in checks["database"]["words"]


def test_equal_texts_are_equal_in_one_report_and_different_in_the_next() -> None:
    one, other = Veil(), Veil()

    assert one.mark("web") == one.mark("web") != other.mark("web")


def test_numbers_that_are_texts_are_hidden_unless_they_number_an_instance() -> None:
    veil = Veil()

    told = veil.value({"instance_id": "7", "name": "1234", "zone": "1", "settings_json": "4711", "image": ["1234"]})
    assert told["instance_id"] == "7" and told["zone"] == "1"
    assert "1234" not in json.dumps(told) and "4711" not in json.dumps(told)


def test_the_id_of_an_upgrade_in_a_sentence_does_not_tell_its_scale_set() -> None:
    told = Veil().sentence("upgrade payroll-12-3fa2c1: differs, and upgrade web-1-0a1b2c. 3 events")

    assert "payroll" not in told and "web" not in told
    assert told.startswith("upgrade #") and " differs, and upgrade #" in told and told.endswith(" 3 events")


def test_nesting_without_end_is_cut() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    assert "..." in json.dumps(Veil().value(deep))


def test_a_damaged_database_and_a_missing_one_give_a_report_too(state_dir: Path, tmp_path: Path) -> None:
    (state_dir / DATABASE).write_bytes(b"\0" * 10_000)
    assert json.loads(report(state_dir)["events.jsonl"]) == {"unreadable": "StoreCorruptError"}
    bug_report(tmp_path / "nothing", tmp_path / "second.tar.gz", now=NOW)
    assert json.loads(contents(tmp_path / "second.tar.gz")["files.json"]) == []


def test_a_file_that_is_there_is_not_overwritten(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = state_dir.parent / "mine"
    target.write_text("precious")
    with pytest.raises(InputError, match="exists"):
        bug_report(state_dir, target, now=NOW)
    assert reporting.main(["--state-dir", str(state_dir), str(target)]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 2
    assert target.read_text() == "precious"


def test_every_verdict_of_a_command_is_counted_without_its_words(state_dir: Path) -> None:
    assert json.loads(report(state_dir)["commands.json"]) == [["start", 1, 1]]
    assert CommandJudged.__name__ in Veil().text("CommandJudged")
