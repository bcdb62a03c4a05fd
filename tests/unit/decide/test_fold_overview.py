"""The overview, folded from events alone, is what the records say from afar."""

from __future__ import annotations

from engine.decide.count_members import count_members, upgrade_overview
from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.fold_overview import (
    fold_set,
    fold_upgrade,
    overview_of,
    tell_health_it_leaves,
    tell_what_it_leaves,
)
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.health import Health
from engine.model.overview import SetOverview, UpgradeOverview
from engine.model.scale_set import InstanceHold
from engine.model.upgrade import LeftOut, MemberState, Now, Upgrade
from tests.unit.decide.given import TOLERANT, V2, Run, instance, scale_set

NOW = Now(5.0, 5.0)


def followed(first: Upgrade, events: list[e.Event]) -> tuple[Upgrade, UpgradeOverview]:
    """The same events folded twice: whole, and from afar."""
    whole = first
    afar = fold_upgrade(None, e.UpgradeStarted(first), NOW)
    assert afar is not None
    for plain in events:
        event = tell_what_it_leaves(whole, plain)
        whole = evolve_upgrade(whole, event, NOW)
        seen = fold_upgrade(afar, event, NOW)
        assert seen is not None
        afar = seen
        assert afar.counters == count_members(whole), event
    return whole, afar


def test_a_run_with_everything_in_it_is_counted_alike_from_afar() -> None:
    # given a run with failures, restores, a retry, a hold, a skip, an instance more and one less, and a way back
    run = Run(scale_set(policy=TOLERANT), at=1600.0)
    first = run.upgrade
    run.wait(600.0)
    run.batch("0")
    run.act()
    run.healthy()
    run.hold("9")
    run.command(Verb.SKIP, "8")
    run.command(Verb.RETRY, "0")
    run.add(instance("20", image=V2))
    run.remove("7")
    run.remove("8")
    run.release("9")
    run.batch("2")
    run.command(Verb.PAUSE)
    for effect in run.effects():
        run.fail(effect)
    run.healthy()
    run.wait(300.0)
    run.command(Verb.ACCEPT_LOSS)
    run.command(Verb.ROLL_BACK)
    run.run()
    assert run.state == "RolledBack"
    whole, afar = followed(first, run.events)
    assert whole.state is run.upgrade.state
    assert afar == upgrade_overview(whole)


def test_a_member_that_is_only_looked_at_changes_no_count() -> None:
    run = Run()
    _, afar = followed(run.upgrade, [e.MemberReconciling("m0", True)])
    assert afar.tally == upgrade_overview(run.upgrade).tally


def test_nothing_is_seen_before_the_start() -> None:
    assert fold_upgrade(None, e.UpgradeCompleted(), NOW) is None
    assert fold_set(None, e.CapacityChanged(3), NOW) is None


def test_a_member_nobody_knew_joins_without_leaving_a_counter() -> None:
    run = Run()
    joined = e.MemberJoined("m77", "77", "", 0, 0)
    told = tell_what_it_leaves(run.upgrade, joined)
    assert isinstance(told, e.MemberJoined)
    assert told.left_bucket == ""
    left = e.MemberLeftOut("m77", "77", LeftOut.HELD, "")
    again = tell_what_it_leaves(run.upgrade, left)
    assert isinstance(again, e.MemberLeftOut)
    assert again.left_bucket == ""


def test_a_member_that_moves_on_from_being_left_out_says_out_of_which_counter() -> None:
    run = Run()
    run.hold("9")
    gone = e.MemberMoved("m9", "9", MemberState.LEFT_OUT, MemberState.GONE, "it left")
    told = tell_what_it_leaves(run.upgrade, gone)
    assert isinstance(told, e.MemberMoved) and told.left_bucket == "held"
    plain = e.MemberMoved("m8", "8", MemberState.PENDING, MemberState.GONE, "it left")
    assert tell_what_it_leaves(run.upgrade, plain) == plain


