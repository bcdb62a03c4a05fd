"""The session of a recorded file: a snapshot and the events after it, played, stepped and sought."""

from __future__ import annotations

import asyncio
import bisect
import gzip
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from engine.model.errors import InputError, RefusedError
from engine.model.events import Recorded
from engine.model.upgrade import Now
from engine.wire.recording import OVERVIEW, Earlier, read_lines
from tui.recorded_answers import recorded_answer, streams_of
from tui.replay_bar import place_of
from tui.scene import FEED_LINES, Scene, fold, of_one_set
from tui.scene_events import feed_line, is_error, is_quiet
from tui.session import Audience, Link, LinkState, Source

SIZE_LIMIT = 256 * 1024 * 1024
"""Unpacked bytes; a recording of 1,000 instances has about ten million."""
CHECKPOINT = 250
SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
LONGEST_WAIT_S = 3.0
"""A silence in a recording is cut to this, at any speed."""
TICK_S = 0.1


def read_file(path: Path) -> list[bytes]:
    """The lines of a recording. Raises InputError that names the file."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as source:
            data = source.read(SIZE_LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            "InvalidParameter", f"{path} cannot be read: {error}.", "Give a .jsonl or .jsonl.gz file."
        ) from error
    if len(data) > SIZE_LIMIT:
        raise InputError("InvalidParameter", f"{path} holds more than {SIZE_LIMIT} bytes.", "Record a shorter time.")
    return data.splitlines()


class RecordedSession:
    """A recording. It has one scope, shown whatever scope is asked for; sets that are whole in one of all are too."""

    live = False
    readonly = True

    def __init__(self, name: str, lines: Iterable[str | bytes], *, run: str = "") -> None:
        """`run` is the upgrade that is to be shown, by its id: what the set's feed told before it is left out."""
        self.place = name
        scene = Scene("")
        earlier: list[Recorded] = []
        events: list[Recorded] = []
        for item in read_lines(lines, name):
            if isinstance(item, Recorded):
                events.append(item)
                continue
            if isinstance(item, Earlier):
                if run:
                    continue
                earlier.append(_event_of(item, name))
            scene = fold(scene, item)
        self._earlier, self._later = earlier, events
        self.set_in_scope = scene.scope if scene.scope != OVERVIEW else ""
        self._whole = frozenset(scene.scale_sets if scene.scope == OVERVIEW else ())
        self.player = RecordedPlayer(scene, events, run)

    @classmethod
    def open(cls, path: Path) -> RecordedSession:
        """Read a file. Raises InputError when it is no recording."""
        return cls(path.name, read_file(path))

    def source(self, scope: str) -> Source:
        """The one source of this recording, or of a set in a recording of all."""
        if scope not in self._whole:
            return self.player
        return RecordedSet(self.player, scope, self._earlier, self._later)

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Refused: what is recorded has happened."""
        raise RefusedError(
            "OperationNotAllowed", f"{self.place} is a recording: nothing can be changed.", "Open the engine."
        )

    async def start_engine(self) -> None:
        """Nothing: a recording has no engine."""

    async def recording(self, upgrade: str) -> list[bytes]:
        """Refused: this is one."""
        raise RefusedError("OperationNotAllowed", f"{self.place} is a recording already.", "Press p to play it.")

    async def query(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What its state and its events tell; refused for what they do not."""
        return recorded_answer(what, arguments, self.player.scene, [*self._earlier, *self._later], self.place)


def _event_of(item: Earlier, name: str) -> Recorded:
    try:
        return item.recorded
    except (ValueError, KeyError, TypeError) as error:
        said = f"{name}: an event before its beginning cannot be read ({type(error).__name__})."
        raise InputError("InvalidParameter", said, "Take a file that `rollset record` wrote.") from None


