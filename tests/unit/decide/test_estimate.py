"""The time of the end: the range holds the truth as often as it says, and what moves it."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest

from engine.decide.draws import gauss, normal_quantile, quantile
from engine.decide.estimate import (
    ASSUMED,
    HIGH,
    LOW,
    Course,
    Pace,
    believe,
    eta_range,
    late_after_s,
    learn_pace,
    member_times,
    plan_range,
    time_left,
)
from engine.decide.outlook import look_ahead
from engine.model.scale_set import ScaleSet, ScaleSetModel
from engine.model.upgrade import Hold, HoldKind, Now
from tests.unit.decide.given import TOLERANT, Run, scale_set
from tests.unit.decide.given_times import IMAGE, ran

SHAPES = ([2] * 5, [4] * 10, [1] * 10, [20] * 5, [50] * 8, [3, 3, 2, 3, 3, 2])


class Fleet:
    """A set of unknown pace: each run differs a little, each member more."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.mean = math.log(dice.choice((5, 20, 60, 200)))
        self.spread = dice.choice((0.2, 0.35, 0.6, 0.9))
        self.sizes = dice.choice(SHAPES)

    def run(self) -> list[list[float]]:
        mean = self.mean + self.dice.gauss(0, 0.1)
        return [[math.exp(self.dice.gauss(mean, self.spread)) for _ in range(size)] for size in self.sizes]


@pytest.mark.parametrize("past_runs", (1, 2, 4))
@pytest.mark.parametrize(
    "progress", (0.0, pytest.param(0.3, marks=pytest.mark.long), 0.6, pytest.param(0.9, marks=pytest.mark.long))
)
def test_the_truth_is_inside_the_range_in_75_to_85_of_100_runs(past_runs: int, progress: float, long_run: bool) -> None:
    dice = Random(5)
    inside, count = 0, 3_000 if long_run else 200
    for _ in range(count):
        fleet = Fleet(dice)
        pace = learn_pace([ran(fleet.run(), started_at=1_000.0 * n) for n in range(past_runs)])
        times = fleet.run()
        total = sum(max(batch) for batch in times)
        if progress == 0:
            low, high = plan_range(pace, fleet.sizes, 0.0)
        else:
            upgrade = ran(times, until=progress * total)
            to_come = fleet.sizes[len(upgrade.batches) :]
            found = eta_range(upgrade, pace, to_come, Now(progress * total, progress * total))
            assert found is not None
            low, high = found
        inside += low <= total <= high
    slack = 0.0 if long_run else 0.03  # 200 runs say it to 3 %
    assert 0.75 - slack <= inside / count <= 0.85 + slack, inside / count


def test_what_a_run_shows_moves_the_end_away_from_history() -> None:
    """Half of the batches were three times as slow as ever before: the rest is expected to be slow too."""
    dice = Random(1)
    usual = [[math.exp(dice.gauss(3, 0.2)) for _ in range(5)] for _ in range(8)]
    pace = learn_pace([ran(usual)])
    slow = [[3 * t for t in batch] for batch in usual]
    total = sum(max(batch) for batch in slow)
    upgrade = ran(slow, until=total / 2)
    found = eta_range(upgrade, pace, [5] * (8 - len(upgrade.batches)), Now(total / 2, 0.0))
    assert found is not None
    assert found[0] > 0.75 * total


def test_members_still_under_way_for_long_say_that_the_run_is_slow() -> None:
    early, late = believe(ASSUMED, [], [5.0] * 10), believe(ASSUMED, [], [500.0] * 10)
    assert late.mean > math.log(500) > early.mean


def test_without_history_an_assumption_is_named() -> None:
    assert learn_pace([]) is ASSUMED
    assert learn_pace([], "local").mean_log < ASSUMED.mean_log
    assert learn_pace([], "local").origin == "assumed: 2 s a member, as this set was never upgraded"
    assert "assumed" in ASSUMED.origin
    assert "2 upgrades of this set, 4 members" in learn_pace([ran([[1.0, 2.0]]), ran([[2.0, 3.0]], 50.0)]).origin


