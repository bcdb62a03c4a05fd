"""A plan never goes down, nor leaves a rolled-back version out, without a word."""

from __future__ import annotations

from engine.decide.plan_upgrade import make_plan
from engine.model.plan import StartRequest
from engine.model.scale_set import ScaleSet
from tests.unit.decide.given import V1, V2, V3, images, instance, scale_set

ALL = images(V1, V2, V3)
LATEST = {"image": V1.with_version("latest")}


def warned(of: ScaleSet, to: str | None = None, *, rollback: bool = False) -> list[str]:
    plan, _, _ = make_plan(of, ALL, StartRequest(to=to), room_free_bytes=None, rollback=rollback)
    return [f"{c.words} ({c.cure})" for c in plan.checks if c.level == "warned"]


def test_a_version_that_was_rolled_back_here_is_named_with_the_way_to_take_it() -> None:
    blocked = scale_set(2, model=LATEST, blocked_versions=("3.0.0",))
    assert any(
        "3.0.0 was rolled back here: `latest` leaves it out" in said
        and "--to 3.0.0" in said
        and "rollset image include contoso:web:stable:3.0.0" in said
        for said in warned(blocked)
    )
    assert not any("rolled back here" in said for said in warned(blocked, "3.0.0"))
    assert not any("rolled back here" in said for said in warned(scale_set(2, blocked_versions=("3.0.0",)), "2.0.0"))


def test_going_down_is_warned_of_but_not_in_a_rollback() -> None:
    mixed = scale_set([instance("0", image=V3), instance("1", image=V3), instance("2")], model=LATEST)
    assert any("2 instances go down to 2.0.0, from 3.0.0" in said for said in warned(mixed, "2.0.0"))
    assert not any("down" in said for said in warned(mixed, "3.0.0") + warned(mixed, "2.0.0", rollback=True))
