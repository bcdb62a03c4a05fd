"""Applying documents: all of them or none, unchanged ones recognised, policies kept beside scale sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from engine.decide.plan_upgrade import make_plan
from engine.model import events as e
from engine.model.errors import InputError, NotFoundError, RefusedError
from engine.model.plan import StartRequest
from engine.runtime import answers
from engine.runtime.apply import delete_policy
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from tests.unit.runtime.conftest import ANA, apply, scale_set_document

POLICY = {"kind": "rollset.policy/v1", "name": "webs", "scaleSets": ["web*"], "healthWindow": "PT2M"}


def test_a_set_applied_again_is_unchanged_and_writes_nothing(engine: Engine) -> None:
    apply(engine, scale_set_document())
    head = engine.head

    assert [r["action"] for r in apply(engine, scale_set_document())] == ["unchanged"]
    assert engine.head == head


def test_what_show_prints_is_unchanged_after_scaling_and_a_start(engine: Engine) -> None:
    apply(engine, scale_set_document())
    key = engine.find_set("web").key
    image = engine.state.images["contoso:web:stable:1.1.0"].reference
    turn = engine.turn()
    turn.on_scale_set(key, e.CapacityChanged(4), e.ModelImageChanged(image, (), None, "a start on a pinned set"))
    engine.commit(turn)

    shown = answers.set_detail(engine, engine.find_set("web"))["azure"]["model"]

    assert shown["sku"]["capacity"] == 4
    assert shown["properties"]["virtualMachineProfile"]["storageProfile"]["imageReference"]["version"] == "1.1.0"
    assert [r["action"] for r in apply(engine, shown)] == ["unchanged"]


def test_the_first_document_applied_again_brings_capacity_and_image_back(engine: Engine) -> None:
    apply(engine, scale_set_document())
    turn = engine.turn()
    turn.on_scale_set(engine.find_set("web").key, e.CapacityChanged(4))
    engine.commit(turn)

    assert [r["action"] for r in apply(engine, scale_set_document())] == ["changed"]
    assert engine.find_set("web").capacity == 3


def test_secrets_are_neither_kept_nor_a_difference(engine: Engine) -> None:
    document = scale_set_document()
    system = {"adminUsername": "ana", "adminPassword": "canary-1", "customData": "canary-2"}
    document["properties"]["virtualMachineProfile"]["osProfile"] = system
    (created,) = apply(engine, document)

    assert "customData" in created["warnings"][0]
    assert "canary" not in engine.find_set("web").document
    assert [r["action"] for r in apply(engine, document)] == ["unchanged"]


def test_one_bad_document_among_good_ones_changes_nothing(engine: Engine) -> None:
    head = engine.head
    bad = scale_set_document(name="other", location=7)

    with pytest.raises(InputError, match=r"input\.json\[1\]: location is 7"):
        apply(engine, scale_set_document(), bad, POLICY)
    assert (engine.head, engine.state.scale_sets, engine.state.policies) == (head, {}, {})


def test_the_same_set_twice_is_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match=r"web is in input\.json\[0\] already"):
        apply(engine, scale_set_document(), scale_set_document(location="northeurope"))


def test_an_image_that_is_not_published_is_refused_with_those_that_are(engine: Engine) -> None:
    document = scale_set_document()
    reference = document["properties"]["virtualMachineProfile"]["storageProfile"]["imageReference"]
    reference["version"] = "9.9.9"

    with pytest.raises(InputError, match=r"9\.9\.9 is not published; published versions: 1\.0\.0, 1\.1\.0"):
        apply(engine, document)


def test_a_production_set_wants_its_name_for_a_change_but_not_for_none(engine: Engine) -> None:
    production = scale_set_document(tags={"environment": "production"})
    apply(engine, production)

    assert [r["action"] for r in apply(engine, production)] == ["unchanged"]
    with pytest.raises(RefusedError, match="needs its name typed"):
        apply(engine, production | {"sku": {"capacity": 5}})
    changed = apply(engine, production | {"sku": {"capacity": 5}}, confirmed="web")
    assert [r["action"] for r in changed] == ["changed"]


def test_a_policy_is_created_changed_and_recognised(engine: Engine) -> None:
    assert apply(engine, POLICY) == [
        {"name": "policy webs (version 1)", "action": "created", "warnings": ["web* fits no scale set yet"]}
    ]
    assert apply(engine, scale_set_document(), POLICY)[0]["action"] == "unchanged"
    (changed,) = apply(engine, POLICY | {"upgradeTimeout": "PT1H"})
    assert (changed["name"], changed["action"]) == ("policy webs (version 2)", "changed")


def test_a_policy_outlives_the_engine_and_its_deletion_too(new_engine: Callable[[], Engine]) -> None:
    apply(new_engine(), POLICY)
    second = new_engine()
    assert second.state.policies["webs"].health_window_s == 120.0

    second.commit(delete_policy(second, "WEBS", ANA, None).turn)
    assert second.state.policies == {}
    assert new_engine().state.policies == {}
    with pytest.raises(NotFoundError, match="no policy is called 'webs'; there are: none yet"):
        delete_policy(second, "webs", ANA, None)


def test_a_plan_takes_the_policys_values_and_names_it(engine: Engine) -> None:
    apply(engine, scale_set_document(), POLICY)

    plan, settings, _ = make_plan(
        engine.find_set("web"),
        engine.state.images,
        StartRequest(to="1.1.0"),
        room_free_bytes=None,
        policies=engine.state.policies.values(),
    )
    assert settings.health_window_s == 120.0
    assert [s.origin for s in plan.settings if s.name == "healthWindow"] == ["policy webs (version 1)"]


def test_several_production_sets_are_confirmed_by_all_their_names(engine: Engine) -> None:
    sets = [scale_set_document(name=name, tags={"environment": "production"}) for name in ("web", "api")]
    apply(engine, *sets)
    larger = [document | {"sku": {"capacity": 4}} for document in sets]

    with pytest.raises(RefusedError, match="web, api are tagged environment=production") as refusal:
        apply(engine, *larger, confirmed="web")
    assert refusal.value.next_step == "Add --confirm web,api"
    assert engine.find_set("web").capacity == 3
    assert [r["action"] for r in apply(engine, *larger, confirmed="api, web")] == ["changed", "changed"]


BALANCER_ID = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rollset/providers"
    "/Microsoft.Network/loadBalancers/lb"
)


def balancer(path: str) -> dict[str, Any]:
    probe = {"protocol": "Http", "port": 8080, "requestPath": path}
    return {
        "type": "Microsoft.Network/loadBalancers",
        "id": BALANCER_ID,
        "name": "lb",
        "properties": {"probes": [{"name": "health", "properties": probe}]},
    }


def probed_document() -> dict[str, Any]:
    document = scale_set_document()
    profile = document["properties"]["virtualMachineProfile"]
    profile["networkProfile"] = {"healthProbe": {"id": f"{BALANCER_ID}/probes/health"}}
    return document


def test_a_changed_probe_of_a_load_balancer_reaches_the_sets_that_point_to_it(engine: Engine) -> None:
    apply(engine, balancer("/health"), probed_document(), scale_set_document(name="other"))
    before = engine.find_set("web")

    results = apply(engine, balancer("/ready"))

    after = engine.find_set("web")
    assert [r["name"] for r in results] == ["lb", "web"]
    assert after.model.health is not None and after.model.health.path == "/ready"
    assert (after.model_version, after.instances) == (before.model_version, before.instances)
    assert [r["name"] for r in apply(engine, balancer("/ready"))] == ["lb"]
    assert [r["action"] for r in apply(engine, probed_document())] == ["unchanged"]


def test_a_probe_cannot_change_under_a_live_upgrade(engine: Engine) -> None:
    apply(engine, balancer("/health"), probed_document())
    door = EngineDoor(engine)
    anyio.run(partial(door.command, "start", {"set": "web", "to": "1.1.0", "at": 2_000.0}, ANA))

    with pytest.raises(RefusedError, match="health probe of web cannot change"):
        apply(engine, balancer("/ready"))
    assert engine.find_set("web").model.health == engine.probes[f"{BALANCER_ID}/probes/health".lower()]
