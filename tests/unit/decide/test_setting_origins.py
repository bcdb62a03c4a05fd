"""Each setting of a run comes from the first source that says something, and the plan names it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decide.settle_settings import settle_settings
from engine.model.image import ImageReference
from engine.model.plan import StartRequest
from engine.model.policy import RestoreFailed, RollingUpgradePolicy
from engine.model.policy_document import PolicyDocument, fit, policies_for
from engine.model.scale_set import ScaleSet, ScaleSetModel

KEY = "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachinescalesets/web-eu"


def scale_set(**model: Any) -> ScaleSet:
    image = ImageReference("p", "o", "s", "1.0.0")
    return ScaleSet(KEY, KEY, "web-eu", "westeurope", "Local", 10, ScaleSetModel(image, **model))


def settled(name: str, of: ScaleSet, request: StartRequest, *policies: PolicyDocument) -> tuple[str, str]:
    _, shown = settle_settings(of, request, by_user=True, policies=policies)
    return next((s.value, s.origin) for s in shown if s.name == name)


def test_a_limit_comes_from_the_run_then_the_model_then_a_policy_then_the_default() -> None:
    stated = scale_set(
        policy=RollingUpgradePolicy(max_unhealthy_instance_percent=30), stated=("max_unhealthy_instance_percent",)
    )
    policy = PolicyDocument("org", ("*",), max_unhealthy_instance_percent=40)
    run = StartRequest(max_unhealthy_percent=50)
    name = "maxUnhealthyInstancePercent"

    assert settled(name, stated, run, policy) == ("50 %", "this run")
    assert settled(name, stated, StartRequest(), policy) == ("30 %", "the set's rolling upgrade policy")
    assert settled(name, scale_set(), StartRequest(), policy) == ("40 %", "policy org (version 1)")
    assert settled(name, scale_set(), StartRequest()) == ("20 %", "default")


def test_our_own_settings_come_from_the_run_then_a_policy_then_the_default() -> None:
    policy = PolicyDocument("org", ("*",), 3, health_window_s=60.0, upgrade_timeout_s=7200.0)

    assert settled("healthWindow", scale_set(), StartRequest(health_window_s=9), policy) == ("9 s", "this run")
    assert settled("upgradeTimeout", scale_set(), StartRequest(), policy) == ("2 h", "policy org (version 3)")
    assert settled("healthWindow", scale_set(), StartRequest()) == ("300 s", "default")


def test_a_count_for_the_batch_is_the_runs_whatever_a_policy_says() -> None:
    policy = PolicyDocument("org", ("*",), max_batch_instance_percent=50)

    assert settled("maxBatchInstancePercent", scale_set(), StartRequest(batch="3"), policy) == (
        "3 instances",
        "this run",
    )


def test_disable_automatic_rollback_beats_defaults_but_no_explicit_value() -> None:
    quiet = scale_set(disable_automatic_rollback=True)
    policy = PolicyDocument("org", ("*",), restore_failed=RestoreFailed.ON_BREACH)
    name = "restoreFailed"

    assert settled(name, quiet, StartRequest()) == ("never", "disableAutomaticRollback of the model")
    assert settled(name, quiet, StartRequest(), policy) == ("on_breach", "policy org (version 1)")
    assert settled(name, quiet, StartRequest(restore_failed="always"), policy) == ("always", "this run")
    assert settled(name, scale_set(), StartRequest())[0] == "always"


@pytest.mark.parametrize(
    ("by_user", "model", "want"),
    (
        (False, {}, RestoreFailed.ALWAYS),
        (False, {"disable_automatic_rollback": True}, RestoreFailed.NEVER),
        (True, {}, RestoreFailed.NEVER),
        (True, {"disable_automatic_rollback": True}, RestoreFailed.NEVER),
        (
            True,
            {"policy": RollingUpgradePolicy(rollback_failed_instances_on_policy_breach=True)},
            RestoreFailed.ON_BREACH,
        ),
    ),
)
def test_azures_way_of_restoring_depends_on_who_starts(by_user: bool, model: Any, want: RestoreFailed) -> None:
    policy = PolicyDocument("org", ("*",), restore_failed=RestoreFailed.AZURE)

    settings, shown = settle_settings(scale_set(**model), StartRequest(), by_user=by_user, policies=[policy])
    assert settings.restore_failed is want
    assert "policy org (version 1): azure" in [s.origin for s in shown]


def test_the_closest_fitting_policy_speaks_first_field_by_field() -> None:
    everything = PolicyDocument(
        "a-org", ("*",), health_window_s=1.0, upgrade_timeout_s=1.0, pause_between_batches_s=1.0
    )
    family = PolicyDocument("b-webs", ("web-*",), health_window_s=2.0, upgrade_timeout_s=2.0)
    exact = PolicyDocument("c-one", ("db", "WEB-EU"), health_window_s=3.0)
    policies = (everything, exact, family)

    assert settled("healthWindow", scale_set(), StartRequest(), *policies)[0] == "3 s"
    assert settled("upgradeTimeout", scale_set(), StartRequest(), *policies)[0] == "2 s"
    assert settled("pauseTimeBetweenBatches", scale_set(), StartRequest(), *policies)[0] == "1 s"


@pytest.mark.parametrize(
    ("pattern", "fits"),
    (
        ("web-eu", True),
        ("WEB-EU", True),
        ("web-*", True),
        ("*", True),
        ("*eu", True),
        ("w*b*u", True),
        ("web-e*eu", False),
        ("web", False),
        ("*-us", False),
        ("/subscriptions/*/web-eu", True),
        (KEY, True),
        ("/subscriptions/other/*", False),
        ("." * 6, False),
    ),
)
def test_patterns(pattern: str, fits: bool) -> None:
    assert (fit(pattern, "web-eu", KEY) is not None) is fits


def test_a_pattern_of_many_stars_is_quick() -> None:
    assert fit("*a" * 8 + "*b", "a" * 500, "k") is None


def test_of_equal_fits_the_first_name_speaks() -> None:
    second, first = PolicyDocument("two", ("web-*",)), PolicyDocument("one", ("*b-eu",))

    assert [p.name for p in policies_for((second, first), "web-eu", KEY)] == ["one", "two"]


def test_the_budget_of_extensions_is_a_default_unless_the_model_states_it() -> None:
    name = "extensionsTimeBudget"
    stated = scale_set(extension_budget_s=900.0, stated=("extension_budget_s",))

    assert settled(name, scale_set(), StartRequest()) == ("5400 s", "default")
    assert settled(name, stated, StartRequest()) == ("900 s", "the model's extensionProfile")
