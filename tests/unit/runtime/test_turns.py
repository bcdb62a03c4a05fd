"""What a turn takes in and what follows from it: retries of deletions, and wake-ups that were lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model import events as e
from engine.model.effects import EffectKind, EffectOutcome, OutcomeKind
from engine.runtime import answers
from engine.runtime.clock import EngineClock
from engine.runtime.engine import PLAN_ALL_S, Engine
from engine.runtime.scaling import delete_set
from engine.runtime.turn import Turn
from tests.unit.runtime.conftest import apply, scale_set_document

pytestmark = pytest.mark.anyio


async def settle_all(engine: Engine, kind: OutcomeKind) -> int:
    """Report the same outcome for everything in flight and take it in; gives how many there were."""
    effects = list(engine.state.open_effects.values())
    for effect in effects:
        engine.report(EffectOutcome(effect.id, kind, "InternalExecutionError", "no", disk="1", digest=effect.digest))
    await engine.take_facts()
    return len(effects)


async def provisioned(engine: Engine) -> str:
    apply(engine, scale_set_document())
    key = engine.find_set("web").key
    assert await settle_all(engine, OutcomeKind.SUCCEEDED) == 3
    return key


async def test_a_deletion_that_fails_is_tried_again_and_the_set_stays_until_it_is_done(engine: Engine) -> None:
    key = await provisioned(engine)
    engine.commit(delete_set(engine, engine.find_set("web"), "ana", ""))
    first = set(engine.state.open_effects)
    await settle_all(engine, OutcomeKind.FAILED)
    again = engine.state.open_effects
    assert len(again) == 3 and not first & set(again)
    assert {x.attempt for x in again.values()} == {2}
    assert key in engine.state.scale_sets
    await settle_all(engine, OutcomeKind.SUCCEEDED)
    assert key not in engine.state.scale_sets


async def test_a_deletion_that_never_works_is_given_up_and_said(engine: Engine) -> None:
    await provisioned(engine)
    engine.commit(delete_set(engine, engine.find_set("web"), "ana", ""))
    rounds = 0
    while engine.state.open_effects:
        await settle_all(engine, OutcomeKind.FAILED)
        rounds += 1
        assert rounds < 20
    failures = [r.event for r in engine.store.events(0) if isinstance(r.event, e.InstanceDeletionFailed)]
    assert len(failures) == 3 * rounds
    assert [x.tries_on for x in failures[-3:]] == [False] * 3
    assert engine.state.scale_sets == {}


async def test_what_no_event_touched_is_planned_again_after_a_while(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wake-up that was lost costs at most PLAN_ALL_S seconds."""
    with monkeypatch.context() as deaf:
        deaf.setattr(Turn, "plan", lambda self, everything: None)
        apply(engine, scale_set_document())
    await engine.take_facts()
    assert engine.state.open_effects == {}
    later = engine.clock.now().clock + PLAN_ALL_S
    engine.clock = EngineClock(later, lambda: 1000.0 + PLAN_ALL_S, lambda: 50.0)
    await engine.take_facts()
    assert {x.kind for x in engine.state.open_effects.values()} == {EffectKind.CREATE_INSTANCE}


async def test_facts_about_nothing_known_change_nothing(engine: Engine) -> None:
    apply(engine, scale_set_document())
    head = engine.head
    engine.report(EffectOutcome("unknown", OutcomeKind.SUCCEEDED))
    await engine.take_facts()
    assert engine.head == head


async def test_a_second_word_on_the_same_effect_changes_nothing(engine: Engine) -> None:
    apply(engine, scale_set_document())
    effect = next(iter(engine.state.open_effects.values()))
    outcome = EffectOutcome(effect.id, OutcomeKind.SUCCEEDED, disk="1", digest=effect.digest)
    engine.report(outcome)
    await engine.take_facts()
    head = engine.head
    engine.report(replace(outcome, kind=OutcomeKind.FAILED))
    await engine.take_facts()
    assert engine.head == head


async def test_a_creation_that_fails_is_tried_until_it_works_and_says_why(engine: Engine) -> None:
    apply(engine, scale_set_document())
    key = engine.find_set("web").key
    for attempt in range(1, 9):
        assert {x.attempt for x in engine.state.open_effects.values()} == {attempt}
        assert await settle_all(engine, OutcomeKind.FAILED) == 3
        (warning,) = answers.set_summary(engine, engine.find_set("web"))["warnings"]
        assert warning == "3 instances could not be created yet (0, 1, 2), tried again: no"

    assert await settle_all(engine, OutcomeKind.SUCCEEDED) == 3

    assert all(x.provisioned for x in engine.state.scale_sets[key].instances.values())
    assert answers.set_summary(engine, engine.find_set("web"))["warnings"] == []


async def test_a_set_that_could_never_be_created_can_be_deleted(engine: Engine) -> None:
    apply(engine, scale_set_document())
    await settle_all(engine, OutcomeKind.FAILED)
    engine.commit(delete_set(engine, engine.find_set("web"), "ana", ""))

    await settle_all(engine, OutcomeKind.SUCCEEDED)

    assert engine.state.scale_sets == {} and engine.state.open_effects == {}
