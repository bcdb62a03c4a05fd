"""Random upgrades on the pure core: fleets, policies, faults and commands from a seed; invariants after each event."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import simulate
from tests.simulation.pure_world import PureWorld
from tests.simulation.recipe import MEDIAN_INSTANCES, MOST_INSTANCES, TROUBLES, Recipe, draw_recipe

FOUND = (116, 307, 508, 565, 723, pytest.param(1_026_630, marks=pytest.mark.long))
"""Five hung on an instance that was held, protected and released; the last, of 1,000, meets its time limit at work."""
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(3600)
def test_every_random_upgrade_ends_and_no_invariant_falls(long_run: bool) -> None:
    tally = simulate.run_many(0, 100_000 if long_run else 10_000)
    assert not tally.failures, simulate.how_to_repeat(tally.failures)
    # and none of the ends is missing from what was simulated
    assert set(tally.ended) == {"Completed", "Cancelled", "Faulted", "RolledBack"}


@pytest.mark.parametrize("seed", FOUND)
def test_seeds_that_once_failed_hold(seed: int) -> None:
    assert simulate.failure_of(draw_recipe(seed)) is None


def test_fleets_are_small_mostly_and_one_in_200_is_large() -> None:
    sizes = sorted(draw_recipe(seed).instances for seed in range(4000))
    assert abs(sizes[2000] - MEDIAN_INSTANCES) <= 1
    assert sizes[0] <= 1
    assert 10 <= sum(size == MOST_INSTANCES for size in sizes) <= 30
    kinds = {name: sum(bool(getattr(draw_recipe(seed), name)) for seed in range(200)) for name in TROUBLES}
    assert all(0 < enabled < 200 for enabled in kinds.values()), kinds


def test_the_same_seed_gives_the_same_trace_in_another_process() -> None:
    code = "from tests.simulation.simulate import trace_digest; print(trace_digest(range(40)))"
    other = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert other.stdout.strip() == simulate.trace_digest(range(40))


def test_another_seed_gives_another_trace() -> None:
    assert simulate.trace_digest([1]) != simulate.trace_digest([2])


def test_a_failing_seed_is_made_smaller_and_says_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a defect that shows with 3 instances or more once an operator asked for something
    class Broken(PureWorld):
        def meddle(self) -> None:
            super().meddle()
            assert self.recipe.instances < 3, "three are too many"

    monkeypatch.setattr(simulate, "PureWorld", Broken)
    tally = simulate.run_range(0, 40)
    assert tally.failures
    # when it is made smaller
    small = simulate.shrink(draw_recipe(min(tally.failures)))
    # then no more is left than it needs
    assert small.instances == 3
    assert small.commands == 1
    assert [name for name in TROUBLES if getattr(small, name)] == ["operators"]
    said = simulate.how_to_repeat(tally.failures)
    assert f"scripts/simulate 1 {small.words()} --trace" in said
    assert "three are too many" in said


def test_the_words_of_a_recipe_make_the_same_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    usual = next(recipe for recipe in map(draw_recipe, range(100)) if recipe.operators and recipe.broken_share)
    small = Recipe(usual.seed, 3, operators=usual.operators, commands=2)
    assert simulate.main(["1", *small.words().split(), "--trace"]) == 0
    said = capsys.readouterr().out
    assert str(small) in said
    assert "UpgradeStarted" in said


def test_many_seeds_are_summed_up_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate.main(["20", "--seed", "100"]) == 0
    assert capsys.readouterr().out.startswith("20 upgrades, ")
