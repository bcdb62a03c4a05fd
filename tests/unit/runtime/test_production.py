"""What reaches into a production set by another way than its own verbs asks for its name too."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.errors import RefusedError
from engine.runtime.apply import delete_policy
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.verbs import carry_out
from tests.unit.runtime.conftest import ANA, apply, scale_set_document

pytestmark = pytest.mark.anyio
PRODUCTION = {"environment": "production"}


def policy(*patterns: str, **values: Any) -> dict[str, Any]:
    return {"kind": "rollset.policy/v1", "name": "webs", "scaleSets": list(patterns), "healthWindow": "PT2M"} | values


@pytest.fixture
def production(engine: Engine) -> Engine:
    """An engine with a production set `web` and a set `test` that is none."""
    apply(engine, scale_set_document(tags=PRODUCTION), scale_set_document(name="test"))
    return engine


def test_a_policy_of_a_production_set_wants_the_sets_name(production: Engine) -> None:
    with pytest.raises(RefusedError, match="web is tagged environment=production: apply needs its name") as refusal:
        apply(production, policy("*"))
    assert refusal.value.next_step == "Add --confirm web"
    assert production.state.policies == {}

    assert apply(production, policy("*"), confirmed="web")[0]["action"] == "created"
    assert apply(production, policy("*"))[0]["action"] == "unchanged"
    for changed in (policy("*", healthWindow="PT9M"), policy("test")):
        with pytest.raises(RefusedError, match="needs its name"):
            apply(production, changed)
    assert apply(production, policy("test"), confirmed="web")[0]["action"] == "changed"
    assert apply(production, policy("test", healthWindow="PT9M"))[0]["action"] == "changed"


def test_its_deletion_too(production: Engine) -> None:
    apply(production, policy("*"), confirmed="web")

    with pytest.raises(RefusedError, match="policy delete needs its name typed"):
        delete_policy(production, "webs", ANA, "test")
    production.commit(delete_policy(production, "webs", ANA, "web").turn)

    assert production.state.policies == {}


async def test_production_instances_end_with_their_sets_name_only(production: Engine) -> None:
    for confirmed in ({}, {"confirm": "test"}):
        with pytest.raises(RefusedError, match="engine stop --with-instances needs its name"):
            await carry_out(production, "engine-stop", {"with_instances": True, **confirmed}, ANA)
    assert production.draining is None and not production.stop_instances

    await carry_out(production, "engine-stop", {"with_instances": True, "confirm": "web"}, ANA)

    assert production.draining is not None and production.stop_instances


async def test_a_stop_that_leaves_them_alone_asks_nobody(production: Engine) -> None:
    await carry_out(production, "engine-stop", {}, ANA)

    assert production.draining is not None and not production.stop_instances


async def test_instances_of_no_production_set_end_unasked(engine: Engine) -> None:
    apply(engine, scale_set_document(name="test"), scale_set_document(tags=PRODUCTION, sku={"capacity": 0}))

    await carry_out(engine, "engine-stop", {"with_instances": True}, ANA)

    assert engine.stop_instances


async def test_a_plain_stop_beside_one_that_ends_the_instances_does_not_take_that_back(engine: Engine) -> None:
    apply(engine, scale_set_document())
    await carry_out(engine, "engine-stop", {"with_instances": True}, ANA)

    told = await carry_out(engine, "engine-stop", {}, Caller(1001, "omar", {}))

    assert engine.stop_instances == "ana"
    assert told["with_instances"] and "and its instances with it" in told["message"]
