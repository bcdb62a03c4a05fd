"""The upgrade an operator means."""

from __future__ import annotations

from engine.model.codes import ErrorCode
from engine.model.errors import NotFoundError
from engine.model.upgrade import Upgrade
from engine.runtime.turn import EngineState

MOST_NAMED = 5
LOOK_FOR_IT = "See rollset history; runs that left for their age are in retired/ of the state directory."


def upgrades_named(state: EngineState, name: str) -> list[Upgrade]:
    """Upgrades by the id or its beginning, the last one first; `web-1` is not the beginning of `web-12-9f3c1a`.

    The name of a scale set alone names none of its upgrades.
    """
    if name in state.upgrades:
        return [state.upgrades[name]]
    found = [u for u in state.upgrades.values() if len(name) > len(u.scale_set_name) and u.id.startswith(name)]
    whole = [u for u in found if name.endswith("-") or u.id.startswith(f"{name}-")]
    return sorted(whole or found, key=lambda u: (u.started_at, u.id), reverse=True)


def find_upgrade(state: EngineState, name: str) -> Upgrade:
    """The one upgrade whose id is this or begins so. Raises NotFoundError."""
    found = upgrades_named(state, name)
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(u.id for u in found[:MOST_NAMED]) + (" and more" if len(found) > MOST_NAMED else "")
        raise NotFoundError(
            ErrorCode.NOT_FOUND, f"{len(found)} upgrades begin with {name!r}: {ids}.", "Give more of its id."
        )
    raise NotFoundError(ErrorCode.NOT_FOUND, f"no upgrade is called {name!r}.", LOOK_FOR_IT)
