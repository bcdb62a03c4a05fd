"""Chance that belongs to its parts: the same again, spread as it should be."""

from __future__ import annotations

import statistics

import pytest

from engine.decide.draws import chance, gauss, lognormal, picked, quantile


def test_the_same_parts_always_draw_the_same_number() -> None:
    assert chance("a", 1) == chance("a", 1)
    assert chance("a", 1) != chance("a", 2)
    assert chance("ab") != chance("a", "b")
    assert gauss("a") == gauss("a")


def test_numbers_lie_from_0_up_to_1_and_are_spread_evenly() -> None:
    drawn = [chance("x", i) for i in range(2000)]
    assert all(0 <= number < 1 for number in drawn)
    assert abs(statistics.fmean(drawn) - 0.5) < 0.02


def test_normal_numbers_have_mean_0_and_deviation_1() -> None:
    drawn = [gauss("x", i) for i in range(2000)]
    assert abs(statistics.fmean(drawn)) < 0.06
    assert abs(statistics.pstdev(drawn) - 1) < 0.06


def test_lognormal_times_have_the_median_asked_for_and_none_below_zero() -> None:
    drawn = [lognormal(20.0, 0.35, i) for i in range(2000)]
    assert abs(statistics.median(drawn) - 20.0) < 0.6
    assert lognormal(0.0, 0.35, 1) == 0.0
    assert lognormal(7.0, 0.0, 1) == 7.0


@pytest.mark.parametrize(("share", "value"), ((0.0, 10.0), (0.5, 25.0), (0.25, 17.5), (1.0, 40.0)))
def test_a_quantile_lies_between_its_neighbours(share: float, value: float) -> None:
    assert quantile([10.0, 20.0, 30.0, 40.0], share) == value
    assert quantile([3.0], share) == 3.0


def test_names_are_picked_by_luck_and_the_same_again() -> None:
    names = [str(i) for i in range(10)]
    first = picked(names, 3, "seed")
    assert first == picked(reversed(names), 3, "seed")
    assert len(set(first)) == 3
    assert first != picked(names, 3, "another")
