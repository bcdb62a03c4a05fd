"""Given a restore whose disk is gone while the upgrade runs, the new disk gets its extensions before health counts."""

from __future__ import annotations

from engine.model.commands import Verb
from engine.model.effects import EffectKind
from engine.model.upgrade import MemberState
from tests.unit.decide.given import SETUP, Run, scale_set


def restoring_without_its_disk(**request: object) -> Run:
    run = Run(scale_set(1, policy={"max_unhealthy_upgraded_instance_percent": 100}, model={"extensions": (SETUP,)}))
    run.batch("0")
    assert run.member("0").state is MemberState.RESTORING
    run.succeed(run.effects()[0], from_image=True, disk="9")
    return run


def test_a_member_restored_from_the_image_runs_its_extensions_before_its_health_counts() -> None:
    run = restoring_without_its_disk()
    member = run.member("0")
    assert (member.state, member.restoring) == (MemberState.EXTENDING, True)
    assert "replaced from the image" in run.seen(type(run.events[-1]))[-1].why
    (effect,) = run.effects()
    forward = {x.effect_id for x in run.reported if x.exit_code is not None}
    assert effect.kind is EffectKind.RUN_EXTENSION and effect.id not in forward
    run.act()
    assert run.member("0").state is MemberState.AWAITING_HEALTH_AFTER_RESTORE
    run.healthy()
    assert run.member("0").state is MemberState.ROLLED_BACK
    assert not run.member("0").restoring
    assert [x.name for x in run.set.instances["0"].extensions] == ["setup"]


def test_an_extension_that_fails_on_the_way_back_holds_the_run_and_can_be_retried_or_accepted() -> None:
    run = restoring_without_its_disk()
    first = run.effects()[0].id
    run.fail(run.effects()[0], exit_code=3)
    assert run.member("0").state is MemberState.RESTORE_FAILED and "RestoreFailed" in run.upgrade.holds
    run.command(Verb.ROLL_BACK)
    run.command(Verb.RETRY, "0")
    run.succeed(run.effects()[0], from_image=True, disk="10")
    assert run.effects()[0].kind is EffectKind.RUN_EXTENSION and run.effects()[0].id != first
    run.fail(run.effects()[0], exit_code=3)
    run.command(Verb.ACCEPT_LOSS, "0")
    assert run.member("0").state is MemberState.ROLLED_BACK_UNHEALTHY
    assert not run.upgrade.live


def test_without_extensions_a_restore_from_the_image_waits_for_health_at_once() -> None:
    run = Run(scale_set(1, policy={"max_unhealthy_upgraded_instance_percent": 100}))
    run.batch("0")
    run.succeed(run.effects()[0], from_image=True)
    assert run.member("0").state is MemberState.AWAITING_HEALTH_AFTER_RESTORE
