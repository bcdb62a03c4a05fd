"""A command given on an older look at an upgrade: refused, with what happened since and who did it."""

from __future__ import annotations

from engine.decide.evolve import moves_version
from engine.model.codes import ErrorCode
from engine.model.errors import RefusedError
from engine.model.events import Recorded
from engine.model.upgrade import Upgrade
from engine.runtime.engine import Engine
from engine.wire.words import words

TOLD = 4
LOOKED_AT = 100_000


def refuse_stale(engine: Engine, upgrade: Upgrade, seen: int | None) -> None:
    """Raise RefusedError unless the upgrade is as its caller saw it; None says nothing about what was seen."""
    if seen is None or seen == upgrade.version:
        return
    if not 1 <= seen < upgrade.version:
        raise RefusedError(
            ErrorCode.CONFLICT,
            f"upgrade {upgrade.id} never had version {seen}; it has version {upgrade.version}.",
            "Look at it again, then decide.",
        )
    since = _since(engine, upgrade, seen)
    now = engine.clock.now().at
    told = "; ".join(_told(recorded, now) for recorded in since[-TOLD:])
    more = f"{len(since) - TOLD} earlier; " if len(since) > TOLD else ""
    raise RefusedError(
        ErrorCode.CONFLICT,
        f"upgrade {upgrade.id} has moved on since you looked (version {seen}, now {upgrade.version}, "
        f"{upgrade.state.value}): {more}{told}.",
        "Look at it again, then decide.",
    )


def _since(engine: Engine, upgrade: Upgrade, seen: int) -> list[Recorded]:
    found = engine.store.events(0, LOOKED_AT, streams=(f"upgrade/{upgrade.id}",))
    return [recorded for recorded in found if moves_version(recorded.event)][seen:]


def _told(recorded: Recorded, now: float) -> str:
    return f"{recorded.actor}, {max(0.0, now - recorded.at):.0f} s ago: {words(recorded.event)}"
