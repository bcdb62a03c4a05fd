"""Which acts should be in flight, from state alone, and their keys."""

from __future__ import annotations

from dataclasses import replace

from engine.decide.plan_effects import delete_effect, plan_effects, plan_instances, wanted_effect_id
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.effects import EffectKind, effect_id
from engine.model.scale_set import ExtensionResult
from engine.model.upgrade import Hold, HoldKind
from tests.unit.decide.given import AGENT, SETUP, TOLERANT, Run, instance, scale_set


def test_the_same_wish_has_the_same_id_however_often_it_is_planned() -> None:
    run = Run()
    assert [x.id for x in run.effects()] == [x.id for x in run.effects()]
    assert len({x.id for x in run.effects()}) == 2


def test_every_part_of_a_wish_changes_its_id() -> None:
    base = ("u", "m", EffectKind.RUN_EXTENSION, "setup", 1)
    others = [
        ("v", *base[1:]),
        ("u", "n", *base[2:]),
        ("u", "m", EffectKind.REPLACE_OS_DISK, "setup", 1),
        ("u", "m", EffectKind.RUN_EXTENSION, "agent", 1),
        ("u", "m", EffectKind.RUN_EXTENSION, "setup", 2),
    ]
    assert len({effect_id(*base), *(effect_id(*other) for other in others)}) == 6


def test_each_doing_state_wants_one_effect_and_waiting_for_health_none() -> None:
    run = Run(scale_set(1, policy=TOLERANT, model={"extensions": (SETUP,)}))
    kinds = []
    while run.effects():
        effect = run.effects()[0]
        assert wanted_effect_id(run.upgrade, run.member("0")) == effect.id
        kinds.append(effect.kind)
        run.act()
    assert kinds == [EffectKind.CAPTURE_RESTORE_POINT, EffectKind.REPLACE_OS_DISK, EffectKind.RUN_EXTENSION]
    assert wanted_effect_id(run.upgrade, run.member("0")) is None


def test_an_effect_carries_all_that_a_fleet_needs() -> None:
    model = {"extensions": (SETUP,), "data_disks": 2, "port": 81, "environment": {"A": "b"}}
    run = Run(scale_set([instance("0", zone="2")], policy=TOLERANT, model=model))
    run.act()
    replacing = run.effects()[0]
    assert (replacing.digest, replacing.image, replacing.disk) == ("sha256:2.0.0", "contoso:web:stable:2.0.0", "")
    assert (replacing.port, replacing.data_disks, replacing.zone, replacing.environment) == (81, 2, "2", {"A": "b"})
    assert (replacing.operation, replacing.member, replacing.deadline_s) == ("web-1", "m0", 600.0)
    run.act()
    extension = run.effects()[0]
    assert (extension.extension, extension.step, extension.deadline_s) == (SETUP, "setup", 5400.0)


def test_a_repeated_restore_and_a_repeated_attempt_have_ids_of_their_own() -> None:
    run = Run(scale_set(1, policy=TOLERANT))
    seen = []
    for _ in range(2):
        run.swap()
        run.sick("0")
        run.wait(300.0)
        restore = run.effects()[0]
        seen.append((restore.id, restore.attempt))
        run.fail(restore)
        run.command(Verb.RETRY)
    assert len({name for name, _ in seen}) == 2
    assert [attempt for _, attempt in seen] == [1, 1001]


def test_nothing_is_wanted_after_the_end_or_under_a_hard_hold_but_soft_ones_let_it_finish() -> None:
    run = Run()
    run.command(Verb.PAUSE)
    assert len(run.effects()) == 2
    run.fold(e.HoldRaised(Hold(HoldKind.CLOCK_UNTRUSTED, 0.0, "engine", "")))
    assert run.effects() == []
    run.fold(e.UpgradeCancelled())
    assert plan_effects(run.upgrade, run.set) == []


def test_a_member_whose_instance_is_gone_wants_nothing() -> None:
    run = Run(scale_set(1))
    assert plan_effects(run.upgrade, replace(run.set, instances={})) == []


def test_new_instances_are_created_then_run_their_scripts() -> None:
    script = replace(AGENT, type="Watcher")
    over = scale_set(
        [instance("0"), instance("1", disk="", provisioned=False), instance("2", disk="5", provisioned=False)],
        model={"extensions": (script, SETUP)},
    )
    create, extend = plan_instances(over)
    assert (create.kind, create.instance_id, create.step) == (EffectKind.CREATE_INSTANCE, "1", "")
    assert (extend.kind, extend.instance_id, extend.extension) == (EffectKind.RUN_EXTENSION, "2", SETUP)
    done = ExtensionResult("setup", 0, "", "", 1.0)
    ran = replace(over, instances={"2": replace(over.instances["2"], extensions=(done,))})
    assert [x.kind for x in plan_instances(ran)] == [EffectKind.CREATE_INSTANCE]
    assert plan_instances(replace(over, deleting=True)) == []


def test_an_id_used_again_for_a_younger_instance_is_another_wish() -> None:
    first = scale_set([instance("1", provisioned=False, created_at=1.0)])
    second = scale_set([instance("1", provisioned=False, created_at=2.0)])
    assert plan_instances(first)[0].id != plan_instances(second)[0].id
    assert delete_effect(first, first.instances["1"]).id != delete_effect(second, second.instances["1"]).id


def test_the_extensions_of_a_member_share_the_budget_of_the_model() -> None:
    run = Run(scale_set(1, model={"extensions": (SETUP, AGENT), "extension_budget_s": 900.0}))
    run.act()
    run.wait(50.0)
    run.act()
    assert run.effects()[0].deadline_s == 900.0
    run.wait(600.0)
    run.act()
    assert (run.effects()[0].step, run.effects()[0].deadline_s) == ("agent", 300.0)
    assert "900 s" in {s.value for s in run.plan.settings if s.name == "extensionsTimeBudget"}


def test_an_extension_whose_budget_is_spent_is_still_begun_and_ended_at_once() -> None:
    run = Run(scale_set(1, model={"extensions": (SETUP, AGENT), "extension_budget_s": 900.0}))
    run.act()
    run.act()
    run.wait(950.0)
    run.act()
    assert run.effects()[0].deadline_s == 1.0


def test_a_new_instance_has_the_models_budget_for_its_extensions() -> None:
    new = instance("5", provisioned=False)
    (effect,) = plan_instances(scale_set([new], model={"extensions": (SETUP,), "extension_budget_s": 900.0}))
    assert (effect.kind, effect.deadline_s) == (EffectKind.RUN_EXTENSION, 900.0)
