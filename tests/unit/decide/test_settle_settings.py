"""The values a run is bound to, and which ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decide.settle_settings import parse_batch, settle_settings
from engine.model.errors import InputError
from engine.model.plan import StartRequest
from engine.model.policy import RestoreFailed, RunSettings
from engine.model.policy_document import PolicyDocument
from engine.model.scale_set import ScaleSet
from tests.unit.decide.given import scale_set

R = RestoreFailed
BREACH: dict[str, Any] = {"policy": {"rollback_failed_instances_on_policy_breach": True}}
OFF: dict[str, Any] = {"model": {"disable_automatic_rollback": True}}


def settled(over: ScaleSet | None = None, *, by_user: bool = True, **request: Any) -> RunSettings:
    return settle_settings(over or scale_set(), StartRequest(**request), by_user=by_user)[0]


@pytest.mark.parametrize(
    ("text", "read"),
    (("3", (3, None)), (" 20% ", (None, 20)), ("5 %", (None, 5)), ("100%", (None, 100)), ("999999", (999999, None))),
)
def test_a_batch_is_a_count_or_a_share(text: str, read: tuple[int | None, int | None]) -> None:
    assert parse_batch(text) == read


@pytest.mark.parametrize("text", ("", "%", "0", "-1", "4%", "101%", "1.5", "٣", "ten", "1000000", "20%%"))
def test_any_other_batch_is_bad_input_that_shows_both_forms(text: str) -> None:
    with pytest.raises(InputError, match="neither a number of instances") as said:
        parse_batch(text)
    assert "--batch 3 or --batch 20%" in said.value.next_step


@pytest.mark.parametrize(
    ("over", "by_user", "asked", "restores"),
    (
        ({}, True, None, R.ALWAYS),
        ({}, False, None, R.ALWAYS),
        (OFF, True, None, R.NEVER),
        (OFF, False, None, R.NEVER),
        (OFF, True, "always", R.ALWAYS),
        (OFF, True, "on-breach", R.ON_BREACH),
        (OFF, False, "azure", R.NEVER),
        ({}, False, "azure", R.ALWAYS),
        ({}, True, "azure", R.NEVER),
        (BREACH, True, "azure", R.ON_BREACH),
        (BREACH, True, None, R.ALWAYS),
        (BREACH, False, "never", R.NEVER),
    ),
)
def test_restore_failed_is_resolved_once_at_the_start(
    over: dict[str, Any], by_user: bool, asked: str | None, restores: RestoreFailed
) -> None:
    assert settled(scale_set(**over), by_user=by_user, restore_failed=asked).restore_failed is restores


def test_a_policy_document_stands_between_the_command_and_the_origin() -> None:
    document = PolicyDocument("org", ("*",), restore_failed=R.AZURE)
    given, _ = settle_settings(scale_set(**BREACH), StartRequest(), by_user=True, policies=(document,))
    assert given.restore_failed is R.ON_BREACH
    told, _ = settle_settings(
        scale_set(**BREACH), StartRequest(restore_failed="never"), by_user=True, policies=(document,)
    )
    assert told.restore_failed is R.NEVER


@pytest.mark.parametrize(
    ("request_", "said"),
    (
        ({"restore_failed": "sometimes"}, "none of azure, always, on_breach, never"),
        ({"health_window_s": 0.0}, "--health-window is 0 seconds"),
        ({"health_window_s": float("nan")}, "--health-window is nan"),
        ({"timeout_s": 31_536_001.0}, "--timeout"),
        ({"max_unhealthy_percent": 4}, "maxUnhealthyInstancePercent is 4; it must be a whole number from 5 to 100"),
        ({"max_unhealthy_upgraded_percent": 101}, "maxUnhealthyUpgradedInstancePercent is 101"),
        ({"pause_between_batches_s": -1.0}, "pauseTimeBetweenBatches is -1 seconds"),
        ({"pause_between_batches_s": float("inf")}, "pauseTimeBetweenBatches is inf seconds"),
        ({"batch": "none"}, "--batch"),
    ),
)
def test_values_out_of_their_limits_are_bad_input(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        settled(**request_)


def test_values_at_their_limits_are_taken() -> None:
    given = settled(
        max_unhealthy_percent=5, max_unhealthy_upgraded_percent=0, pause_between_batches_s=0.0, timeout_s=31_536_000.0
    )
    assert given.policy.max_unhealthy_instance_percent == 5
    assert given.policy.max_unhealthy_upgraded_instance_percent == 0


def test_surge_is_refused_for_now() -> None:
    with pytest.raises(InputError, match="maxSurge is true"):
        settled(scale_set(policy={"max_surge": True}))
