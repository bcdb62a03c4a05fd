"""Who is attached: told by an event whenever the people at the streams change, not with every stream."""

from __future__ import annotations

import anyio

from engine.control.streams import Requests
from engine.model import events as e
from engine.model.engine_events import Attached
from engine.model.errors import UnreachableError
from engine.runtime.engine import Engine

LOOK_S = 0.5


def people(seen: Requests, wall: float, clock: float) -> tuple[Attached, ...]:
    """One record for each user, role and origin; `since_at` is when the first stream of it began."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for stream in seen.attached:
        caller = stream.caller
        origin = caller.claimed.get("ssh-connection", "").split(" ")[0] or caller.claimed.get("tty", "")
        found.setdefault((caller.user, str(caller.role or ""), origin), []).append(stream.since_clock)
    return tuple(
        Attached(user, role, origin, len(since), round(wall - (clock - min(since)), 1))
        for (user, role, origin), since in sorted(found.items())
    )


def who(attached: tuple[Attached, ...]) -> set[tuple[str, str, str]]:
    """The people, whatever the number of their streams."""
    return {(one.user, one.role, one.origin) for one in attached}


class Presence:
    """Keeps `engine.presence` up to date and tells changes of people as events."""

    def __init__(self, engine: Engine, seen: Requests) -> None:
        self._engine = engine
        self._seen = seen

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.look()
            await anyio.sleep(LOOK_S)

    def look(self) -> None:
        """One look. A store that cannot be written is tried again with the next one."""
        turn = self._engine.turn()
        now = people(self._seen, turn.now.at, self._seen.clock())
        changed = who(now) != who(self._engine.presence)
        if changed:
            turn.note("engine", e.PresenceChanged(now))
            try:
                self._engine.commit(turn)
            except UnreachableError:
                return
        self._engine.presence = now
        live = (u for u in self._engine.state.upgrades.values() if u.live and u.outlook is not None)
        kinds = [u.outlook.blocked_kind for u in live if u.outlook is not None and u.outlook.blocked_kind]
        self._engine.measures.waited(kinds, turn.now.clock)
