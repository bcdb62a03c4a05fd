"""Two plans that would do the same are one; what is different is named, and refuses the start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.decide.plan_drift import plan_differences, refuse_if_drifted
from engine.decide.plan_upgrade import make_plan
from engine.model.errors import RefusedError
from engine.model.health import Health
from engine.model.plan import Plan, StartRequest
from engine.model.scale_set import ScaleSet
from tests.unit.decide.given import ENOUGH_BYTES, V1, V2, V3, images, instance, scale_set


def plan(over: ScaleSet | None = None, **request: Any) -> Plan:
    asked = StartRequest(**({"to": "2.0.0"} | request))
    return make_plan(over or scale_set(), images(V1, V2, V3), asked, room_free_bytes=ENOUGH_BYTES)[0]


def test_the_same_fleet_and_request_have_the_same_hash_whatever_the_health() -> None:
    assert plan().hash == plan().hash
    sick = scale_set([instance(str(i), health=Health.UNKNOWN) for i in range(10)])
    assert plan(sick).hash == plan().hash
    refuse_if_drifted(plan(), plan(sick))


@pytest.mark.parametrize(
    ("change", "said"),
    (
        ({"over": scale_set(9)}, "instance 9 has left"),
        ({"over": scale_set(11)}, "instance 10 is new"),
        ({"over": scale_set(model_version=3)}, "model_version was 1, is 3"),
        ({"to": "3.0.0"}, "target was contoso:web:stable:2.0.0, is contoso:web:stable:3.0.0"),
        ({"batch": "3"}, "maxBatchInstancePercent was 20 %, is 3 instances"),
        (
            {"over": scale_set([instance("0", image=V2), *(instance(str(i)) for i in range(1, 10))])},
            f"instance 0 was {V1}, is {V2} alreadyCurrent: already on the target",
        ),
        (
            {"over": scale_set([instance("0", zone="2"), *(instance(str(i)) for i in range(1, 10))])},
            "instance 0 was in zone none, update domain 0, is in zone 2, update domain 0",
        ),
    ),
)
def test_whatever_drifted_is_named(change: dict[str, Any], said: str) -> None:
    saved, fresh = plan(), plan(**change)
    assert any(said in difference for difference in plan_differences(saved, fresh))
    with pytest.raises(RefusedError) as refusal:
        refuse_if_drifted(saved, fresh)
    assert refusal.value.code == "PlanDrifted"
    assert said in refusal.value.message


def test_a_plan_file_changed_by_hand_is_refused() -> None:
    with pytest.raises(RefusedError, match="changed by hand"):
        refuse_if_drifted(replace(plan(), hash="0"), plan())


def test_an_option_beside_the_plan_is_told_as_what_it_is() -> None:
    with pytest.raises(
        RefusedError, match="the settings are not those of the plan: maxBatchInstancePercent"
    ) as refusal:
        refuse_if_drifted(plan(), plan(batch="3"))
    assert "beside --plan" in refusal.value.next_step
    with pytest.raises(RefusedError, match="the fleet is not as it was"):
        refuse_if_drifted(plan(), plan(scale_set(9), batch="3"))