class RecordedPlayer:
    """Source and player in one. `position` is the number of events folded into `scene`.

    It stands at the beginning; where `run` names an upgrade, at the first event of that.
    """

    def __init__(self, first: Scene, events: list[Recorded], run: str = "") -> None:
        self._events = events
        self._kept: dict[int, Scene] = {0: first}
        self._at = [recorded.at for recorded in events]
        self._errors = [n for n, recorded in enumerate(events, 1) if is_error(recorded.event)]
        self._audience = Audience()
        self._wake = asyncio.Event()
        self._played_at = self._first_at = first.now.at
        self.position = 0
        self.speed = 1.0
        self.scene = first
        self.link = Link(LinkState.STANDING)
        self.run_shown = run
        began = next((n for n, recorded in enumerate(events, 1) if recorded.stream == f"upgrade/{run}"), 0)
        self._go(began if run else 0)

    @property
    def length(self) -> int:
        """How many events there are."""
        return len(self._events)

    @property
    def errors(self) -> tuple[int, ...]:
        """Positions right after an error."""
        return tuple(self._errors)

    def elapsed_s(self) -> tuple[float, float]:
        """Recorded seconds since the start, and in all."""
        return self.now().at - self._first_at, (self._at[-1] if self._at else self._first_at) - self._first_at

    def seek_to(self, place: str) -> bool:
        """Stand still at a place in words."""
        position = place_of(place, self.length, self._at, self._first_at)
        if position is not None:
            self.seek(position)
        return position is not None

    def now(self) -> Now:
        """The time of the last event; between events while playing."""
        last = self.scene.now
        gone = max(0.0, self._played_at - last.at) if self.link.state is LinkState.PLAYING else 0.0
        return Now(last.at + gone, last.clock + gone)

    def toggle(self) -> None:
        """Play, or stand still; at the end it begins anew."""
        if self.link.state is LinkState.PLAYING:
            self._stand()
            return
        if self.position >= self.length:
            self._go(0)
        self._played_at = self.scene.now.at
        self.link = Link(LinkState.PLAYING)
        self._wake.set()
        self._audience.tell()

    def step(self, events: int) -> None:
        """Stand still so many events further on, or back."""
        self.seek(self.position + events)

    def seek(self, position: int) -> None:
        """Stand still after so many events."""
        self._go(max(0, min(position, self.length)))
        self._stand()

    def faster(self, times: float) -> None:
        """The next speed up (times above 1) or down."""
        at = min(range(len(SPEEDS)), key=lambda n: abs(SPEEDS[n] - self.speed))
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, at + (1 if times > 1 else -1)))]
        self._audience.tell()

    def seek_error(self, direction: int) -> bool:
        """Stand still at the next or previous error."""
        at = (
            bisect.bisect_right(self._errors, self.position)
            if direction > 0
            else bisect.bisect_left(self._errors, self.position) - 1
        )
        if not 0 <= at < len(self._errors):
            return False
        self.seek(self._errors[at])
        return True

    async def run(self, changed: Callable[[], None]) -> None:
        """Play when asked to, until cancelled."""
        await self._audience.run(changed, self._drive)

    async def _drive(self) -> None:
        while True:
            if self.link.state is not LinkState.PLAYING:
                self._wake.clear()
                await self._wake.wait()
                continue
            began = time.monotonic()
            await asyncio.sleep(TICK_S)
            if self.link.state is LinkState.PLAYING:
                self._play((time.monotonic() - began) * self.speed)
                self._audience.tell()

    def _play(self, seconds: float) -> None:
        following = self._at[self.position] if self.position < self.length else None
        if following is None:
            self._stand()
            return
        self._played_at = max(self._played_at + seconds, following - LONGEST_WAIT_S * self.speed)
        self._go(bisect.bisect_right(self._at, self._played_at, lo=self.position))

    def _stand(self) -> None:
        self.link = Link(LinkState.ENDED if self.position >= self.length else LinkState.STANDING)
        self._audience.tell()

    def _go(self, position: int) -> None:
        base = self.position if self.position <= position else max(n for n in self._kept if n <= position)
        scene = self.scene if base == self.position else self._kept[base]
        for number in range(base, position):
            scene = fold(scene, self._events[number])
            if (number + 1) % CHECKPOINT == 0:
                self._kept[number + 1] = scene
        self.scene, self.position = scene, position


class RecordedSet:
    """One set's part of a recording of all sets."""

    def __init__(
        self, player: RecordedPlayer, key: str, earlier: Sequence[Recorded], events: Sequence[Recorded]
    ) -> None:
        self._player = player
        self._key = key
        self._of: Scene | None = None
        self._scene = Scene(key)
        streams = streams_of(events, player.scene, key)
        told = [(n, x) for n, x in enumerate((*earlier, *events), 1 - len(earlier)) if x.stream in streams]
        self._feed = [(n, feed_line(x)) for n, x in told if not is_quiet(x.event)]

    @property
    def scene(self) -> Scene:
        """The set's part of what the player shows."""
        if self._of is not self._player.scene:
            self._of = self._player.scene
            until = bisect.bisect_right(self._feed, self._player.position, key=lambda line: line[0])
            feed = tuple(line for _, line in self._feed[max(0, until - FEED_LINES) : until])
            self._scene = of_one_set(self._of, self._key, feed)
        return self._scene

    @property
    def link(self) -> Link:
        """The player's."""
        return self._player.link

    def now(self) -> Now:
        """The player's time."""
        return self._player.now()

    async def run(self, changed: Callable[[], None]) -> None:
        """As the player runs."""
        await self._player.run(changed)
