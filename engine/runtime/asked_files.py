"""What addresses of files answered lately, so that many who look at a plan do not ask as many times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from engine.fleets.local.fetching import Missing, missing

REMEMBERED_S = 60.0
MOST_REMEMBERED = 2_000
"""Addresses; beyond it the oldest answers are forgotten."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """`missing` is None where the file was there; `asked_at` in seconds of the event loop."""

    missing: Missing | None
    asked_at: float


class AskedFiles:
    """Asks whether files can be had, for one scale set one asking after the other, and remembers for a minute."""

    def __init__(self) -> None:
        self._answers: dict[str, _Answer] = {}
        self._asking: dict[str, anyio.Lock] = {}

    async def missing(self, scale_set: str, uris: Sequence[str], *, anew: bool) -> Mapping[str, Missing]:
        """By address, the files that cannot be had, as `fetching.missing` says; an answer of the last minute stands.

        With `anew` only a good one stands, and one that was asked for since this call: nobody is refused for what has
        been mended meanwhile.
        """
        came_at = anyio.current_time()
        async with self._alone(scale_set):
            now = anyio.current_time()
            since = came_at if anew else now - REMEMBERED_S
            left = [uri for uri in uris if not self._stands(uri, now, since)]
            gone = await missing(left) if left else {}
            found = {uri: _Answer(gone.get(uri), now) if uri in left else self._answers[uri] for uri in uris}
            self._remember({uri: found[uri] for uri in left})
        return {uri: x.missing for uri, x in found.items() if x.missing is not None}

    def _stands(self, uri: str, now: float, since: float) -> bool:
        answer = self._answers.get(uri)
        if answer is None or not 0 <= now - answer.asked_at < REMEMBERED_S:
            return False
        return answer.missing is None or answer.asked_at >= since

    def _remember(self, answers: Mapping[str, _Answer]) -> None:
        for uri, answer in answers.items():
            self._answers.pop(uri, None)
            self._answers[uri] = answer
        while len(self._answers) > MOST_REMEMBERED:
            del self._answers[next(iter(self._answers))]

    @asynccontextmanager
    async def _alone(self, scale_set: str) -> AsyncIterator[None]:
        lock = self._asking.setdefault(scale_set, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():  # a lock that is waited for is handed on without being open in between
                self._asking.pop(scale_set, None)
