"""What is written down of an act that ended: words, addresses, disks left behind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.interpret_observation import extension_result, interpret_effect, interpret_instance_effect
from engine.model import events as e
from engine.model.effects import Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.scale_set import Trying
from engine.model.upgrade import MemberState, Now
from tests.unit.decide.given import AGENT, SETUP, TOLERANT, Run, instance, scale_set, succeeded

NOW = Now(1000.0, 100.0)
ACT = Effect("x", EffectKind.DISCARD_PREVIOUS_DISK, "scale/k", "k", "0", "0", 1, disk="7")


def extending(*extensions: object) -> Run:
    run = Run(scale_set(1, policy=TOLERANT, model={"extensions": extensions}))
    run.act(EffectKind.CAPTURE_RESTORE_POINT)
    run.act(EffectKind.REPLACE_OS_DISK)
    return run


def failed_words(**outcome: object) -> str:
    run = extending(SETUP)
    (effect,) = run.effects()
    run.fail(effect, "", "it was stopped", **outcome)
    (failed,) = [x for x in run.seen(e.MemberMoved) if x.entered is MemberState.FAILED]
    return str(failed.why)


@pytest.mark.parametrize(
    ("outcome", "words"),
    (
        ({"exit_code": 3}, "'setup': exit code 3."),
        ({"exit_code": 0}, "'setup': exit code 0."),
        ({}, "'setup': it was stopped."),
        ({"stderr": "one\ntwo\nthree\n"}, "'setup': it was stopped. Last line of its error output: three"),
        ({"exit_code": 3, "stderr": "one"}, "'setup': exit code 3. Last line of its error output: one"),
        ({"exit_code": 3, "stderr": " \n"}, "'setup': exit code 3."),
        ({"exit_code": 3, "stderr": "y" * 900}, "'setup': exit code 3. Last line of its error output: " + "y" * 400),
    ),
)
def test_a_failed_extension_says_how_it_ended_and_its_last_word(outcome: dict[str, object], words: str) -> None:
    assert failed_words(**outcome) == f"VM has reported a failure when processing extension {words}"


@pytest.mark.parametrize(
    ("exit_code", "stderr", "kept"),
    ((3, "no space", "no space"), (3, "", ""), (None, "killed", "killed"), (None, "", "it was stopped")),
)
def test_of_a_script_that_gave_no_exit_code_the_reason_is_kept(exit_code: int | None, stderr: str, kept: str) -> None:
    outcome = EffectOutcome("x", OutcomeKind.FAILED, "", "it was stopped", exit_code=exit_code, stderr=stderr)
    assert extension_result(ACT, outcome, NOW).stderr == kept


def test_extensions_follow_one_another_and_health_comes_after_the_last() -> None:
    run = extending(SETUP, AGENT)
    steps = []
    for _ in range(2):
        (effect,) = run.effects()
        run.succeed(effect, took_s=2.5)
        steps.append((run.seen(e.MemberMoved)[-1].entered, run.seen(e.MemberMoved)[-1].why))
    assert steps == [
        (MemberState.EXTENDING, "extension setup succeeded in 2.5 s"),
        (MemberState.AWAITING_HEALTH, "extension agent succeeded in 2.5 s"),
    ]


def test_a_swap_and_a_way_back_say_where_the_disk_came_from() -> None:
    run = Run(scale_set(1, policy=TOLERANT))
    run.act()
    run.act()
    assert run.seen(e.MemberMoved)[-1].why == "OS disk replaced"
    run.sick("0")
    run.wait(300.0)
    (restore,) = run.effects()
    plain, _ = interpret_effect(run.upgrade, run.set, restore, succeeded(restore, run.set), run.now)
    anew = replace(succeeded(restore, run.set), from_image=True)
    other, _ = interpret_effect(run.upgrade, run.set, restore, anew, run.now)
    (first,), (second,) = plain, other
    assert isinstance(first, e.MemberMoved) and isinstance(second, e.MemberMoved)
    assert first.why == "back on 1.0.0"
    assert second.why == "back on 1.0.0: its previous OS disk is gone, so it was replaced from the image"
    assert first.entered is second.entered is MemberState.AWAITING_HEALTH_AFTER_RESTORE


def test_a_kept_disk_put_back_is_called_so_also_when_it_was_gone() -> None:
    ended = Run(scale_set(1, model={"extensions": (SETUP,)}))
    ended.run()
    said = {}
    for gone in (False, True):
        back = ended.back()
        back.act()
        (restore,) = back.effects()
        answer = replace(succeeded(restore, back.set), from_image=gone)
        ((moved,), _) = interpret_effect(back.upgrade, back.set, restore, answer, back.now)
        assert isinstance(moved, e.MemberMoved)
        said[gone] = (moved.entered, moved.why)
    assert said[False] == (MemberState.AWAITING_HEALTH, "its kept OS disk 1 put back")
    assert said[True] == (MemberState.EXTENDING, "OS disk replaced: the kept one was gone")


@pytest.mark.parametrize(("told", "kept"), (("", "127.0.0.1:8080"), ("127.0.0.9:80", "127.0.0.9:80")))
def test_an_address_that_the_fleet_does_not_tell_anew_stays(told: str, kept: str) -> None:
    run = Run(scale_set(1, policy=TOLERANT))
    run.act()
    (replace_disk,) = run.effects()
    _, (changed,) = interpret_effect(
        run.upgrade, run.set, replace_disk, replace(succeeded(replace_disk, run.set), address=told), run.now
    )
    assert isinstance(changed, e.InstanceDiskChanged) and changed.address == kept
    run.act()
    run.sick("0")
    run.wait(300.0)
    (restore,) = run.effects()
    _, (changed,) = interpret_effect(
        run.upgrade, run.set, restore, replace(succeeded(restore, run.set), address=told), run.now
    )
    assert isinstance(changed, e.InstanceDiskChanged) and changed.address == kept


@pytest.mark.parametrize(
    ("kind", "message", "problem"),
    (
        (OutcomeKind.SUCCEEDED, "", ""),
        (OutcomeKind.FAILED, "busy", "busy"),
        (OutcomeKind.FAILED, "", OutcomeKind.FAILED.value),
        (OutcomeKind.UNKNOWN, "", OutcomeKind.UNKNOWN.value),
    ),
)
def test_a_disk_that_could_not_be_discarded_says_why(kind: OutcomeKind, message: str, problem: str) -> None:
    told = interpret_instance_effect(scale_set(1), ACT, EffectOutcome("x", kind, "", message), NOW)
    assert told == [e.PreviousDiskDiscarded("0", "7", problem)]


def test_the_answer_of_a_boot_counts_only_for_an_instance_that_is_to_boot() -> None:
    boot = replace(ACT, kind=EffectKind.START_INSTANCE)
    answer = EffectOutcome("x", OutcomeKind.SUCCEEDED)
    trying = Trying(5.0)
    assert interpret_instance_effect(scale_set(0), boot, answer, NOW) == []
    for made in (instance("0"), instance("0", provisioned=False, trying=trying)):
        assert interpret_instance_effect(scale_set([made]), boot, answer, NOW) == []
    up = interpret_instance_effect(scale_set([instance("0", trying=trying)]), boot, answer, NOW)
    assert up == [e.InstanceStarted("0", "127.0.0.1:8080")]
