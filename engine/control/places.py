"""Places for connections: each user has a share; who has no role is answered once and not kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.control.gate import Gate
from engine.control.peer import Peer, PeerProtocol
from engine.control.server import error_answer
from engine.control.shares import Share, over
from engine.model.errors import UnreachableError

CONNECTIONS = Share(each=64, total=256, always=8)
STRANGERS = Share(each=8, total=32, always=0)
REFUSED_EACH = 16
"""So many over its share a user is told why; more are closed without a word."""
SHORT_S = 2.0
"""Who is not kept has so long to ask."""
_NO_PEER = -1


@dataclass(frozen=True, slots=True)
class Place:
    """What answers a connection, how long it waits for its request (None: as usual), and what frees the place."""

    app: ASGIApp
    request_s: float | None
    leave: Callable[[], None]


class Places:
    """Counts connections; `gate` tells who has a role."""

    def __init__(self, gate: Gate, known: Share = CONNECTIONS, strangers: Share = STRANGERS) -> None:
        self._gate = gate
        self._shares = {True: known, False: strangers}
        self._held: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
        self._refused: Counter[int] = Counter()

    def enter(self, peer: Peer | None, app: ASGIApp) -> Place | None:
        """A place for a new connection; one over its user's share is answered with the reason. None: close it."""
        uid = peer.uid if peer is not None else _NO_PEER
        known = peer is not None and self._gate.role_of(peer) is not None
        why = over(self._shares[known], self._held[known], uid)
        if why is None:
            answers = app if known else partial(_closing, app)
            return self._taken(self._held[known], uid, answers, None if known else SHORT_S)
        if self._refused[uid] >= REFUSED_EACH:
            return None
        return self._taken(self._refused, uid, partial(_closing, error_answer(too_many(why, known))), SHORT_S)

    def _taken(self, held: Counter[int], uid: int, app: ASGIApp, request_s: float | None) -> Place:
        held[uid] += 1

        def leave() -> None:
            held[uid] -= 1
            if not held[uid]:
                del held[uid]

        return Place(app, request_s, leave)


def too_many(why: str, known: bool) -> UnreachableError:
    """The answer to a connection over the share of its user."""
    said = f"the engine runs, but takes no further connection: it has {why.format(things='connections')}."
    way_out = "Close some of yours: each cockpit and each --follow holds one; then try again."
    return UnreachableError(
        "TooManyClients", said, way_out if known else "Ask the engine's owner for a role ([roles] in config.toml)."
    )


async def _closing(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request, then the connection ends."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    await app(scope, receive, sending)


def bounded(places: Places) -> type[PeerProtocol]:
    """The protocol of a door with these places."""

    class Bounded(PeerProtocol):
        """Every connection of this door has a place, or is refused."""

    Bounded.places = places
    return Bounded
