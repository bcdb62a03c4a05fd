"""What a command leaves in the record: who lifted what, and how a refusal reads."""

from __future__ import annotations

import pytest

from engine.decide.accept_command import accept_command
from engine.model import events as e
from engine.model.commands import Command, Verb
from engine.model.effects import EffectKind
from engine.model.errors import RefusedError
from engine.model.upgrade import Hold, HoldKind
from tests.unit.decide.given import TOLERANT, V2, Run, instance, scale_set


def said(run: Run, verb: Verb, *instances: str) -> list[e.Event]:
    return accept_command(run.upgrade, Command(verb, "omar", "", instances), run.now)


def two_failed_restores() -> Run:
    run = Run(scale_set(policy=TOLERANT))
    run.swap()
    run.sick("0", "1")
    run.wait(300.0)
    for effect in run.effects(EffectKind.RESTORE_OS_DISK):
        run.fail(effect)
    return run


def test_whoever_settles_the_last_failed_restore_lifts_its_hold() -> None:
    run = two_failed_restores()
    assert said(run, Verb.ACCEPT_LOSS, "0") == [e.LossAccepted("m0", "0")]
    run.command(Verb.ACCEPT_LOSS, "0")
    lifted = e.HoldLifted(HoldKind.RESTORE_FAILED, "omar")
    assert said(run, Verb.ACCEPT_LOSS, "1") == [e.LossAccepted("m1", "1"), lifted]
    assert said(run, Verb.RETRY, "1")[1:] == [lifted]


def test_a_retry_where_no_restore_failed_lifts_nothing() -> None:
    run = Run(scale_set(policy=TOLERANT), restore_failed="never")
    run.batch("0")
    assert [type(event) for event in said(run, Verb.RETRY)] == [e.MemberRetried]


def test_what_is_on_the_target_already_is_not_there_to_be_skipped() -> None:
    run = Run(scale_set([instance("0"), instance("1"), instance("2", image=V2)]), batch="1")
    with pytest.raises(RefusedError, match="instance 2 is not one that waits for its batch"):
        said(run, Verb.SKIP, "2")


def test_a_refusal_ends_with_one_full_stop() -> None:
    run = Run()
    with pytest.raises(RefusedError) as refused:
        said(run, Verb.RESUME)
    assert refused.value.message == (
        "Resume is not allowed on upgrade web-1 of web, which is RollingForward: it is not paused."
    )
    # and none is added to words that bring their own
    run.fold(e.HoldRaised(Hold(HoldKind.STORE_NOT_WRITABLE, run.t, "engine", "The disk is full.")))
    with pytest.raises(RefusedError) as refused:
        said(run, Verb.RESUME)
    assert refused.value.message.endswith("it is held by StoreNotWritable: The disk is full.")
