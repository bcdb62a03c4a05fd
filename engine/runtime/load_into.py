"""From what is stored to what the engine knows."""

from __future__ import annotations

from engine.model import events as e
from engine.model.health import HealthSource
from engine.runtime import set_aside
from engine.runtime.turn import EngineState
from engine.store.standing_halt import standing_halt
from engine.store.store import Store


def load_into(state: EngineState, store: Store) -> tuple[int, dict[str, HealthSource]]:
    """Take over everything stored; returns the last event and the load balancer probes by lower-cased resource id."""
    stored = store.load_state(set_aside.KEPT_WHOLE)
    state.scale_sets = {s.key: s for s in stored.scale_sets}
    state.upgrades = {u.id: u for u in stored.upgrades}
    state.images = {str(i.reference): i for i in stored.images}
    state.open_effects = {effect.id: effect for effect in stored.open_effects}
    probes: dict[str, HealthSource] = {}
    for recorded in store.events(0, 100_000, prefix="load_balancer/"):
        if isinstance(recorded.event, e.LoadBalancerApplied):
            probes.update(recorded.event.probes)
    for recorded in store.events(0, 100_000, prefix="policy/"):
        if isinstance(recorded.event, e.PolicyApplied | e.PolicyDeleted):
            state.fold_policy(recorded.event)
    state.halt = standing_halt(store)
    return stored.head, probes
