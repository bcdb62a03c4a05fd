"""Given an upgrade and a set, when a verb would find nobody to act on, then its key says so; lists read as lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model.commands import Verb
from engine.model.halt import Halt
from engine.model.numbers import many
from engine.model.scale_set import InstanceHold, ScaleSet
from engine.model.upgrade import Hold, HoldKind, MemberState, Upgrade
from tests.snapshots.moments import story
from tui.actions import ACTIONS
from tui.effects import Ground, effect_lines, named, retryable
from tui.screens.choose_action import acts_on
from tui.subject import Subject, why_not_verb


def of(name: str) -> tuple[ScaleSet, Upgrade]:
    """A set and its upgrade at a moment of the story."""
    scene = story(name).scene
    assert scene.scale_set is not None and scene.upgrade is not None
    return scene.scale_set, scene.upgrade


def subject(name: str, *instances: str) -> Subject:
    """What a screen on that set would act on."""
    own, upgrade = of(name)
    return Subject(True, False, scale_set=own, upgrade=upgrade, instances=instances)


def told(verb: str, ground: Ground) -> list[str]:
    """The lines of the dialog."""
    return ["".join(piece.text for piece in line) for line in effect_lines(verb, ground)]


def test_a_list_of_instances_reads_as_one() -> None:
    assert named([]) == "no instance"
    assert named(["0"]) == "instance 0"
    assert named(["0", "3", "5"], "failed instance") == "failed instances 0, 3 and 5"
    assert named(map(str, range(4))) == "4 instances (0, 1, 2, 3)"
    assert named(map(str, range(14))).endswith("11 and 2 more)")


def test_an_ended_upgrade_whose_image_nobody_has_cannot_be_rolled_back() -> None:
    own, upgrade = of("faulted")
    old = {name: replace(i, image=upgrade.previous_image, digest="sha256:1.0.3") for name, i in own.instances.items()}
    back = {
        m.id: replace(m, state=MemberState.ROLLED_BACK if m.restore_point else m.state, on_new_disk=False)
        for m in upgrade.members.values()
    }
    gone = replace(subject("faulted"), scale_set=replace(own, instances=old), upgrade=replace(upgrade, members=back))

    assert why_not_verb(Verb.ROLL_BACK, gone) == "no instance is on its image: there is nothing to roll back"
    assert why_not_verb(Verb.ROLL_BACK, subject("completed")) is None


def test_a_way_back_cannot_be_rolled_back_and_says_why() -> None:
    _, upgrade = of("completed")
    back = replace(subject("completed"), upgrade=replace(upgrade, is_rollback_of="web-eu-1"))

    assert why_not_verb(Verb.ROLL_BACK, back) == "it was itself the way back from web-eu-1"


def test_an_upgrade_that_touched_nobody_cannot_be_rolled_back_also_seen_from_afar() -> None:
    own, upgrade = of("completed")
    afar = replace(subject("completed"), scale_set=replace(own, instances={}), upgrade=replace(upgrade, batches=()))

    assert why_not_verb(Verb.ROLL_BACK, afar) == "it touched no instance: there is nothing to roll back"


def test_a_live_upgrade_that_touched_nobody_ends_and_says_so() -> None:
    own, upgrade = of("rolling")
    fresh = {m.id: replace(m, state=MemberState.PENDING, replaced=False) for m in upgrade.members.values()}

    lines = told("rollback", Ground(own, replace(upgrade, members=fresh)))

    assert lines == ["No instance has left 1.0.3 yet: the upgrade ends, and nothing is put back."]


def test_the_rollback_of_an_ended_upgrade_names_whom_the_engine_takes() -> None:
    own, upgrade = of("completed")

    assert told("rollback", Ground(own, upgrade))[0].startswith("Back from 1.1.0 to 1.0.3: 120 instances (0, 1,")


def test_a_retry_of_what_has_not_ended_its_batch_is_refused_at_the_key() -> None:
    assert why_not_verb(Verb.RETRY, subject("failing")) == "what failed is in a batch that has not ended"
    assert why_not_verb(Verb.RETRY, subject("completed")) == "no instance has failed"
    assert why_not_verb(Verb.RETRY, subject("faulted")) is None


def test_only_those_that_wait_can_be_skipped() -> None:
    assert why_not_verb(Verb.SKIP, subject("rolling", "0")) == "instance 0 does not wait for its batch"
    assert why_not_verb(Verb.SKIP, subject("rolling", "119")) is None


@pytest.mark.parametrize("verb", ("release", "unprotect"))
def test_what_is_not_so_cannot_be_ended(verb: str) -> None:
    why = ACTIONS[verb].why_not(subject("rolling", "3"))
    assert why is not None and why.startswith("instance 3 is not ")


def test_what_is_held_is_not_held_again() -> None:
    own, _ = of("rolling")
    held = replace(own.instances["3"], hold=InstanceHold("ana", "disk swap", 0.0))
    found = replace(subject("rolling", "3"), scale_set=replace(own, instances={**own.instances, "3": held}))

    assert ACTIONS["hold"].why_not(found) == "instance 3 is held already"
    assert ACTIONS["release"].why_not(found) is None


def test_while_a_halt_stands_keys_say_who_halted_and_ways_back_stay_open() -> None:
    halt = Halt("ana", 1_800_000_000.0, "fire")
    rolling, ended = (replace(subject(name), halt=halt) for name in ("rolling", "faulted"))
    assert rolling.upgrade is not None
    hold = Hold(HoldKind.OPERATOR, 0.0, "ana", "halt")
    paused = replace(rolling, upgrade=replace(rolling.upgrade, holds={hold.kind: hold}, paused_since_clock=0.0))
    why = "halted by ana since 2027-01-15 08:00:00 UTC (fire); lift that first"

    assert {why_not_verb(verb, ended) for verb in (Verb.START, Verb.RETRY)} == {why}
    assert why_not_verb(Verb.ROLL_BACK, ended) is None
    assert {why_not_verb(verb, paused) for verb in (Verb.RESUME, Verb.STEP)} == {why}
    assert {why_not_verb(verb, paused) for verb in (Verb.ROLL_BACK, Verb.CANCEL, Verb.PAUSE)} == {None}
    assert why_not_verb(Verb.RESUME, rolling) == "it is not paused"
    assert why_not_verb(Verb.START, replace(ended, upgrade=None)) == why
    assert ACTIONS["halt_all"].why_not(ended) is None


def test_with_several_sets_marked_only_pause_acts() -> None:
    many = replace(subject("rolling"), marked_sets=("a", "b"))

    assert why_not_verb(Verb.PAUSE, many) is None
    assert why_not_verb(Verb.ROLL_BACK, many) == "2 scale sets are marked, and this acts on one; esc unmarks them"
    assert acts_on(ACTIONS["pause"], many) == "2 marked"


def test_the_menu_says_what_an_action_is_about() -> None:
    found = subject("rolling", "3", "4")

    assert [acts_on(ACTIONS[name], found) for name in ("rollback", "skip", "hold", "halt_all")] == [
        "web-eu",
        "2 marked",
        "2 marked",
        "all sets",
    ]
    assert acts_on(ACTIONS["protect"], subject("rolling", "3")) == "web-eu_3"


def test_a_retry_names_whom_it_leaves_and_the_menu_says_the_same() -> None:
    own, upgrade = of("faulted")
    failed = retryable(upgrade, ())
    assert len(failed) > 1
    retry = ACTIONS["retry"]

    assert told("retry", Ground(own, upgrade, failed[:1]))[1].startswith(f"Not {many(len(failed) - 1, 'other')} that")
    assert not any(line.startswith("Not ") for line in told("retry", Ground(own, upgrade)))
    assert acts_on(retry, subject("faulted", failed[0])) == f"{own.name}_{failed[0]}"
    assert acts_on(retry, subject("faulted")) == f"{len(failed)} failed"
