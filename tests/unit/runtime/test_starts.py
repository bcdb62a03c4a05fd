"""Starting: as planned, at a time, in the words of the set; new instances take the version that was asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest

from engine.model import events as e
from engine.model.errors import InputError, NotFoundError, RefusedError
from engine.model.upgrade import UpgradeState
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from tests.unit.runtime.conftest import ANA, apply, apply_healthy

POLICY = {"kind": "rollset.policy/v1", "scaleSets": ["web"], "healthWindow": "PT2M"}


@pytest.fixture
def door(engine: Engine) -> EngineDoor:
    """The door of an engine with a healthy set `web` of three instances on 1.0.0."""
    apply_healthy(engine)
    return EngineDoor(engine)


def command(door: EngineDoor, verb: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = anyio.run(partial(door.command, verb, {"set": "web", **arguments}, ANA))
    return answer


def plan(door: EngineDoor, **arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = anyio.run(partial(door.query, "plan", {"set": "web", **arguments}, ANA))
    saved: dict[str, Any] = json.loads(json.dumps(answer["plan"]))
    return saved


def test_a_saved_plan_starts_to_its_target_with_its_settings(door: EngineDoor) -> None:
    saved = plan(door, to="1.1.0", batch="2", health_window="9", max_unhealthy="50")

    upgrade = door.engine.state.upgrades[command(door, "start", plan=saved)["upgrade"]["id"]]
    assert str(upgrade.target) == "contoso:web:stable:1.1.0"
    assert (upgrade.settings.batch_count, upgrade.settings.health_window_s) == (2, 9.0)
    assert upgrade.settings.policy.max_unhealthy_instance_percent == 50


def test_a_plan_of_a_fleet_that_has_drifted_is_refused_with_the_differences(door: EngineDoor) -> None:
    saved = plan(door, to="1.1.0")
    command(door, "hold", instance="1", reason="under repair")
    apply(door.engine, POLICY)

    with pytest.raises(RefusedError) as refusal:
        command(door, "start", plan=saved)
    assert refusal.value.code == "PlanDrifted"
    assert "instance 1 was" in refusal.value.message and "under repair" in refusal.value.message
    assert "healthWindow was 300 s, is 120 s" in refusal.value.message
    assert door.engine.state.upgrades == {}


def test_an_option_beside_a_plan_that_says_otherwise_is_a_difference(door: EngineDoor) -> None:
    saved = plan(door, to="1.1.0")

    with pytest.raises(RefusedError, match=r"target was contoso:web:stable:1\.1\.0, is contoso:web:stable:1\.0\.0"):
        command(door, "start", plan=saved, to="1.0.0")
    assert command(door, "start", plan=saved, to="1.1.0", step=True)["upgrade"]["state"] == "RollingForward"


@pytest.mark.parametrize("plan_file", ({}, {"scale_set": "web"}, {"batches": 7}))
def test_a_file_that_is_no_plan_is_bad_input(door: EngineDoor, plan_file: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="this is not a saved plan"):
        command(door, "start", plan=plan_file)


def test_a_start_at_a_time_waits_visibly_and_touches_nothing(door: EngineDoor) -> None:
    upgrade = command(door, "start", to="1.1.0", at=5000.0)["upgrade"]

    assert upgrade["state"] == UpgradeState.CHECKING
    assert (upgrade["blocked_by"]["kind"], upgrade["blocked_by"]["until_at"]) == ("StartTime", 5000.0)
    assert upgrade["counters"]["inProgress"] == 0


def test_policies_are_copied_at_the_start_and_later_changes_leave_the_run_alone(door: EngineDoor) -> None:
    apply(door.engine, POLICY)
    name = command(door, "start", to="1.1.0", at=5000.0)["upgrade"]["id"]

    apply(door.engine, POLICY | {"healthWindow": "PT1M"})
    assert door.engine.state.upgrades[name].settings.health_window_s == 120.0


def test_after_a_cancelled_start_new_instances_take_the_last_good_version_unless_told_otherwise(
    door: EngineDoor,
) -> None:
    command(door, "start", to="1.1.0", at=5000.0)
    command(door, "cancel")
    shown = anyio.run(partial(door.query, "set", {"name": "web"}, ANA))["ours"]
    assert "the model names 1.1.0, new instances take 1.0.0" in shown["warnings"][0]

    command(door, "scale", capacity=4)
    command(door, "scale", capacity=5, to="1.1.0")
    instances = door.engine.find_set("web").instances
    assert [instances[name].image.version for name in ("3", "4")] == ["1.0.0", "1.1.0"]


def test_the_version_of_new_instances_is_checked(door: EngineDoor) -> None:
    with pytest.raises(InputError, match=r"9\.9\.9 is not published"):
        command(door, "scale", capacity=4, to="9.9.9")
    command(door, "start", to="1.1.0", at=5000.0)
    with pytest.raises(RefusedError, match="an upgrade is live"):
        command(door, "scale", capacity=4, to="1.0.0")
    assert door.engine.find_set("web").capacity == 3


def test_previous_disks_are_let_go_in_the_engines_own_time(door: EngineDoor) -> None:
    engine = door.engine
    key, image = engine.find_set("web").key, engine.state.images["contoso:web:stable:1.1.0"].reference
    apply(engine, POLICY | {"previousDiskRetention": "PT0S"})
    turn = engine.turn()
    turn.on_scale_set(key, e.InstanceDiskChanged("0", image, "d", "2", "1", image, True, "127.0.0.1:1"))
    turn.now = replace(turn.now, at=turn.now.at - 1.0)
    turn.on_scale_set(key, e.InstanceDiskChanged("1", image, "d", "2", "1", image, True, "127.0.0.1:2"))
    engine.commit(turn)

    anyio.run(engine.take_facts)

    assert [(x.kind.value, x.instance_id) for x in engine.state.open_effects.values() if x.disk] == [
        ("DiscardPreviousDisk", "1")
    ]


def test_a_hold_given_anew_keeps_what_it_does_not_say_and_the_answer_tells(door: EngineDoor) -> None:
    until = door.engine.clock.now().at + 7200.0

    def hold(**arguments: Any) -> tuple[str, float | None, str]:
        said = command(door, "hold", instance="1", **arguments)["message"]
        kept = door.engine.find_set("web").instances["1"].hold
        assert kept is not None
        return kept.reason, kept.until_at, said.partition("held out of batches")[2]

    assert hold() == ("held", None, "")
    assert hold() == ("held", None, "")
    assert hold(reason="bad disk", until=until) == ("bad disk", until, "")
    reason, kept, said = hold()
    assert (reason, kept) == ("bad disk", until)
    assert said.startswith("; its reason stays: bad disk; its end stays: ") and said.endswith(" UTC")
    assert hold(until=until + 60.0) == ("bad disk", until + 60.0, "; its reason stays: bad disk")
    reason, kept, said = hold(reason="still looked at")
    assert (reason, kept) == ("still looked at", until + 60.0)
    assert said.startswith("; its end stays: ")
    command(door, "release", instance="1")
    assert hold() == ("held", None, "")


@pytest.mark.parametrize("value", ("nan", "inf", "-inf", float("nan"), float("inf"), -1.0, 1e15, 10**400, True, "x"))
def test_a_time_that_is_none_is_refused_and_nothing_started(door: EngineDoor, value: object) -> None:
    for verb, arguments in (("start", {"to": "1.1.0", "at": value}), ("hold", {"instance": "1", "until": value})):
        with pytest.raises(InputError, match=r"\b(at|until) is"):
            command(door, verb, **arguments)
    assert door.engine.state.upgrades == {}
    assert door.engine.find_set("web").instances["1"].hold is None


@pytest.mark.parametrize("gone", (False, True))
def test_a_set_whose_deletion_begins_while_its_fleet_is_asked_is_not_upgraded(
    door: EngineDoor, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    engine = door.engine

    async def room_bytes() -> int:
        turn = engine.turn("bo")
        turn.on_scale_set(engine.find_set("web").key, e.ScaleSetDeleted() if gone else e.ScaleSetDeleting("bo", ""))
        engine.commit(turn)
        return 10**12

    monkeypatch.setattr(engine.fleets["local"], "room_bytes", room_bytes)

    with pytest.raises(NotFoundError if gone else RefusedError, match="no scale set" if gone else "is being deleted"):
        command(door, "start", to="1.1.0")
    assert engine.state.upgrades == {}
