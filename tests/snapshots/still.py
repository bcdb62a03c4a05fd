"""A session that stands still: a picture of it depends on nothing but the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from engine.model.commands import Verb
from engine.model.errors import RefusedError, RollsetError
from engine.model.events import Recorded
from engine.model.upgrade import Now
from tests.snapshots.story import Story
from tui.recorded_answers import recorded_answer
from tui.scene import Scene
from tui.session import Link, LinkState

NOW = 1_800_000_000.0
"""What the clock of the machine says in pictures."""
LIVE = Link(LinkState.LIVE)
LOST = Link(LinkState.LOST, "the engine cannot be reached: its socket does not answer", NOW - 75)


VERBS = {
    "pause": Verb.PAUSE,
    "resume": Verb.RESUME,
    "step": Verb.STEP,
    "rollback": Verb.ROLL_BACK,
    "cancel": Verb.CANCEL,
}


class StillSource:
    """A scene that does not change."""

    def __init__(self, scene: Scene, link: Link) -> None:
        self.scene = scene
        self.link = link
        self._changed: Callable[[], None] = lambda: None

    def now(self) -> Now:
        """The scene's time."""
        return self.scene.now

    async def run(self, changed: Callable[[], None]) -> None:
        """Say that it is there; later, when it is told that it is another."""
        self._changed = changed
        changed()
        await asyncio.Event().wait()

    def become(self, scene: Scene, link: Link = LIVE) -> None:
        """Another scene from now on."""
        self.scene, self.link = scene, link
        self._changed()


class StillSession:
    """An engine that answers what a test gives it and remembers what it was told to do."""

    live = True
    readonly = False
    place = "ana@jump-1"

    def __init__(
        self,
        *scenes: Scene,
        link: Link = LIVE,
        answers: dict[str, Any] | None = None,
        events: Sequence[Recorded] = (),
    ) -> None:
        self._scenes = {scene.scope: scene for scene in scenes}
        self._link = link
        self._answers = answers or {}
        self._events = events
        self.commands: list[tuple[str, dict[str, Any]]] = []

    def source(self, scope: str) -> StillSource:
        """The scene of the scope; the first one for `overview`."""
        first = next(iter(self._scenes.values()), Scene(scope))
        return StillSource(self._scenes.get(scope, first), self._link)

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Remembered."""
        self.commands.append((verb, arguments))
        return {"message": f"{verb} accepted"}

    async def start_engine(self) -> None:
        """Remembered."""
        self.commands.append(("start_engine", {}))

    async def recording(self, upgrade: str) -> list[bytes]:
        """What the test gave."""
        return [f'{{"upgrade":"{upgrade}"}}'.encode()]

    async def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the test gave, else what the events tell."""
        found = self._answers.get(what)
        if isinstance(found, RollsetError):
            raise found
        if found is not None:
            return dict(found)
        return recorded_answer(what, arguments, self.source("").scene, self._events, "this session")


class StorySession(StillSession):
    """An engine that does what it is told: each command goes on with the story."""

    def __init__(self, story: Story, link: Link = LIVE) -> None:
        super().__init__(story.scene, link=link, events=story.events)
        self.story = story
        self.refuses: RollsetError | None = None
        self._sources: list[StillSource] = []

    def source(self, scope: str) -> StillSource:
        """One source a screen; all of them show the story."""
        found = StillSource(self.story.scene, self._link)
        self._sources.append(found)
        return found

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carried out."""
        await super().command(verb, arguments)
        if self.refuses is not None:
            raise self.refuses
        if verb != "pause" and arguments.get("confirm") != "web-eu":
            words = f"web-eu is tagged environment=production, and {verb} needs its name."
            raise RefusedError("ConfirmationRequired", words, "Add --confirm web-eu.")
        reason = str(arguments.get("reason", ""))
        if verb == "start":
            self.story.start(reason=reason)
        else:
            self.story.command(VERBS[verb], "ana", reason)
        self.become(self._link)
        return {"message": f"{verb}: accepted"}

    async def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The plan as of now; the rest out of the events."""
        if what == "plan":
            return {"plan": self.story.plan()}
        return await super().query(what, arguments)

    def become(self, link: Link) -> None:
        """Show the story as it is now, over such a line."""
        self._link = link
        for source in self._sources:
            source.become(self.story.scene, link)
