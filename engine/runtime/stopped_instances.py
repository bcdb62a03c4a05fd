"""Local instances that end together with the engine, because somebody said so: they stay down until they are asked for.

Those of a set whose upgrade goes on with the next engine are no such ones: it needs them.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.decide.stay_down import goes_on_by_itself
from engine.model import events as e
from engine.model.health import Health
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet
from engine.runtime.adoption import AGAIN
from engine.runtime.arguments import Arguments
from engine.runtime.decided import Answer, Decided
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.turn import Turn


def mark_stopped(engine: Engine, turn: Turn) -> None:
    """Note in the engine's last turn who stays down, where it was told to end instances."""
    for scale_set in _ending(engine) if engine.stop_instances else ():
        for instance in scale_set.instances.values():
            if instance.provisioned and (instance.running or instance.trying is not None):
                turn.on_scale_set(scale_set.key, e.InstanceStopped(instance.instance_id, engine.stop_instances))


def with_it(engine: Engine) -> str:
    """What becomes of the instances of an engine that ends with them."""
    rolling = [s.name for s in _local(engine) if goes_on_by_itself(engine.state.live_upgrade(s.key))]
    said = "and its instances with it until `rollset engine start`"
    if not rolling:
        return said
    return f"{said}; those of {', '.join(sorted(rolling)[:5])} come back with the next engine, as their upgrade goes on"


async def start_instances(engine: Engine, arguments: Arguments, caller: Caller) -> Decided:
    """Boot what was stopped with an engine."""
    turn = engine.turn(caller.user)
    down = [(s, i) for s in _local(engine) for i in s.instances.values() if i.stopped_by]
    for scale_set, instance in down:
        name = instance.instance_id
        turn.on_scale_set(
            scale_set.key,
            e.InstanceStarting(name, f"{caller.user} asks for it"),
            e.InstanceHealthChanged(name, instance.health, Health.NOT_OBSERVED, AGAIN),
        )

    def answer() -> Answer:
        for scale_set, instance in down:
            if engine.watch is not None:
                engine.watch.booted_again(scale_set, instance)
        booted = f"{many(len(down), 'instance')} that {'was' if len(down) == 1 else 'were'} stopped with it"
        return {"message": f"the engine runs and boots {booted}" if down else "the engine runs"}

    return Decided(turn, answer)


def _local(engine: Engine) -> Iterator[ScaleSet]:
    return (s for s in engine.state.scale_sets.values() if s.fleet == "local" and not s.deleting)


def _ending(engine: Engine) -> Iterator[ScaleSet]:
    return (s for s in _local(engine) if not goes_on_by_itself(engine.state.live_upgrade(s.key)))
