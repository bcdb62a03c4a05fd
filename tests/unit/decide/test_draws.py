"""Chance that belongs to its parts: the same again, spread as it should be."""

from __future__ import annotations

import math
import statistics

import pytest

from engine.decide.draws import chance, gauss, lognormal, normal_quantile, picked, quantile


def test_the_same_parts_always_draw_the_same_number() -> None:
    assert chance("a", 1) == chance("a", 1)
    assert chance("a", 1) != chance("a", 2)
    assert chance("ab") != chance("a", "b")
    assert gauss("a") == gauss("a")


def test_every_machine_draws_these_numbers() -> None:
    """Kept recordings and seeds in bug reports stand on them."""
    assert chance("a", 1) == 0.8028205869559715
    assert gauss("a", 1) == pytest.approx(-0.6333312336644177, rel=1e-14)
    assert lognormal(0.5, 2.0, "a", 1) == pytest.approx(0.5 * math.exp(2 * -0.6333312336644177), rel=1e-14)


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
    assert lognormal(0.0, 0.35, 1) == lognormal(-0.5, 0.35, 1) == 0.0
    assert lognormal(7.0, 0.0, 1) == 7.0


@pytest.mark.parametrize(("share", "value"), ((0.0, 10.0), (0.5, 25.0), (0.25, 17.5), (0.9, 37.0), (1.0, 40.0)))
def test_a_quantile_lies_between_its_neighbours(share: float, value: float) -> None:
    assert quantile([10.0, 20.0, 30.0, 40.0], share) == value
    assert quantile([3.0], share) == 3.0


SHARES = (1e-12, 1e-6, 0.001, 0.02, 0.0242, 0.0243, 0.03, 0.1, 0.2, 0.3, 0.45, 0.55, 0.7, 0.9, 0.97, 0.999, 0.999999)


@pytest.mark.parametrize("share", SHARES)
def test_the_normal_quantile_is_that_of_the_standard_library(share: float) -> None:
    assert normal_quantile(share) == pytest.approx(statistics.NormalDist().inv_cdf(share), rel=2e-9)


def test_the_normal_quantile_of_the_ends_is_far_out_and_no_error() -> None:
    assert normal_quantile(0.5) == 0.0
    assert normal_quantile(0.0) == normal_quantile(1e-15) == pytest.approx(-7.941345, abs=1e-6)
    assert normal_quantile(1.0) == normal_quantile(1 - 1e-15) == pytest.approx(7.941345, abs=1e-6)


def test_names_are_picked_by_luck_and_the_same_again() -> None:
    names = [str(i) for i in range(10)]
    first = picked(names, 3, "seed")
    assert first == picked(reversed(names), 3, "seed")
    assert first == sorted(names, key=lambda name: chance("seed", name))[:3]
    assert first != picked(names, 3, "another")
