"""Azure's limits of a rolling upgrade policy, at their edges."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.errors import InputError
from engine.model.policy import RollingUpgradePolicy, check_policy


@pytest.mark.parametrize(
    ("field", "low", "high"),
    (
        ("max_batch_instance_percent", 5, 100),
        ("max_unhealthy_instance_percent", 5, 100),
        ("max_unhealthy_upgraded_instance_percent", 0, 100),
        ("pause_between_batches_s", 0.0, 31_536_000.0),
    ),
)
def test_a_field_is_taken_at_its_limits_and_refused_beyond_them(field: str, low: Any, high: Any) -> None:
    for value in (low, high):
        check_policy(RollingUpgradePolicy(**{field: value}))
    for value in (low - 1, high + 1):
        with pytest.raises(InputError) as refusal:
            check_policy(RollingUpgradePolicy(**{field: value}))
        assert refusal.value.code == "InvalidParameter"
        assert f"is {value:g}" in refusal.value.message


def test_the_defaults_are_azures() -> None:
    policy = RollingUpgradePolicy()
    check_policy(policy)
    assert (
        policy.max_batch_instance_percent,
        policy.max_unhealthy_instance_percent,
        policy.max_unhealthy_upgraded_instance_percent,
        policy.pause_between_batches_s,
    ) == (20, 20, 20, 0.0)


def test_surge_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="maxSurge is true") as refusal:
        check_policy(RollingUpgradePolicy(max_surge=True))
    assert "false" in refusal.value.next_step
