"""Previous OS disks are let go after the retention of their set, once, and not before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.decide.disk_retention import due_discards, retention_s
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.interpret_observation import interpret_instance_effect
from engine.model import events as e
from engine.model.effects import EffectKind, EffectOutcome, OutcomeKind
from engine.model.image import ImageReference
from engine.model.policy_document import PolicyDocument
from engine.model.scale_set import Instance, ScaleSet, ScaleSetModel
from engine.model.upgrade import Now

IMAGE = ImageReference("p", "o", "s", "1.0.0")
DAY = 86_400.0
WEEK = PolicyDocument("week", ("web",), previous_disk_retention_s=7 * DAY)


def swapped(at: float) -> ScaleSet:
    """A set of one instance whose disk 1 was replaced by disk 2 at a time."""
    instance = Instance("0", "", 0, 0, IMAGE, "d", "1", 0.0)
    fleet = ScaleSet("k", "/k", "web", "w", "Local", 1, ScaleSetModel(IMAGE), instances={"0": instance})
    event = e.InstanceDiskChanged("0", IMAGE, "d2", "2", "1", IMAGE, latest_model_applied=True, address="a")
    after = evolve_scale_set(fleet, event, Now(at, at))
    assert after is not None
    return after


@pytest.mark.parametrize(
    ("policies", "after_s", "due"),
    (
        ((), 14 * DAY, False),
        ((), 14 * DAY + 1, True),
        ((WEEK,), 7 * DAY, False),
        ((WEEK,), 7 * DAY + 1, True),
        ((replace(WEEK, scale_sets=("db",)),), 8 * DAY, False),
        ((replace(WEEK, previous_disk_retention_s=0.0),), 1.0, True),
    ),
)
def test_a_previous_disk_is_due_when_its_time_is_over(
    policies: tuple[PolicyDocument, ...], after_s: float, due: bool
) -> None:
    found = due_discards(swapped(1000.0), policies, Now(1000.0 + after_s, 0.0))

    assert [(x.kind, x.instance_id, x.disk) for x in found] == [(EffectKind.DISCARD_PREVIOUS_DISK, "0", "1")] * due


def test_the_same_disk_is_always_the_same_effect_another_is_another() -> None:
    fleet = swapped(0.0)
    instance = fleet.instances["0"]
    later = replace(fleet, instances={"0": replace(instance, previous_disk="2", disk="3")})
    now = Now(30 * DAY, 0.0)

    (first,), (again,), (other,) = (due_discards(s, (), now) for s in (fleet, fleet, later))
    assert first.id == again.id != other.id


def test_a_set_that_goes_away_or_keeps_nothing_has_nothing_due() -> None:
    fleet, now = swapped(0.0), Now(30 * DAY, 0.0)
    bare = replace(fleet, instances={"0": replace(fleet.instances["0"], previous_disk=None)})

    assert due_discards(replace(fleet, deleting=True), (), now) == due_discards(bare, (), now) == []


def test_the_closest_policy_that_says_it_counts() -> None:
    silent = PolicyDocument("silent", ("web",), health_window_s=1.0)
    wide = PolicyDocument("wide", ("*",), previous_disk_retention_s=DAY)

    assert retention_s(swapped(0.0), (wide, silent)) == DAY


@pytest.mark.parametrize("kind", list(OutcomeKind))
def test_whatever_became_of_it_the_disk_is_not_tried_again_and_its_image_stays_known(kind: OutcomeKind) -> None:
    fleet, now = swapped(0.0), Now(30 * DAY, 0.0)
    (effect,) = due_discards(fleet, (), now)

    (event,) = interpret_instance_effect(fleet, effect, EffectOutcome(effect.id, kind, message="busy"), now)
    assert isinstance(event, e.PreviousDiskDiscarded)
    assert (event.problem == "") == (kind is OutcomeKind.SUCCEEDED)
    after = evolve_scale_set(fleet, event, now)
    assert after is not None and after.instances["0"].previous_disk is None
    assert after.instances["0"].previous_image == IMAGE
    assert due_discards(after, (), now) == []


def test_a_late_answer_about_an_older_disk_changes_nothing() -> None:
    fleet = swapped(0.0)

    assert evolve_scale_set(fleet, e.PreviousDiskDiscarded("0", "7"), Now(1.0, 1.0)) == fleet
    assert evolve_scale_set(fleet, e.PreviousDiskDiscarded("9", "1"), Now(1.0, 1.0)) == fleet


def test_one_that_is_not_due_yet_keeps_no_other_one() -> None:
    fleet = swapped(0.0)
    first = fleet.instances["0"]
    others = {"0": replace(first, previous_disk=None), "1": replace(first, instance_id="1")}

    found = due_discards(replace(fleet, instances=others), (), Now(30 * DAY, 0.0))

    assert [effect.instance_id for effect in found] == ["1"]
