"""What the engine offers to whoever stands at its door, in process or over the socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.runtime.permissions import Role
from engine.runtime.recent_events import EventLine


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: `uid` and `user` are the kernel's word, `claimed` what the caller's environment says.

    `role` is None for somebody without one; a caller in process acts for the engine's owner. `login` is the user who
    logged in, where the kernel knows: it stays through sudo.
    """

    uid: int
    user: str
    claimed: Mapping[str, str] = field(default_factory=dict)
    role: Role | None = Role.ADMIN
    login: str | None = None


class Door(Protocol):
    """Commands change, queries read; both raise RollsetError and take and give JSON values only."""

    async def command(self, verb: str, arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Carry out a verb; what is acknowledged is on disk."""
        ...

    async def query(self, what: str, arguments: dict[str, str], caller: Caller) -> dict[str, Any]:
        """Answer from the present state; changes nothing."""
        ...

    def head(self) -> int:
        """The seq of the last committed event."""
        ...

    def scope_of(self, name: str) -> str:
        """A scope that stays good when its set is deleted; raises NotFoundError where nothing was ever called so."""
        ...

    def scope_ended(self, scope: str) -> bool:
        """Whether no event of a scope will come any more: its set is gone."""
        ...

    async def events_after(self, seq: int, scope: str, limit: int) -> list[EventLine]:
        """At most `limit` events with a greater seq, oldest first, as lines."""
        ...

    async def snapshot(self, scope: str) -> list[str]:
        """The lines of a snapshot at the head, without line breaks; the events after it carry on from there."""
        ...

    async def recording(self, upgrade: str) -> list[str]:
        """The lines of a recording of one upgrade, without line breaks."""
        ...

    def ended(self) -> str | None:
        """None while the engine goes on; once it ends, who asked for that, empty where nobody did."""
        ...

    async def wait_for_events(self, seq: int, timeout_s: float) -> None:
        """Return when there is an event after `seq`, the engine ends, or after the time given."""
        ...
