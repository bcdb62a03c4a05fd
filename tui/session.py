"""Where state comes from. Screens know only this: they cannot tell a live engine from a recording."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from engine.model.upgrade import Now
from tui.scene import Scene


class LinkState(StrEnum):
    """How a source stands to what it shows."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    PLAYING = "playing"
    STANDING = "standing"
    ENDED = "end"


@dataclass(frozen=True, slots=True)
class Link:
    """`words` say what went wrong; `since_at` is Unix seconds, 0 where it does not matter.

    `stopped_by`: who stopped the engine in order, as long as it is down; `startable`: this session may start it then.
    """

    state: LinkState
    words: str = ""
    since_at: float = 0.0
    stopped_by: str = ""
    startable: bool = False


class Audience:
    """Several screens on one source: one drives it, each is told; when the driver leaves the next takes over."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []
        self._driver = asyncio.Lock()

    async def run(self, changed: Callable[[], None], drive: Callable[[], Awaitable[None]]) -> None:
        """Listen until cancelled, and drive when nobody else does."""
        self._listeners.append(changed)
        try:
            async with self._driver:
                await drive()
        finally:
            self._listeners.remove(changed)

    def tell(self) -> None:
        """Something changed."""
        for listener in tuple(self._listeners):
            listener()


class Source(Protocol):
    """One scope's state, kept up to date while `run` runs."""

    @property
    def scene(self) -> Scene:
        """The present state; immutable."""
        ...

    @property
    def link(self) -> Link:
        """How fresh it is."""
        ...

    def now(self) -> Now:
        """The time to draw ages and deadlines against: the engine's at the head, the event's in a recording."""
        ...

    async def run(self, changed: Callable[[], None]) -> None:
        """Keep `scene` and `link` up to date until cancelled; `changed` is called after each change. Never raises."""
        ...


class Session(Protocol):
    """An engine or a recording."""

    live: bool
    readonly: bool
    place: str

    def source(self, scope: str) -> Source:
        """The source of `overview` or of one scale set (its key)."""
        ...

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry out a verb; raises RollsetError when it is refused or the engine is not there."""
        ...

    async def start_engine(self) -> None:
        """Start an engine that somebody stopped; raises RollsetError. Nothing where this session may start none."""
        ...

    async def recording(self, upgrade: str) -> list[bytes]:
        """The lines of a recording of one upgrade, by its id; raises RollsetError."""
        ...

    async def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read something that is no part of the state (a plan, images, history); raises RollsetError."""
        ...


class Player(Protocol):
    """What the verb keys drive while a recording is shown."""

    @property
    def run_shown(self) -> str:
        """The upgrade that it was opened for, by its id; empty where it was opened for none alone."""
        ...

    @property
    def position(self) -> int:
        """How many events have been folded."""
        ...

    @property
    def length(self) -> int:
        """How many there are."""
        ...

    @property
    def speed(self) -> float:
        """Recorded seconds in a second."""
        ...

    @property
    def errors(self) -> tuple[int, ...]:
        """Positions right after an error."""
        ...

    def elapsed_s(self) -> tuple[float, float]:
        """Recorded seconds since the start, and in all."""
        ...

    def seek_to(self, place: str) -> bool:
        """Stand still at `50%`, at event `1200` or at `2:30` since the start; False when it is none of these."""
        ...

    def toggle(self) -> None:
        """Play, or stand still; at the end it begins anew."""
        ...

    def step(self, events: int) -> None:
        """Stand still so many events further on, or back."""
        ...

    def faster(self, times: float) -> None:
        """Change the speed, within its bounds."""
        ...

    def seek(self, position: int) -> None:
        """Stand still after so many events."""
        ...

    def seek_error(self, direction: int) -> bool:
        """Stand still at the next (1) or previous (-1) error; False when there is none."""
        ...
