"""What one answer says, and when answers change an instance's health."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.read_probe import HealthRecord, read_answer, track
from engine.model.health import Health, HealthSource, HealthSourceKind

PROBE = HealthSource(HealthSourceKind.LOAD_BALANCER_PROBE, "http", 80, "/", 5.0, 2, 0.0)
BINARY = replace(PROBE, kind=HealthSourceKind.APPLICATION_HEALTH_BINARY)
RICH = replace(PROBE, kind=HealthSourceKind.APPLICATION_HEALTH_RICH, number_of_probes=1, grace_period_s=60.0)
H, U, K, G, N = Health.HEALTHY, Health.UNHEALTHY, Health.UNKNOWN, Health.INITIALIZING, Health.NOT_OBSERVED


@pytest.mark.parametrize("source", (PROBE, BINARY))
@pytest.mark.parametrize(
    ("answered", "status", "health"),
    ((True, 200, H), (True, 204, U), (True, 301, U), (True, 503, U), (True, None, U), (False, None, U)),
)
def test_probe_and_binary_extension_know_200_alone(
    source: HealthSource, answered: bool, status: int | None, health: Health
) -> None:
    assert read_answer(source, answered, status, b"") is health


@pytest.mark.parametrize("source", (PROBE, BINARY, RICH))
def test_over_tcp_a_connection_is_healthy_and_there_is_no_unknown(source: HealthSource) -> None:
    tcp = replace(source, protocol="tcp")
    assert read_answer(tcp, True, None, b"") is H
    assert read_answer(tcp, False, None, b"") is U


@pytest.mark.parametrize(
    ("status", "body", "health"),
    (
        (200, b'{"ApplicationHealthState":"Healthy"}', H),
        (202, b'{"applicationhealthstate":"HEALTHY","more":1}', H),
        (299, b'{"ApplicationHealthState":"Unhealthy"}', U),
        (200, b'{"ApplicationHealthState":"Fine"}', K),
        (200, b'{"ApplicationHealthState":null}', K),
        (200, b'{"state":"Healthy"}', K),
        (200, b'["Healthy"]', K),
        (200, b"OK", K),
        (200, b"", K),
        (200, b"\xff\xfe\xfa", K),
        (200, b"[" * 100_000, K),
        (199, b'{"ApplicationHealthState":"Healthy"}', K),
        (300, b'{"ApplicationHealthState":"Healthy"}', K),
        (503, b'{"ApplicationHealthState":"Healthy"}', K),
        (None, b"", K),
    ),
)
def test_the_rich_extension_reads_2xx_with_its_json(status: int | None, body: bytes, health: Health) -> None:
    assert read_answer(RICH, True, status, body) is health
    assert read_answer(RICH, False, status, body) is K


def seen(source: HealthSource, *samples: tuple[float, Health]) -> list[Health]:
    record, states = HealthRecord(), []
    for clock, sample in samples:
        record = track(record, sample, clock, source)
        states.append(record.state)
    return states


def test_so_many_equal_answers_in_a_row_change_the_state_the_first_one_too() -> None:
    assert seen(PROBE, (0, H), (5, H), (10, U), (15, U)) == [N, H, H, U]


def test_another_answer_between_begins_the_count_anew() -> None:
    assert seen(PROBE, (0, H), (5, H), (10, U), (15, H), (20, U), (25, U)) == [N, H, H, H, H, U]


def test_inside_the_grace_period_no_answer_is_initializing_and_after_it_unknown() -> None:
    assert seen(RICH, (10, K), (69.9, K), (70, K)) == [G, G, K]


def test_over_tcp_no_connection_inside_the_grace_period_is_initializing_and_after_it_unhealthy() -> None:
    assert seen(replace(RICH, protocol="tcp"), (10, U), (70, U)) == [G, U]


def test_an_answer_that_counts_ends_initializing_at_once() -> None:
    assert seen(RICH, (0, K), (5, H), (10, K)) == [G, H, K]
    assert seen(RICH, (0, K), (5, U), (10, K)) == [G, U, G]


def test_only_the_rich_extension_is_ever_initializing() -> None:
    assert seen(replace(PROBE, number_of_probes=1, grace_period_s=60.0), (0, U)) == [U]


def test_initializing_too_takes_so_many_answers() -> None:
    assert seen(replace(RICH, number_of_probes=2), (0, K), (5, K)) == [N, G]


def test_so_many_answers_in_a_row_as_the_model_says_and_not_one_less() -> None:
    source = replace(PROBE, number_of_probes=4)
    record = HealthRecord()
    states = []
    for sample in (H, H, H, H, U, U, U, H, U, U, U, U):
        record = track(record, sample, 1.0, source)
        states.append(record.state)
    assert states == [N, N, N, H, H, H, H, H, H, H, H, U]
