"""What the end of an upgrade means for the model, so that nothing brings a bad version back."""

from __future__ import annotations

from dataclasses import replace

from engine.decide.after_the_end import model_after, restore_image
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.upgrade import Outcome
from tests.unit.decide.given import V1, V2, V3, Run, instance, scale_set

LATEST = V1.with_version("latest")
NONE: tuple[str, ...] = ()


def pinned(**more: object) -> Run:
    """A run on a set pinned to V1 whose start wrote V2 into the model."""
    run = Run(scale_set(4, **more), restore_failed="never")  # type: ignore[arg-type]
    run.fold_set(e.ModelImageChanged(V2, NONE, run.set.good_version, "start"))
    return run


def changed(run: Run) -> e.ModelImageChanged:
    (event,) = model_after(run.upgrade, run.set)
    assert isinstance(event, e.ModelImageChanged)
    return event


def test_completed_leaves_the_model_and_forgets_the_last_good_version() -> None:
    run = pinned()
    run.run()
    assert model_after(run.upgrade, run.set) == []
    run.set = replace(run.set, good_version="1.0.0")
    assert changed(run).good_version is None


def test_rolled_back_writes_the_previous_image_back() -> None:
    run = pinned()
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.run()
    event = changed(run)
    assert (event.image, event.blocked_versions, event.good_version) == (V1, NONE, None)
    assert "RolledBack" in event.why


def test_rolled_back_before_anything_was_touched_writes_it_back_too() -> None:
    run = Run(scale_set(4), at=5000.0)
    run.fold_set(e.ModelImageChanged(V2, NONE, None, "start"))
    run.command(Verb.ROLL_BACK)
    assert restore_image(run.upgrade) is None
    assert changed(run).image == V1


def test_the_previous_image_is_the_models_not_what_stray_instances_had() -> None:
    run = Run(scale_set([instance(str(i), image=V3) for i in range(3)]))
    run.fold_set(e.ModelImageChanged(V2, NONE, None, "start"))
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.run()
    assert changed(run).image == V1


def test_a_run_that_took_up_a_faulted_one_goes_back_to_where_its_instances_came_from() -> None:
    run = Run(scale_set(4, model={"image": V2}))
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.run()
    assert changed(run).image == V1


def test_the_same_with_nothing_touched_names_what_the_instances_run() -> None:
    run = Run(scale_set(4, model={"image": V2}), at=5000.0)
    run.command(Verb.ROLL_BACK)
    assert changed(run).image == V1


def test_with_everything_on_the_target_before_the_model_stays() -> None:
    run = Run(scale_set([instance("0", image=V2)], model={"image": V2}), at=5000.0)
    run.command(Verb.ROLL_BACK)
    assert model_after(run.upgrade, run.set) == []


def test_a_latest_set_blocks_the_version_it_went_back_from_once() -> None:
    run = Run(scale_set(4, model={"image": LATEST}))
    run.swap()
    run.command(Verb.ROLL_BACK)
    run.run()
    event = changed(run)
    assert (event.image, event.blocked_versions) == (LATEST, ("2.0.0",))
    run.set = replace(run.set, blocked_versions=("2.0.0",))
    assert model_after(run.upgrade, run.set) == []


def test_faulted_and_cancelled_leave_the_model_and_name_the_last_good_version() -> None:
    run = pinned()
    run.batch("0")
    assert run.state == "Faulted"
    event = changed(run)
    assert (event.image, event.good_version) == (V2, "1.0.0")
    run = pinned()
    run.command(Verb.CANCEL)
    run.batch()
    assert changed(run).good_version == "1.0.0"


def test_a_run_that_touched_nothing_names_what_most_instances_have() -> None:
    run = Run(scale_set([instance("0", image=V3), instance("1"), instance("2")]), at=5000.0)
    run.command(Verb.CANCEL)
    assert changed(run).good_version == "1.0.0"
    # but it does not overrule what an earlier run found
    run.set = replace(run.set, good_version="0.9.0")
    assert model_after(run.upgrade, run.set) == []


def test_an_empty_set_has_no_last_good_version() -> None:
    run = Run(scale_set(1), at=5000.0)
    run.command(Verb.CANCEL)
    run.set = replace(run.set, instances={})
    assert model_after(run.upgrade, run.set) == []


def test_a_completed_rollback_of_a_latest_set_keeps_new_instances_on_its_target() -> None:
    run = Run(scale_set([instance("0", image=V3)], model={"image": LATEST}), to="2.0.0")
    run.run()
    back = replace(run.upgrade, is_rollback_of="web-0", outcome=Outcome.COMPLETED)
    (event,) = model_after(back, run.set)
    assert isinstance(event, e.ModelImageChanged)
    assert event.good_version == "2.0.0"
    assert model_after(back, replace(run.set, model=replace(run.set.model, image=V2))) == []


def test_members_came_from_what_most_of_them_had_before_and_never_from_the_target_itself() -> None:
    run = Run(scale_set([*(instance(str(i)) for i in range(3)), instance("3", image=V3)]), batch="4")
    run.run()
    assert restore_image(run.upgrade) == V1
    points = {m.id: m.restore_point for m in run.upgrade.members.values()}
    assert points["m3"] is not None and points["m3"].image == V3
    there = replace(points["m3"], image=V2)
    members = {m.id: replace(m, restore_point=there) for m in run.upgrade.members.values()}
    assert restore_image(replace(run.upgrade, members=members)) is None


def test_a_completed_run_to_a_blocked_version_lifts_its_block() -> None:
    run = Run(scale_set(2, model={"image": LATEST}))
    run.run()
    run.set = replace(run.set, blocked_versions=("2.0.0", "3.0.0"))
    assert changed(run).blocked_versions == ("3.0.0",)
    run.upgrade = replace(run.upgrade, outcome=Outcome.CANCELLED)
    assert changed(run).blocked_versions == ("2.0.0", "3.0.0")
