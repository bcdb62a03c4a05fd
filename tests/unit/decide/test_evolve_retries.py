"""What a way back and a second try leave of the first."""

from __future__ import annotations

from engine.model.commands import Verb
from engine.model.effects import EffectKind
from tests.unit.decide.given import AGENT, SETUP, TOLERANT, Run, scale_set


def test_only_the_batches_of_a_rollback_are_written_down_as_the_way_back() -> None:
    restored = Run(scale_set(2, policy=TOLERANT), batch="1")
    restored.swap()
    restored.sick("0")
    restored.wait(300.0)
    assert restored.member("0").state.value == "RestoringDisk"
    assert restored.member("0").rollback_batch is None
    rolled = Run(scale_set(2), batch="1")
    rolled.batch()
    rolled.command(Verb.ROLL_BACK)
    rolled.run()
    assert (rolled.member("0").batch, rolled.member("0").rollback_batch) == (1, rolled.upgrade.batches[-1].number)


def test_a_member_that_failed_in_its_second_extension_begins_with_the_first_again() -> None:
    run = Run(scale_set(2, policy=TOLERANT, model={"extensions": (SETUP, AGENT)}), batch="1", restore_failed="never")
    for _ in range(3):
        run.act()
    (second,) = run.effects()
    assert second.step == "agent"
    run.fail(second, exit_code=1)
    run.command(Verb.RETRY, "0")
    member = run.member("0")
    assert (member.step, member.attempt, member.batch, member.restore_attempt) == (0, 2, None, 0)
    run.batch()
    run.act(EffectKind.CAPTURE_RESTORE_POINT)
    run.act(EffectKind.REPLACE_OS_DISK)
    (first,) = run.effects()
    assert (first.step, first.attempt, first.instance_id) == ("setup", 2, "0")
