"""A session that stands still: a picture of it depends on nothing but the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.model.upgrade import Now
from tui.scene import Scene
from tui.session import Link, LinkState


class StillSource:
    """A scene that does not change."""

    def __init__(self, scene: Scene, link: Link) -> None:
        self.scene = scene
        self.link = link

    def now(self) -> Now:
        """The scene's time."""
        return self.scene.now

    async def run(self, changed: Callable[[], None]) -> None:
        """Say once that it is there."""
        changed()
        await asyncio.Event().wait()


class StillSession:
    """An engine that answers what a test gives it and remembers what it was told to do."""

    live = True
    readonly = False
    place = "ana@jump-1"

    def __init__(self, *scenes: Scene, link: LinkState = LinkState.LIVE, answers: dict[str, Any] | None = None) -> None:
        self._scenes = {scene.scope: scene for scene in scenes}
        self._link = Link(link)
        self._answers = answers or {}
        self.commands: list[tuple[str, dict[str, Any]]] = []

    def source(self, scope: str) -> StillSource:
        """The scene of the scope; the first one for `overview`."""
        first = next(iter(self._scenes.values()), Scene(scope))
        return StillSource(self._scenes.get(scope, first), self._link)

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Remembered."""
        self.commands.append((verb, arguments))
        return {"message": f"{verb} accepted"}

    async def recording(self, upgrade: str) -> list[bytes]:
        """What the test gave."""
        return [f'{{"upgrade":"{upgrade}"}}'.encode()]

    async def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the test gave."""
        found: dict[str, Any] = self._answers[what]
        return found
