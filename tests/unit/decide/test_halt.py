"""What a halt pauses, what it refuses while it stands, and what stays possible."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.halt import halt_after, is_barred, pause_all
from engine.model import events as e
from engine.model.codes import ApiError
from engine.model.commands import Verb
from engine.model.halt import Halt
from engine.model.upgrade import Hold, HoldKind
from tests.unit.decide.given import Run

ALL = frozenset(Verb)
WAY_OUT = {Verb.PAUSE, Verb.CANCEL, Verb.ROLL_BACK}


def barred(run: Run | None) -> set[Verb]:
    return {verb for verb in ALL if is_barred(verb, run.upgrade if run is not None else None)}


def halted(run: Run, reason: str = "") -> Run:
    for found in pause_all([run.upgrade], "ana", reason, run.now).values():
        run.fold(*found)
    run.settle()
    return run


def test_a_halt_stands_from_its_beginning_to_its_end() -> None:
    halt = Halt("ana", 5.0, "fire")

    assert halt_after(e.HaltBegan(halt)) == halt
    assert halt_after(e.HaltEnded("bo", "it is out")) is None


def test_every_live_upgrade_is_paused_by_whoever_halted_and_begun_members_finish() -> None:
    run = halted(Run(), "fire")

    hold = run.upgrade.holds[HoldKind.OPERATOR]
    assert (run.state, hold.by, hold.reason, hold.since_at) == ("Pausing", "ana", "halt: fire", run.t)
    run.batch()
    assert (run.state, len(run.upgrade.batches)) == ("Paused", 1)
    assert halted(Run()).upgrade.holds[HoldKind.OPERATOR].reason == "halt"


def test_a_way_back_is_paused_too() -> None:
    run = Run()
    run.batch()
    run.command(Verb.ROLL_BACK)

    assert halted(run).state == "Pausing"


def test_a_start_time_that_comes_while_all_is_halted_begins_nothing() -> None:
    run = halted(Run(at=5000.0))

    run.wait(10_000.0)

    assert (run.state, run.upgrade.delayed, run.upgrade.batches) == ("Paused", False, ())


def test_one_that_something_else_holds_is_paused_as_well_and_stays_so_when_that_is_over() -> None:
    run = Run()
    run.fold(e.HoldRaised(Hold(HoldKind.STORE_SUSPECT, run.t, "engine", "damaged")))
    halted(run)
    run.fold(e.HoldLifted(HoldKind.STORE_SUSPECT, "engine"))

    assert run.state == "Pausing"


def test_left_alone_are_those_paused_already_cancelled_or_ended() -> None:
    paused, cancelling, ended = Run(), Run(), Run(at=5000.0)
    paused.command(Verb.PAUSE, reason="lunch")
    cancelling.command(Verb.CANCEL)
    ended.command(Verb.CANCEL)
    assert ended.state == "Cancelled"

    assert pause_all([paused.upgrade, cancelling.upgrade, ended.upgrade], "ana", "fire", paused.now) == {}


def test_what_begins_an_upgrade_is_refused_where_none_is_live() -> None:
    ended = Run(at=5000.0)
    ended.command(Verb.CANCEL)

    assert barred(None) == barred(ended) == {Verb.START, Verb.RETRY}


def test_the_roll_back_of_an_ended_one_is_a_way_back_as_well() -> None:
    back, ended = Run(), Run(at=5000.0)
    ended.command(Verb.CANCEL)
    for run in (back, ended):
        run.upgrade = replace(run.upgrade, is_rollback_of="web-1")

    assert barred(halted(back)) == {Verb.ROLL_BACK}, "back from it leads to the image that is fled from"
    back.fold(e.RollBackRequested("omar"))
    assert barred(back) == {Verb.ROLL_BACK, Verb.RESUME, Verb.STEP}
    assert barred(ended) == {Verb.START}


def test_a_paused_one_does_not_go_on_forward_but_may_be_taken_back_or_cancelled() -> None:
    run = halted(Run())

    assert barred(run) == {Verb.RESUME, Verb.STEP}
    run.command(Verb.ROLL_BACK)
    assert run.state == "RollingBack"


@pytest.mark.parametrize("back", (True, False))
def test_one_that_only_restores_may_go_on(back: bool) -> None:
    run = Run()
    run.fold(e.RollBackRequested("omar") if back else e.LimitExceeded(ApiError("x", "y")))

    assert barred(halted(run)) == set()
