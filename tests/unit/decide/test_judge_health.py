"""Shares against limits: strictly more than breaks them, and a restored member stays counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.judge_health import (
    failed_details,
    failures_notice,
    more_upgraded_stop_it,
    most_common_cause,
    must_stop,
    unhealthy_share,
    unhealthy_verdict,
    upgraded_share,
    upgraded_verdict,
)
from engine.decide.outlook import batches_to_come
from engine.model.codes import ErrorCode, ErrorDetail
from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.health import Health
from engine.model.shares import Share
from engine.model.upgrade import MemberState
from tests.unit.decide.given import SETUP, TOLERANT, V2, Run, instance, scale_set, upgrade_of

HALVES = {
    "max_unhealthy_instance_percent": 50,
    "max_unhealthy_upgraded_instance_percent": 20,
    "pause_between_batches_s": 60.0,
}


@pytest.mark.parametrize(
    ("bad", "total", "limit", "exceeded"),
    (
        (2, 10, 20, False),
        (3, 10, 20, True),
        (0, 10, 0, False),
        (1, 10, 0, True),
        (10, 10, 100, False),
        (0, 0, 0, False),
        (1, 5, 20, False),
        (1, 4, 20, True),
        (1, 99, 1, True),
        (1, 101, 1, False),
    ),
)
def test_a_limit_breaks_at_strictly_more_than_it(bad: int, total: int, limit: int, exceeded: bool) -> None:
    assert Share(bad, total, limit).exceeded is exceeded


@pytest.mark.parametrize(
    ("share", "percent"),
    (
        (Share(1, 3, 20), 33),
        (Share(5, 24, 20), 21),  # 20.8 %: shown as it was judged, never "20 %, more than 20 %"
        (Share(5, 24, 21), 20),
        (Share(0, 0, 20), 0),
        (Share(10, 10, 100), 100),
    ),
)
def test_percentages_are_whole_and_say_what_was_judged(share: Share, percent: int) -> None:
    assert share.percent == percent


@pytest.mark.parametrize(
    ("bad", "total", "limit", "more"),
    ((0, 10, 20, 3), (2, 10, 20, 1), (3, 10, 20, 0), (9, 10, 20, 0), (0, 4, 20, 1), (0, 99, 1, 1), (0, 10, 99, 10)),
)
def test_so_many_more_stop_it(bad: int, total: int, limit: int, more: int) -> None:
    share = Share(bad, total, limit)
    assert share.more_stop_it == more
    assert Share(bad + more, total, limit).exceeded
    assert not more or not Share(bad + more - 1, total, limit).exceeded


def test_no_number_exceeds_a_limit_of_all() -> None:
    assert Share(9, 10, 100).more_stop_it is None
    assert not Share(10, 10, 100).exceeded


@pytest.mark.parametrize(
    ("health", "counts"),
    (
        (Health.HEALTHY, 0),
        (Health.UNHEALTHY, 1),
        (Health.UNKNOWN, 1),
        (Health.INITIALIZING, 0),
        (Health.NOT_OBSERVED, 0),
    ),
)
def test_unhealthy_and_unknown_count_of_all_instances(health: Health, counts: int) -> None:
    over = scale_set([instance("0", health=health, image=V2, protected_from_actions=True), instance("1")])
    assert unhealthy_share(over, 20) == Share(counts, 2, 20)


def test_a_restored_member_stays_in_the_upgraded_share() -> None:
    # given two of the first two upgraded, one of which failed and was restored
    run = Run(scale_set(10, policy=TOLERANT))
    run.batch("1")
    run.act(EffectKind.RESTORE_OS_DISK)
    run.healthy()
    assert run.member("1").state is MemberState.ROLLED_BACK
    # then it is in the numerator and in the denominator
    assert upgraded_share(run.upgrade, run.set) == Share(1, 2, 100)


def test_a_successful_retry_takes_a_member_out_of_the_numerator() -> None:
    run = Run(scale_set(10, policy=TOLERANT), restore_failed="never")
    run.batch("1")
    run.command(Verb.PAUSE)
    run.batch()
    run.command(Verb.RETRY, "1")
    assert upgraded_share(run.upgrade, run.set) == Share(1, 4, 100)  # still, until it succeeds
    run.command(Verb.RESUME)
    run.run()
    assert run.state == "Completed"
    assert upgraded_share(run.upgrade, run.set) == Share(0, 10, 100)


def test_an_upgraded_instance_that_falls_ill_later_counts_and_one_that_recovers_does_not() -> None:
    run = Run(scale_set(10, policy=TOLERANT))
    run.batch()
    run.sick("0")
    assert upgraded_share(run.upgrade, run.set) == Share(1, 2, 100)
    run.healthy("0")
    assert upgraded_share(run.upgrade, run.set) == Share(0, 2, 100)


def test_an_upgraded_member_that_was_skipped_counts_as_one_that_ended() -> None:
    run = Run(scale_set(10, policy=TOLERANT))
    run.batch()
    member = next(m for m in run.upgrade.members.values() if m.replaced)
    skipped = replace(member, state=MemberState.LEFT_OUT)
    upgrade = replace(run.upgrade, members={**run.upgrade.members, member.id: skipped})
    assert upgraded_share(upgrade, run.set) == upgraded_share(run.upgrade, run.set) == Share(0, 2, 100)


def test_untouched_instances_and_those_in_progress_are_not_in_the_upgraded_share() -> None:
    run = Run(scale_set(10, policy=TOLERANT))
    run.sick("9")
    run.swap()
    assert upgraded_share(run.upgrade, run.set) == Share(0, 0, 100)


def test_an_instance_that_left_leaves_the_share() -> None:
    run = Run(scale_set(10, policy=TOLERANT), restore_failed="never")
    run.batch("1")
    run.remove("1")
    assert upgraded_share(run.upgrade, run.set) == Share(0, 1, 100)
    assert failed_details(run.upgrade) == ()


def test_after_the_end_an_instance_that_left_is_no_longer_asked() -> None:
    run = Run(scale_set(1))
    run.run()
    run.remove("0")
    assert upgraded_share(run.upgrade, run.set).bad == 0


def test_how_many_more_stop_it_is_told_for_the_end_of_the_running_batch() -> None:
    # given 20 instances in batches of 4, a limit of 25 % and one of the first batch failed
    run = Run(scale_set(20, policy={"max_unhealthy_upgraded_instance_percent": 25}), restore_failed="never")
    run.batch("0")
    run.swap()
    # then the second batch is of 3, of 7 upgraded at its end one may be bad, and one is
    assert len(run.open_members) == 3
    assert more_upgraded_stop_it(run.upgrade, run.set) == 1


def test_the_most_common_cause_is_the_wording_most_share_and_the_first_wins_a_tie() -> None:
    def detail(message: str) -> ErrorDetail:
        return ErrorDetail("x", "web/virtualMachines/0", message)

    plain = "Instance found to be unhealthy or unreachable."
    assert most_common_cause(()) == plain
    assert most_common_cause((detail("disk"), detail("net"), detail("net"))) == "net"
    assert most_common_cause((detail("disk"), detail("net"))) == "disk"
    # probe answers differ from instance to instance, the cause does not
    assert most_common_cause((detail("disk"), detail(f"{plain} HTTP 500"), detail(f"{plain} HTTP 503"))) == plain


def test_details_name_each_failed_instance_in_the_order_they_were_taken() -> None:
    run = Run(scale_set(10, policy=TOLERANT), restore_failed="never")
    run.batch("0")
    run.batch("3", "2")
    details = failed_details(run.upgrade)
    assert [d.target for d in details] == [f"web/virtualMachines/{i}" for i in ("0", "2", "3")]
    assert {d.code for d in details} == {ErrorCode.INSTANCE_UNHEALTHY}
    assert "HTTP 503" in details[0].message


def test_a_member_whose_restore_failed_while_going_back_is_a_detail_too() -> None:
    run = Run(scale_set(1))
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.healthy()
    run.fail(run.effects(EffectKind.RESTORE_OS_DISK)[0], "DiskGone", "no disk")
    assert [d.code for d in failed_details(run.upgrade)] == ["DiskGone"]


def test_a_live_run_says_that_it_goes_on_with_failures_or_stops() -> None:
    run = Run(scale_set(10, policy=TOLERANT), restore_failed="never")
    assert failures_notice(run.upgrade, run.set) is None
    run.batch("0")
    notice = run.upgrade.error
    assert notice is not None and notice.code == ErrorCode.IN_PROGRESS_WITH_FAILED
    assert "1 upgraded instance failed; 50% of 2 upgraded are unhealthy, the threshold is 100%" in notice.message
    assert "goes on" in notice.message
    strict = replace(run.upgrade.settings.policy, max_unhealthy_upgraded_instance_percent=20)
    over = upgrade_of(run, settings=replace(run.upgrade.settings, policy=strict))
    stops = failures_notice(over, run.set)
    assert stops is not None and "stops at the end of this batch" in stops.message


def test_above_the_limit_in_mid_batch_it_is_told_how_many_more_make_it_stop_and_once_it_must() -> None:
    forty = TOLERANT | {"max_unhealthy_upgraded_instance_percent": 40}
    run = Run(scale_set(20, policy=forty, model={"extensions": (SETUP,)}), batch="10", restore_failed="never")
    run.act()
    run.act()
    extending = run.effects(EffectKind.RUN_EXTENSION)
    assert upgraded_verdict(run.upgrade, run.set) == "goes on"
    for effect in extending[:3]:
        run.fail(effect)
    # given 3 of 3 failed: of 10 at the end of the batch 4 may
    assert upgraded_share(run.upgrade, run.set).exceeded
    assert upgraded_verdict(run.upgrade, run.set) == "goes on unless 2 more fail in this batch"
    assert batches_to_come(run.upgrade, run.set) == [10]
    for effect in extending[3:5]:
        run.fail(effect)
    assert must_stop(run.upgrade)
    assert upgraded_verdict(run.upgrade, run.set) == "stops at the end of this batch"
    assert run.upgrade.error is not None
    assert "The rolling upgrade stops at the end of this batch." in run.upgrade.error.message
    assert batches_to_come(run.upgrade, run.set) == []


def test_above_a_limit_between_batches_it_is_told_when_that_is_judged() -> None:
    run = Run(scale_set(10, policy=HALVES), batch="4")
    run.batch()
    run.sick("0", "1")
    assert upgraded_verdict(run.upgrade, run.set) == "goes on; judged again at the end of the next batch"
    assert unhealthy_verdict(run.upgrade, run.set) == "goes on"
    run.sick("7", "8", "9", "2")
    assert unhealthy_verdict(run.upgrade, run.set) == "stops before the next batch unless instances heal"

    run = Run(scale_set(10, policy=HALVES), batch="4")
    run.swap()
    run.healthy("0", "1")
    run.sick("0", "1", "6", "7", "8", "9")
    for verdict in (upgraded_verdict, unhealthy_verdict):
        assert verdict(run.upgrade, run.set) == "stops at the end of this batch unless instances heal"


def test_the_notice_goes_once_a_retry_succeeds() -> None:
    run = Run(scale_set(10, policy=TOLERANT), restore_failed="never", batch="1")
    run.batch("0")
    run.command(Verb.RETRY)
    assert run.error == ErrorCode.IN_PROGRESS_WITH_FAILED
    run.batch()
    run.batch()
    assert run.member("0").state is MemberState.SUCCEEDED
    assert run.upgrade.error is None


def test_a_share_of_members_with_an_impossible_record_is_still_whole() -> None:
    run = Run(scale_set(2))
    bare = replace(run.upgrade.members["m0"], replaced=True, state=MemberState.SUCCEEDED)
    upgrade = replace(run.upgrade, members={"m0": bare})
    assert upgraded_share(upgrade, run.set).total == 1
