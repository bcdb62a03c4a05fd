"""Given addresses that were asked for files, when they are wanted again soon, then a good answer stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio
import pytest

from engine.fleets.local.fetching import Missing
from engine.runtime import asked_files
from engine.runtime.asked_files import MOST_REMEMBERED, REMEMBERED_S, AskedFiles
from tests.worlds.small_engine import on_virtual_time

HERE, GONE = "https://host/here.sh", "https://host/gone.sh"
TAKES_S = 3.0
Story = Callable[[AskedFiles], Awaitable[None]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every asking, with its addresses; each takes TAKES_S, and GONE is missing."""
    found: list[list[str]] = []

    async def missing(uris: Sequence[str]) -> dict[str, Missing]:
        found.append(list(uris))
        await anyio.sleep(TAKES_S)
        return {uri: Missing("404") for uri in uris if uri == GONE}

    monkeypatch.setattr(asked_files, "missing", missing)
    return found


def tell(story: Story) -> None:
    on_virtual_time(lambda: story(AskedFiles()))


def test_a_second_look_within_a_minute_asks_nobody_and_says_the_same(asked: list[list[str]]) -> None:
    async def story(files: AskedFiles) -> None:
        first = await files.missing("web", [HERE, GONE], anew=False)
        assert first == await files.missing("api", [GONE, HERE], anew=False) == {GONE: Missing("404")}
        assert asked == [[HERE, GONE]]

        await anyio.sleep(REMEMBERED_S)
        await files.missing("web", [HERE, GONE], anew=False)
        assert asked == [[HERE, GONE]] * 2

    tell(story)


def test_a_start_takes_only_a_good_answer_from_memory(asked: list[list[str]]) -> None:
    async def story(files: AskedFiles) -> None:
        await files.missing("web", [HERE, GONE], anew=False)
        assert await files.missing("web", [HERE, GONE], anew=True) == {GONE: Missing("404")}
        assert asked == [[HERE, GONE], [GONE]]

    tell(story)


def test_those_who_look_at_once_wait_for_one_asking(asked: list[list[str]]) -> None:
    async def story(files: AskedFiles) -> None:
        async def look(after_s: float, anew: bool) -> None:
            await anyio.sleep(after_s)
            assert GONE in await files.missing("web", [HERE, GONE], anew=anew)

        async with anyio.create_task_group() as tasks:
            for after_s, anew in ((0.0, False), (1.0, False), (1.5, True), (2.0, True), (2.5, False)):
                tasks.start_soon(look, after_s, anew)
        assert asked == [[HERE, GONE], [GONE]], "the first start asks once more, for the second as well"

    tell(story)


def test_another_set_waits_for_nobody(asked: list[list[str]]) -> None:
    async def story(files: AskedFiles) -> None:
        async def look(name: str) -> None:
            await files.missing(name, [f"https://{name}/x.sh"], anew=False)

        with anyio.fail_after(TAKES_S + 1):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(look, "web")
                tasks.start_soon(look, "api")
        assert len(asked) == 2

    tell(story)


def test_an_asking_that_is_given_up_leaves_the_next_one_free(asked: list[list[str]]) -> None:
    async def story(files: AskedFiles) -> None:
        with anyio.move_on_after(1):
            await files.missing("web", [GONE], anew=False)
        assert await files.missing("web", [GONE], anew=False) == {GONE: Missing("404")}
        assert asked == [[GONE], [GONE]]

    tell(story)


def test_the_oldest_answers_are_forgotten_first(asked: list[list[str]]) -> None:
    async def story(files: AskedFiles) -> None:
        await files.missing("web", [HERE], anew=False)
        await files.missing("web", [f"https://host/{number}" for number in range(MOST_REMEMBERED)], anew=False)
        await files.missing("web", ["https://host/1"], anew=False)
        assert len(asked) == 2
        await files.missing("web", [HERE], anew=False)
        assert asked[2:] == [[HERE]]

    tell(story)
