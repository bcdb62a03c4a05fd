"""What a fleet's word on an effect changes: the outcome in the ledger, and the events that follow from it."""

from __future__ import annotations

from engine.decide.interpret_observation import interpret_effect, interpret_instance_effect
from engine.decide.plan_effects import delete_again
from engine.model import events as e
from engine.model.effects import DISK_EFFECTS, Effect, EffectKind, EffectOutcome, OutcomeKind
from engine.model.scale_set import ScaleSet
from engine.runtime.turn import Turn


def take_outcome(turn: Turn, outcome: EffectOutcome) -> Effect | None:
    """Put an outcome into the draft; a second word on the same effect changes nothing.

    Returns the effect when the instance booted anew with it, so that what was seen of it before is stale.
    """
    effect = turn.state.open_effects.get(outcome.effect_id)
    if effect is None:
        return None
    scale_set = turn.scale_set(effect.scale_set)
    turn.settle(outcome)
    if scale_set is None:
        return None
    upgrade = turn.upgrade(effect.operation)
    if upgrade is not None:
        mine, its = interpret_effect(upgrade, scale_set, effect, outcome, turn.now)
        turn.on_upgrade(upgrade.id, *mine)
        turn.on_scale_set(scale_set.key, *its)
    else:
        turn.on_scale_set(scale_set.key, *interpret_instance_effect(scale_set, effect, outcome, turn.now))
        if effect.kind is EffectKind.DELETE_INSTANCE:
            _after_deletion(turn, scale_set, effect, outcome)
    anew = (*DISK_EFFECTS, EffectKind.CREATE_INSTANCE, EffectKind.START_INSTANCE)
    return effect if effect.kind in anew else None


def _after_deletion(turn: Turn, scale_set: ScaleSet, effect: Effect, outcome: EffectOutcome) -> None:
    if outcome.kind is OutcomeKind.FAILED:
        again = delete_again(effect)
        turn.intents += [again] if again is not None else []
        tries_on = again is not None
        turn.on_scale_set(
            scale_set.key, e.InstanceDeletionFailed(effect.instance_id, outcome.message, effect.attempt, tries_on)
        )
    done = {outcome.effect_id for outcome in turn.outcomes}
    left = [
        x
        for x in [*turn.state.open_effects.values(), *turn.intents]
        if x.scale_set == scale_set.key and x.kind is EffectKind.DELETE_INSTANCE and x.id not in done
    ]
    if scale_set.deleting and not left and not scale_set.instances:
        turn.on_scale_set(scale_set.key, e.ScaleSetDeleted())
