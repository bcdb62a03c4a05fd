"""What waits at the edges: exactly five unknown, exactly one in flight, a deadline that is over, the last batch."""

from __future__ import annotations

from engine.decide.blocked_by import BlockedBy, is_overdue, member_blocked_by, upgrade_blocked_by
from engine.model.health import Health
from engine.model.waits import WaitKind
from tests.unit.decide.given import TOLERANT, Run, instance, scale_set


def blocked(run: Run) -> BlockedBy:
    found = upgrade_blocked_by(run.upgrade, run.set, run.now)
    assert found is not None
    return found


def test_five_instances_of_unknown_health_are_all_named_and_no_more_are_hinted_at() -> None:
    run = Run(scale_set([instance(str(i), health=Health.NOT_OBSERVED) for i in range(5)]))
    assert blocked(run).words == "health of 5 instances not known yet: 0, 1, 2, 3, 4"


def test_one_member_in_progress_is_called_so() -> None:
    run = Run(scale_set(2))
    assert blocked(run).words == "1 member in progress; instance 0 waits for its restore point to be written down"


def test_a_pause_counts_from_the_end_of_the_last_batch() -> None:
    run = Run(scale_set(policy={"pause_between_batches_s": 60.0}))
    run.wait(30.0)
    run.batch()
    run.wait(60.0)
    run.wait(5.0)
    run.batch()
    assert blocked(run) == BlockedBy(WaitKind.PAUSE_BETWEEN_BATCHES, 1095.0, 1155.0, "pause between batches")


def test_an_act_is_overdue_a_minute_after_its_deadline_and_not_before() -> None:
    run = Run(scale_set(1))
    run.wait(660.0)
    assert not is_overdue(run.upgrade, run.member("0"), run.now)
    run.wait(0.5)
    assert is_overdue(run.upgrade, run.member("0"), run.now)


def test_a_health_window_that_is_over_ends_now_and_not_later() -> None:
    """Such a member is judged at the engine's next step."""
    run = Run(scale_set(1, policy=TOLERANT))
    run.swap()
    run.t += 400.0
    run.clock += 400.0
    member = member_blocked_by(run.upgrade, run.member("0"), run.now)
    assert member == BlockedBy(WaitKind.HEALTH, 1000.0, run.t, "its health")
    assert blocked(run) == BlockedBy(WaitKind.HEALTH, 1000.0, run.t, "health of 1 instance")
