"""Settings in words, their edges, and the defaults that are promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.settle_settings import parse_batch, settle_settings, shown_settings
from engine.model.errors import InputError
from engine.model.plan import StartRequest
from engine.model.policy import RunSettings
from tests.unit.decide.given import scale_set


def shown(settings: RunSettings) -> dict[str, str]:
    return {setting.name: setting.value for setting in shown_settings(settings, {})}


@pytest.mark.parametrize(
    ("seconds", "words"),
    (
        (0.0, "0 s"),
        (90.0, "90 s"),
        (0.25, "0.25 s"),
        (3_599.0, "3599 s"),
        (3_600.0, "1 h"),
        (43_200.0, "12 h"),
        (86_399.0, "86399 s"),
        (86_400.0, "1 day"),
        (86_401.0, "86401 s"),
        (172_800.0, "2 days"),
        (1_209_600.0, "14 days"),
        (90_000.0, "25 h"),
        (1_234_567.5, "1234567.5 s"),
    ),
)
def test_whole_days_and_hours_are_told_as_such_and_all_else_in_seconds(seconds: float, words: str) -> None:
    assert shown(replace(RunSettings(), upgrade_timeout_s=seconds))["upgradeTimeout"] == words


def test_what_is_switched_on_or_off_is_told_as_true_or_false() -> None:
    settings = RunSettings()
    for truth, word in ((True, "true"), (False, "false")):
        policy = replace(settings.policy, enable_cross_zone_upgrade=truth, prioritize_unhealthy_instances=not truth)
        found = shown(replace(settings, policy=policy))
        assert found["enableCrossZoneUpgrade"] == word
        assert found["prioritizeUnhealthyInstances"] != word


def test_what_nobody_said_is_as_promised() -> None:
    settings, origins = settle_settings(scale_set(), StartRequest(to="2.0.0"), by_user=True)
    assert (settings.health_window_s, settings.upgrade_timeout_s) == (300.0, 86_400.0)
    assert settings.previous_disk_retention_s == 14 * 86_400.0
    said = {setting.name: setting.origin for setting in origins}
    assert said["restoreFailed"] == "default of the command line (Azure: user starts do not restore)"
    _, origins = settle_settings(scale_set(), StartRequest(to="2.0.0"), by_user=False)
    said = {setting.name: setting.origin for setting in origins}
    assert said["restoreFailed"] == "default of platform starts: azure"


def test_a_rollback_takes_the_unhealthy_first_and_no_limit_stops_it() -> None:
    cautious = {"prioritize_unhealthy_instances": False, "max_unhealthy_instance_percent": 10}
    plain, _ = settle_settings(scale_set(policy=cautious), StartRequest(to="2.0.0"), by_user=True)
    assert plain.policy.prioritize_unhealthy_instances is False
    assert plain.policy.max_unhealthy_instance_percent == 10
    back, _ = settle_settings(scale_set(policy=cautious), StartRequest(to="2.0.0"), by_user=True, rollback=True)
    assert back.policy.prioritize_unhealthy_instances is True
    assert back.policy.max_unhealthy_instance_percent == 100
    assert back.policy.max_unhealthy_upgraded_instance_percent == 100


@pytest.mark.parametrize(
    ("text", "found"),
    (("1", (1, None)), ("999999", (999_999, None)), ("5%", (None, 5)), ("100 %", (None, 100)), (" 20% ", (None, 20))),
)
def test_the_smallest_and_largest_batches_are_taken(text: str, found: tuple[int | None, int | None]) -> None:
    assert parse_batch(text) == found


@pytest.mark.parametrize("text", ("0", "4%", "101%", "1000000", "-1", "", "%", "3.5", "٣"))
def test_any_other_batch_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is neither a number of instances"):
        parse_batch(text)


@pytest.mark.parametrize(("seconds", "taken"), ((0.0, False), (0.5, True), (31_536_000.0, True), (31_536_001.0, False)))
def test_a_time_is_more_than_nothing_and_at_most_a_year(seconds: float, taken: bool) -> None:
    request = StartRequest(to="2.0.0", timeout_s=seconds)
    if taken:
        assert settle_settings(scale_set(), request, by_user=True)[0].upgrade_timeout_s == seconds
        return
    with pytest.raises(InputError, match="more than 0 and at most a year"):
        settle_settings(scale_set(), request, by_user=True)