def test_from_afar_a_set_has_neither_instances_nor_its_document() -> None:
    seen = overview_of(scale_set(3), None)
    assert (seen.instances, seen.scale_set.instances, seen.scale_set.document) == (3, {}, "{}")
    assert seen.scale_set.next_instance == 0


def test_health_is_counted_from_afar() -> None:
    whole = scale_set([instance("0"), instance("1", health=Health.UNKNOWN)])
    afar: SetOverview | None = fold_set(None, e.ScaleSetApplied(whole), NOW)
    events: list[e.Event] = [
        e.InstanceHealthChanged("0", Health.NOT_OBSERVED, Health.UNHEALTHY, "HTTP 500"),
        e.InstanceHealthChanged("0", Health.UNHEALTHY, Health.UNHEALTHY, "HTTP 503"),
        e.InstanceDiskChanged("1", V2, "d", "2", None, None, True, ""),
        e.InstanceAdded(instance("7")),
        e.InstanceMadeAnew("7", "lost"),
        e.InstanceHeld("7", InstanceHold("look", "ana", 0.0)),
        e.CapacityChanged(3),
        e.InstanceRemoved("0", "scaled in"),
        e.InstancePowerChanged("7", False, ""),
    ]
    for plain in events:
        event = tell_health_it_leaves(whole, plain)
        after = evolve_scale_set(whole, event, NOW)
        afar = fold_set(afar, event, NOW)
        assert after is not None
        whole = after
        assert afar == overview_of(whole, None), event
    assert afar is not None
    assert (afar.instances, afar.healthy, afar.unhealthy, afar.waiting) == (2, 1, 0, 1)
    assert afar.versions == {"2.0.0": 1, "1.0.0": 1}
    assert fold_set(afar, e.ScaleSetDeleted(), NOW) is None


def test_an_old_event_that_does_not_tell_what_it_left_makes_the_versions_unknown() -> None:
    afar = overview_of(scale_set(3), None)
    assert afar.versions == {"1.0.0": 3}
    disk = e.InstanceDiskChanged("1", V2, "d", "2", None, None, True, "", left=Health.HEALTHY)
    for event in (disk, e.InstanceRemoved("1", "scaled in", Health.HEALTHY)):
        after = fold_set(afar, event, NOW)
        assert after is not None
        assert after.versions is None
        more = fold_set(after, e.InstanceAdded(instance("9")), NOW)
        assert more is not None
        assert more.versions is None


def test_an_event_of_an_instance_that_left_is_told_as_it_is() -> None:
    event = e.InstanceHealthChanged("9", Health.HEALTHY, Health.UNKNOWN, "")
    assert tell_health_it_leaves(scale_set(1), event) is event


def test_another_model_keeps_the_upgrade_that_is_seen() -> None:
    run = Run()
    afar = overview_of(run.set, run.upgrade)
    after = fold_set(afar, e.ScaleSetApplied(run.set), NOW)
    assert after is not None
    assert after.upgrade == afar.upgrade


def test_progress_is_the_share_of_chosen_members_at_an_end() -> None:
    run = Run(scale_set([instance("0"), instance("1"), instance("2", image=V2)]))
    assert upgrade_overview(run.upgrade).percent == 0
    run.batch()
    seen = upgrade_overview(run.upgrade)
    assert (seen.chosen, seen.percent) == (2, 50)
    run.run()
    assert upgrade_overview(run.upgrade).percent == 100
    nothing = Run(scale_set([instance("0", image=V2)]))
    assert upgrade_overview(nothing.upgrade).percent == 100
    empty = UpgradeOverview(run.upgrade, {}).chosen
    assert empty == 0
    waiting = Run(scale_set([instance("0", image=V2)]), at=5000.0)
    assert upgrade_overview(waiting.upgrade).percent == 0
    assert waiting.member("0").state is MemberState.LEFT_OUT
