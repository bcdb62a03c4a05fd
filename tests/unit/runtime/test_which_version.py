"""Which version new instances take after a stopped or rolled-back run, and how an operator sees it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest

from engine.model import events as e
from engine.model.errors import InputError, NotFoundError
from engine.model.upgrade import Outcome
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.image_warnings import image_warnings
from tests.unit.decide.given import Run
from tests.unit.runtime.conftest import ANA, apply, apply_healthy, scale_set_document

NEW = "contoso:web:stable:1.1.0"


@pytest.fixture
def door(engine: Engine) -> EngineDoor:
    """`web` on `latest`, three healthy instances on 1.0.0, as a Faulted run to 1.1.0 left it."""
    apply_healthy(engine)
    apply(engine, latest())
    key, image = engine.find_set("web").key, engine.find_set("web").model.image
    turn = engine.turn()
    turn.on_scale_set(key, e.ModelImageChanged(image, (), "1.0.0", "upgrade web-1 ended Faulted"))
    engine.commit(turn)
    return EngineDoor(engine)


def latest(**changes: Any) -> dict[str, Any]:
    document = scale_set_document(**changes)
    document["properties"]["virtualMachineProfile"]["storageProfile"]["imageReference"]["version"] = "latest"
    return document


def tagged(script_tag: str, capacity: int) -> dict[str, Any]:
    document = latest(sku={"name": "Local", "capacity": capacity})
    extension = {
        "name": "setup",
        "properties": {
            "publisher": "Microsoft.Azure.Extensions",
            "type": "CustomScript",
            "typeHandlerVersion": "2.1",
            "forceUpdateTag": script_tag,
            "settings": {"commandToExecute": "true"},
        },
    }
    document["properties"]["virtualMachineProfile"]["extensionProfile"] = {"extensions": [extension]}
    return document


def block(engine: Engine, *versions: str) -> None:
    found = engine.find_set("web")
    turn = engine.turn()
    turn.on_scale_set(found.key, e.ModelImageChanged(found.model.image, versions, found.good_version, "rolled back"))
    engine.commit(turn)


def ask(door: EngineDoor, query: str, **arguments: str) -> Any:
    return anyio.run(partial(door.query, query, arguments, ANA))


def test_another_extension_leaves_the_last_good_version_and_says_so(door: EngineDoor) -> None:
    (result,) = apply(door.engine, tagged("2", capacity=5))

    assert "new instances take 1.0.0" in " ".join(result["warnings"])
    made = door.engine.find_set("web")
    assert (made.instances["3"].image.version, made.instances["4"].image.version) == ("1.0.0", "1.0.0")


def test_another_image_in_the_model_is_the_operators_word(door: EngineDoor) -> None:
    apply(door.engine, scale_set_document())

    assert door.engine.find_set("web").good_version is None


def test_a_rolled_back_version_is_seen_in_show_the_image_list_and_the_plan(door: EngineDoor) -> None:
    block(door.engine, "1.1.0")

    shown = ask(door, "set", name="web")["ours"]
    assert shown["blocked_versions"] == ["1.1.0"]
    assert f"rollset image include {NEW}" in " ".join(shown["warnings"])
    assert {i["reference"]: i["blocked_by"] for i in ask(door, "images")["images"]}[NEW] == ["web"]
    warned = [c["words"] for c in ask(door, "plan", set="web")["plan"]["checks"] if c["level"] == "warned"]
    assert any("1.1.0 was rolled back here" in words for words in warned)


def test_image_include_lifts_the_block(door: EngineDoor) -> None:
    block(door.engine, "0.9.0", "1.1.0")

    answer = anyio.run(partial(door.command, "image-include", {"reference": NEW}, ANA))

    assert answer["lifted_in"] == ["web"]
    assert door.engine.find_set("web").blocked_versions == ("0.9.0",)
    assert ask(door, "plan", set="web")["plan"]["target"] == NEW


def test_after_a_rollback_it_is_not_said_that_an_upgrade_did_not_complete(door: EngineDoor) -> None:
    ended = replace(Run().upgrade, outcome=Outcome.COMPLETED, is_rollback_of="web-1")

    (said,) = image_warnings(door.engine.find_set("web"), ended)
    assert said == "the last upgrade was a rollback: the model names latest, new instances take 1.0.0"


def test_protection_from_actions_without_protection_from_scale_in_is_refused(door: EngineDoor) -> None:
    asked = {"set": "web", "instance": "0", "from_actions": True, "from_scale_in": False}

    with pytest.raises(InputError, match="protectFromScaleSetActions cannot be true while protectFromScaleIn is false"):
        anyio.run(partial(door.command, "protect", asked, ANA))
    assert not door.engine.find_set("web").instances["0"].protected_from_actions
    anyio.run(partial(door.command, "protect", {"set": "web", "instance": "0", "from_actions": True}, ANA))
    assert door.engine.find_set("web").instances["0"].protected_from_scale_in


def test_explain_of_a_name_that_two_sets_have_asks_for_the_id(door: EngineDoor) -> None:
    key = door.engine.find_set("web").resource_id
    apply(door.engine, scale_set_document(id=key.replace("resourceGroups/", "resourceGroups/other-")))

    with pytest.raises(NotFoundError, match="2 scale sets are called 'web'"):
        ask(door, "explain", what="web")


def test_an_apply_of_nothing_is_refused(door: EngineDoor) -> None:
    with pytest.raises(InputError, match="nothing to apply"):
        anyio.run(partial(door.command, "apply", {"documents": []}, ANA))


def test_another_fleet_in_the_tags_is_told_to_do_nothing(door: EngineDoor) -> None:
    (result,) = apply(door.engine, latest(tags={"rollset-fleet": "simulated"}))

    assert "cannot move to another fleet, its instances stay on local" in " ".join(result["warnings"])
    assert door.engine.find_set("web").fleet == "local"


def test_an_automatic_upgrade_that_starts_nothing_is_told(door: EngineDoor) -> None:
    document = latest()
    document["properties"]["upgradePolicy"]["automaticOSUpgradePolicy"] = {"enableAutomaticOSUpgrade": True}

    (result,) = apply(door.engine, document)
    assert "starts no upgrade by itself here" in " ".join(result["warnings"])
