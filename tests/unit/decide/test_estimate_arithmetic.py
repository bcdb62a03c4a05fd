"""The arithmetic behind the time of the end: by hand where chance has no part, and the very numbers where it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.decide.draws import quantile
from engine.decide.estimate import (
    ASSUMED,
    DRAWS,
    Belief,
    Course,
    Pace,
    assumed_pace,
    believe,
    course_of,
    eta_range,
    late_after_s,
    learn_pace,
    member_times,
    plan_range,
    time_left,
)
from engine.model.upgrade import Direction, MemberState, Now, Upgrade
from tests.unit.decide.given_times import ran

PACE = Pace(mean_log=3.0, spread=0.5, count=20.0, run_spread=0.2)
SURE = Belief(mean=math.log(10), error=0.0, spread=1e-9, freedom=1e15)
"""Every member takes 10 s."""
LN2 = math.log(2)


def with_pauses(upgrade: Upgrade, seconds: float) -> Upgrade:
    rules = replace(upgrade.settings.policy, pause_between_batches_s=seconds)
    return replace(upgrade, settings=replace(upgrade.settings, policy=rules))


def with_members(upgrade: Upgrade, names: Sequence[str], **changes: object) -> Upgrade:
    changed = {name: replace(upgrade.members[name], **changes) for name in names}  # type: ignore[arg-type]  # any field
    return replace(upgrade, members={**upgrade.members, **changed})


# --- what was learned -----------------------------------------------------------------------------------------------


def test_what_is_assumed_of_a_set_never_upgraded() -> None:
    assert math.exp(ASSUMED.mean_log) == pytest.approx(20.0)
    assert (ASSUMED.spread, ASSUMED.count, ASSUMED.run_spread, ASSUMED.failing) == (0.6, 1.0, 1.0, 0.0)
    assert ASSUMED.origin == "assumed: 20 s a member, as this set was never upgraded"
    assert math.exp(assumed_pace("local").mean_log) == pytest.approx(2.0)
    assert assumed_pace("simulated") is ASSUMED


def test_members_that_ended_teach_and_those_under_way_do_not() -> None:
    run = ran([[0.5, 4.0], [3.0, 9.0]], until=8.0)
    assert member_times(with_members(run, ["m2.1"], since_at=6.0)) == [0.5, 4.0, 3.0]


def test_two_runs_give_their_mean_and_what_differs_within_and_between_them() -> None:
    # given a run of 10, 20, 40 s and one of 20, 40, 80 s, which are steps of ln 2
    pace = learn_pace([ran([[10.0, 20.0, 40.0]]), ran([[20.0, 40.0], [80.0]], started_at=500.0)])
    # then the mean is between them; four squares of ln 2, and two of the assumption, give what differs within
    assert pace.mean_log == pytest.approx(math.log(20) + LN2 / 2)
    assert pace.spread**2 == pytest.approx((4 * LN2**2 + 2 * 0.6**2 / 4) / (6 - 2 + 2))
    # and half a square of ln 2, less what six members by chance would do, gives what differs between runs
    between = (4 * 0.1**2 + LN2**2 / 2 - pace.spread**2 / 3) / 5
    assert pace.run_spread == pytest.approx(math.sqrt(between * 1.5))
    assert (pace.count, pace.failing) == (6.0, 0.0)
    assert pace.origin == "the last 2 upgrades of this set, 6 members: 28.3 s in the middle"


def test_runs_that_differ_less_than_chance_would_have_it_count_as_alike() -> None:
    pace = learn_pace([ran([[10.0, 40.0]]), ran([[10.0, 40.0]], started_at=100.0), ran([[10.0, 40.0]], 200.0)])
    assert pace.run_spread == pytest.approx(math.sqrt(4 * 0.1**2 / 6 * (1 + 1 / 3)))


def test_one_run_says_nothing_of_how_runs_differ() -> None:
    pace = learn_pace([ran([[10.0, 40.0]])])
    assert pace.run_spread == pytest.approx(0.1 * math.sqrt(2))
    assert pace.spread**2 == pytest.approx((2 * LN2**2 + 2 * 0.6**2 / 4) / 3)
    assert pace.origin == "the last 1 upgrade of this set, 2 members: 20 s in the middle"


def test_only_ended_runs_of_two_members_or_more_teach_and_of_these_the_newest_five() -> None:
    one = ran([[7.0]], started_at=10_000.0)
    live = ran([[500.0, 500.0], [500.0, 900.0]], started_at=11_000.0, until=11_600.0)
    runs = [ran([[10.0 * 2**n] * 2], started_at=1_000.0 * n) for n in range(6)]
    pace = learn_pace([one, *runs[3:], live, *runs[:3]])
    assert pace.origin.startswith("the last 5 upgrades of this set, 10 members")
    assert pace.mean_log == pytest.approx(math.log(10) + 3 * LN2)


def test_the_share_that_failed_is_of_those_that_had_a_new_disk() -> None:
    names = [f"m1.{n}" for n in range(5)]
    run = with_members(ran([[5.0, 6.0, 7.0, 8.0, 9.0]]), names[:4], replaced=True)
    assert learn_pace([with_members(run, names[:1], judged_failed=True)]).failing == 0.25


# --- what is believed -----------------------------------------------------------------------------------------------


def test_with_nothing_seen_the_prior_is_believed() -> None:
    belief = believe(PACE, [], [])
    assert (belief.mean, belief.spread, belief.freedom) == (3.0, 0.5, 19.0)
    assert belief.error == pytest.approx(math.sqrt(0.2**2 + 0.5**2 / 20))
    assert believe(replace(PACE, count=2.0), [], []).freedom == 3.0
    assert believe(replace(PACE, count=4.5), [], []).freedom == 3.5


def test_ended_members_and_the_prior_have_their_say_by_weight() -> None:
    times = [10.0, 30.0, 20.0, 25.0]
    belief = believe(PACE, [*times, 0.0, 0.5], [])
    logs = [math.log(t) for t in (*times, 0.5)]
    prior, each = 1 / (0.2**2 + 0.5**2 / 20), 1 / belief.spread**2
    assert belief.mean == pytest.approx((3.0 * prior + sum(logs) * each) / (prior + 5 * each), rel=1e-6)
    assert belief.error == pytest.approx(1 / math.sqrt(prior + 5 * each), rel=1e-6)
    squares = 19 * 0.5**2 + sum((x - belief.mean) ** 2 for x in logs)
    assert belief.spread == pytest.approx(math.sqrt(squares / (19 + 5)), rel=1e-6)
    assert belief.freedom == 24.0


@pytest.mark.parametrize("ages", ([30.0] * 3, [5.0, 200.0], [0.0] * 4, [5_000.0]))
def test_members_under_way_pull_the_mean_to_where_they_are_most_likely(ages: list[float]) -> None:
    """At the top of the likelihood, what pulls back to history is what the members still out pull away."""
    belief = believe(PACE, [20.0, 30.0], ages)
    each, pull = belief.spread**2, 0.0
    for age in ages:
        z = (round(math.log(max(age, 0.01)), 2) - belief.mean) / belief.spread
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        pull += density / (0.5 * math.erfc(z / math.sqrt(2))) / belief.spread
    pull += sum(math.log(t) - belief.mean for t in (20.0, 30.0)) / each
    assert pull == pytest.approx((belief.mean - 3.0) / (0.2**2 + 0.5**2 / 20), abs=0.05)


@pytest.mark.parametrize(
    ("pace", "ended", "flying", "mean", "error", "spread"),
    (
        (PACE, [10.0, 30.0], [50.0, 50.0, 5.0], 3.201754511656668, 0.18228804300102824, 0.5768440480313877),
        (replace(PACE, count=2.0), [], [1000.0], 3.125760317992147, 0.4018425285870904, 2.535615825045978),
        (replace(PACE, mean_log=-1.0), [], [0.5] * 3, -0.7328717366564186, 0.1931132988257795, 0.502895195092877),
    ),
)
def test_the_same_facts_are_believed_to_the_last_digit(
    pace: Pace, ended: list[float], flying: list[float], mean: float, error: float, spread: float
) -> None:
    belief = believe(pace, ended, flying)
    assert (belief.mean, belief.error, belief.spread) == pytest.approx((mean, error, spread), rel=1e-9)


# --- what is left ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("course", "seconds"),
    (
        (Course((), [3]), 10.0),
        (Course((), [2, 2, 5]), 30.0),
        (Course((), [2] * 7), 70.0),
        (Course((), [], pauses_s=45.0), 45.0),
        (Course([4.0] * 3, []), 6.0),
        (Course([7.64] * 2, []), 2.4),
        (Course([0.0] * 2, []), 10.0),
        (Course([4.0, 7.5], [2], pauses_s=45.0), 61.0),
        (Course((), [2], health_window_s=90.0, windows=2), 10.0 + 2 * (90.0 + 9.0)),
        (Course((), [2, 2], health_window_s=90.0, failing=0.5), 20.0 + 2 * 0.75 * (90.0 + 9.0)),
    ),
)
def test_where_every_member_takes_ten_seconds_the_rest_is_known(course: Course, seconds: float) -> None:
    left = time_left(SURE, course)
    assert len(left) == DRAWS
    assert left == pytest.approx([seconds] * DRAWS, rel=1e-6)


def test_a_member_that_should_have_ended_long_ago_takes_a_moment_more() -> None:
    assert 0.0 <= time_left(SURE, Course([50.0], []))[-1] < 1e-3


def middle(belief: Belief, course: Course) -> float:
    return quantile(time_left(belief, course, draws=2_000), 0.5)


def test_a_batch_takes_as_long_as_its_slowest_member() -> None:
    """The middle of the slowest of n is where each stays below with the n-th root of a half."""
    belief = Belief(mean=math.log(10), error=0.0, spread=0.5, freedom=1e9)
    assert middle(belief, Course((), [1])) == pytest.approx(10.0, rel=0.04)
    assert middle(belief, Course((), [9])) == pytest.approx(10.0 * math.exp(0.5 * 1.4455), rel=0.04)
    assert middle(belief, Course((), [9] * 40)) == pytest.approx(40 * middle(belief, Course((), [9])), rel=0.1)


def test_doubt_about_the_pace_widens_the_range_and_moves_all_batches_together() -> None:
    sure, unsure = Belief(math.log(10), 0.0, 0.1, 1e9), Belief(math.log(10), 0.4, 0.1, 1e9)
    course = Course((), [2] * 20)
    of_sure, of_unsure = (time_left(b, course, draws=1_000) for b in (sure, unsure))
    assert of_sure[900] / of_sure[100] < 1.1
    assert of_unsure[900] / of_unsure[100] == pytest.approx(math.exp(2 * 1.2816 * 0.4), rel=0.1)


@pytest.mark.parametrize(
    ("belief", "course", "low", "high"),
    (
        (Belief(3.0, 0.2, 0.5, 7.0), Course([4.0, 4.0, 60.0], [5, 5, 2], 30.0), 118.0256486853184, 258.81737505859036),
        (Belief(3.0, 0.2, 0.5, 2.0), Course((), [5] * 10, failing=0.02), 561.056291505746, 1807.207938783547),
        (Belief(3.0, 0.0, 0.9, 4.0), Course([30.0] * 6, [1]), 54.979214850849914, 464.5314962769185),
    ),
)
def test_the_same_belief_and_course_give_the_same_seconds(
    belief: Belief, course: Course, low: float, high: float
) -> None:
    left = time_left(belief, course)
    assert (quantile(left, 0.1), quantile(left, 0.9)) == pytest.approx((low, high), rel=1e-9)
    assert time_left(belief, course, seed="another") != left


# --- what is told ---------------------------------------------------------------------------------------------------


def test_what_is_left_of_a_run_counts_from_the_open_batch() -> None:
    # given two of three batches begun, one member of the second at its end
    upgrade = with_pauses(ran([[10.0, 12.0], [5.0, 30.0, 40.0], [9.0]], until=20.0), 60.0)
    course = course_of(upgrade, [1, 1], Now(20.0, 20.0))
    # then two are under way since 8 s; the next batch waits for its pause, and the one after it for another
    assert course == Course([8.0, 8.0], [1, 1], 120.0, 300.0)
    assert course_of(upgrade, [], Now(20.0, 20.0)).pauses_s == 0.0
    assert course_of(upgrade, [1], Now(7.0, 20.0)).flying_s == [0.0, 0.0]


def test_between_batches_only_what_is_left_of_the_pause_is_waited_for() -> None:
    upgrade = with_pauses(ran([[10.0], [9.0], [9.0]], until=5.0), 60.0)
    waiting = replace(upgrade, batches=(replace(upgrade.batches[0], ended_at=10.0),), next_batch_clock=70.0)
    assert course_of(waiting, [1, 1], Now(30.0, 30.5)).pauses_s == 60.0 + 39.5
    assert course_of(waiting, [1], Now(90.0, 90.0)).pauses_s == 0.0


def test_failures_of_this_run_say_how_many_will_fail_while_it_goes_forward() -> None:
    names = [f"m1.{n}" for n in range(4)]
    run = with_members(ran([[5.0, 6.0, 7.0, 8.0], [9.0]], until=8.5), names[:3], replaced=True)
    failing = with_members(run, names[:2], judged_failed=True)
    assert course_of(failing, [1], Now(8.5, 8.5)).failing == 2 / 4
    assert course_of(run, [1], Now(8.5, 8.5)).failing == 0.0
    back = replace(failing, direction=Direction.BACK)
    assert course_of(back, [1], Now(8.5, 8.5)).failing == 0.0


def test_the_end_counts_from_now_or_from_a_later_start() -> None:
    upgrade = ran([[10.0, 12.0], [5.0, 30.0]], until=4.0)
    plain = eta_range(upgrade, PACE, [2], Now(4.0, 4.0))
    assert plain is not None
    left = time_left(believe(PACE, [], [4.0, 4.0]), Course([4.0, 4.0], [2]))
    assert plain == pytest.approx((4.0 + quantile(left, 0.1), 4.0 + quantile(left, 0.9)), rel=1e-12)
    later = eta_range(replace(upgrade, starts_not_before_at=500.0), PACE, [2], Now(4.0, 4.0))
    assert later == pytest.approx((plain[0] + 496.0, plain[1] + 496.0), rel=1e-12)
    assert eta_range(replace(upgrade, cancelling=True), PACE, [2], Now(4.0, 4.0)) is None


def test_the_range_of_a_plan() -> None:
    assert plan_range(PACE, [5, 5, 2], 30.0) == pytest.approx((128.61086480887985, 227.8968821185733), rel=1e-9)
    assert plan_range(PACE, [5] * 3, 0.0) == pytest.approx((74.2426489692602, 188.6567995830181), rel=1e-9)
    assert plan_range(PACE, [5] * 4, 0.0) == pytest.approx((101.1361688272797, 227.74880081515204), rel=1e-9)
    assert plan_range(PACE, [5] * 10, 30.0) == pytest.approx((536.9227684908235, 831.1331497717298), rel=1e-9)


def test_one_batch_has_no_pause_before_nor_after_it() -> None:
    assert plan_range(PACE, [5], 60.0) == plan_range(PACE, [5], 0.0)


def test_what_is_late_is_judged_by_the_other_batches() -> None:
    upgrade = ran([[10.0, 12.0], [5.0, 30.0, 40.0]], started_at=1_000.0, until=1_020.0)
    late = late_after_s(upgrade, PACE)
    other = time_left(believe(PACE, [10.0, 12.0], ()), Course((), (3,)), seed="late")
    assert late == pytest.approx(quantile(other, 0.99))
    # and neither one that a clock set back lets end at once, nor one that failed, teaches anything
    odd = with_members(upgrade, ["m1.0"], since_at=1_000.0)
    assert late_after_s(odd, PACE) == late_after_s(with_members(upgrade, ["m1.0"], state=MemberState.FAILED), PACE)
    assert late_after_s(odd, PACE) != late