def test_failures_of_past_runs_make_room_for_the_health_window() -> None:
    belief = believe(ASSUMED, [], [])
    calm = time_left(belief, Course((), [5, 5]))
    troubled = time_left(belief, Course((), [5, 5], failing=0.5))
    assert quantile(troubled, 0.5) > quantile(calm, 0.5) + 300


def test_sick_members_end_with_their_health_window_and_tell_nothing_of_the_pace() -> None:
    # given a run whose members need 20 s, and three of four that wait for their health
    pace = Pace(mean_log=math.log(20), spread=0.3, count=100, run_spread=0.1)
    run = Run(scale_set(12, policy=TOLERANT), batch="4")
    run.swap()
    run.healthy("0")
    for waited_s in (60.0, 170.0, 280.0):
        run.wait(waited_s - (run.t - 1000.0))
        found = eta_range(run.upgrade, pace, [4, 4], run.now)
        # then at most the rest of their window is left, a restore, and two batches as ever
        assert found is not None
        assert found[1] - run.t < 300.0 - waited_s + 20.0 + 2 * 60.0, waited_s


def test_pauses_and_a_later_start_are_in_it() -> None:
    plain, paused = plan_range(ASSUMED, [2, 2, 2], 0.0), plan_range(ASSUMED, [2, 2, 2], 60.0)
    assert paused[0] == pytest.approx(plain[0] + 120)
    upgrade = replace(ran([[10.0]], until=-1.0), starts_not_before_at=5_000.0)
    found = eta_range(upgrade, ASSUMED, [1], Now(0.0, 0.0))
    assert found is not None
    assert found[0] > 5_000


def test_an_upgrade_that_is_held_or_over_has_no_end_to_tell() -> None:
    held = replace(
        ran([[9.0, 20.0]], until=10.0), holds={HoldKind.OPERATOR: Hold(HoldKind.OPERATOR, 1.0, "ana", "lunch")}
    )
    assert eta_range(held, ASSUMED, [], Now(10.0, 10.0)) is None
    assert eta_range(ran([[1.0]]), ASSUMED, [], Now(10.0, 10.0)) is None
    assert plan_range(ASSUMED, [], 60.0) == (0.0, 0.0)


def test_a_batch_that_takes_longer_than_it_should_is_called_late() -> None:
    pace = Pace(mean_log=math.log(10), spread=0.2, count=200, run_spread=0.1)
    upgrade = ran([[10.0, 11.0], [9.0, 500.0]], until=400.0)
    late = late_after_s(upgrade, pace)
    assert late is not None
    assert 12 < late < 40
    scale_set = ScaleSet("k", "/k", "web", "eu", "s", 0, ScaleSetModel(IMAGE))
    words = look_ahead(upgrade, scale_set, Now(400.0, 400.0), 0, None, late).blocked_words
    assert "batch 2 is LATE" in words
    assert "LATE" not in look_ahead(upgrade, scale_set, Now(15.0, 15.0), 0, None, late).blocked_words
    assert late_after_s(ran([[1.0]]), pace) is None


def test_member_times_count_from_the_beginning_of_the_batch() -> None:
    assert member_times(ran([[3.0, 5.0], [2.0, 4.0]])) == [3.0, 5.0, 2.0, 4.0]


def test_a_member_that_a_clock_set_back_lets_end_before_it_began_teaches_nothing() -> None:
    assert member_times(ran([[-1.0, 0.0, 2.0]])) == [2.0]


def test_draws_are_normal_and_the_same_every_time() -> None:
    drawn = sorted(gauss("a", n) for n in range(4_000))
    assert drawn[0] == min(gauss("a", n) for n in range(4_000))
    for share in (LOW, 0.5, HIGH):
        assert quantile(drawn, share) == pytest.approx(normal_quantile(share), abs=0.08)
