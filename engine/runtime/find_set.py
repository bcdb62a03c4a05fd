"""The scale set an operator means."""

from __future__ import annotations

from engine.model.codes import ErrorCode
from engine.model.errors import NotFoundError
from engine.model.scale_set import ScaleSet
from engine.runtime.turn import EngineState


def find_set(state: EngineState, name: str) -> ScaleSet:
    """A scale set by its resource id, or by name when that is unique. Raises NotFoundError."""
    key = name.lower()
    if key in state.scale_sets:
        return state.scale_sets[key]
    named = [s for s in state.scale_sets.values() if s.name.lower() == key]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(s.resource_id for s in named)
        raise NotFoundError(ErrorCode.NOT_FOUND, f"{len(named)} scale sets are called {name!r}: {ids}.", "Give the id.")
    if (upgrade := state.upgrades.get(name)) is not None:
        of = upgrade.scale_set_name
        raise NotFoundError(
            ErrorCode.NOT_FOUND,
            f"{name} is an upgrade, not a scale set.",
            f"Give its scale set: {of}. What became of the upgrade: rollset explain {name}",
        )
    known = ", ".join(sorted(s.name for s in state.scale_sets.values())) or "none yet"
    raise NotFoundError(
        ErrorCode.NOT_FOUND,
        f"no scale set is called {name!r}; there are: {known}.",
        "Create one: rollset apply FILE",
    )
