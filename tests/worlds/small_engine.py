"""A whole engine in this process on virtual time, over a durable fleet: store, turns and verbs are the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import trio
from trio.testing import MockClock

from engine.fleets.fleet import Fleet
from engine.model import events as e
from engine.model.image import ImageReference, ImageVersion
from engine.runtime.clock import EngineClock
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.opening import run_engine
from engine.runtime.verbs import carry_out
from engine.store.ballast import Ballast
from engine.store.connection import open_store
from engine.store.image_blobs import ImageBlobs
from tests.worlds.documents import scale_set, script
from tests.worlds.few_draws import few_draws
from tests.worlds.watching import until

ANA = Caller(1000, "ana")
WALL = 1_800_000_000.0
OLD = ImageReference("contoso", "web", "stable", "1.0.0")
NEW = OLD.with_version("1.1.0")


def digest_of(image: ImageReference) -> str:
    return f"sha256:{image.version}"


def on_virtual_time(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` to its end; sleeping costs nothing."""
    with few_draws():
        anyio.run(main, backend="trio", backend_options={"clock": MockClock(autojump_threshold=0)})


@asynccontextmanager
async def small_engine(
    state_dir: Path, fleet: Fleet, *, later_s: Callable[[], float] | float = 0.0, ballast: Ballast | None = None
) -> AsyncIterator[Engine]:
    """The engine of `state_dir`, with images OLD and NEW published; `later_s` puts its wall clock ahead."""

    def wall() -> float:
        return WALL + (later_s() if callable(later_s) else later_s) + trio.current_time()

    store = open_store(state_dir / "rollset.db")
    try:
        began = store.begin_epoch(1, "test", wall())
        clock = EngineClock(began.clock, wall, trio.current_time)
        engine = Engine(store, ImageBlobs(state_dir / "images"), {"local": fleet}, clock, ballast)
        async with run_engine(engine, began):
            publish(engine)
            yield engine
    finally:
        store.close()


def publish(engine: Engine) -> None:
    """Images by name only: a durable fleet reads no content."""
    turn = engine.turn()
    for reference in (OLD, NEW):
        if str(reference) not in engine.state.images:
            image = ImageVersion(reference, digest_of(reference), 1000, turn.now.at)
            turn.on_image(image, e.ImagePublished(image))
    engine.commit(turn)


def document(capacity: int, version: str = OLD.version, **tags: str) -> dict[str, Any]:
    """A scale set called `web`, without a health source, with one extension."""
    return scale_set("web", capacity, script(), sku="Local", version=version, mode="Manual", tags=tags)


async def create(engine: Engine, capacity: int, **options: Any) -> None:
    """Apply the set and wait until every instance is there and healthy."""
    await carry_out(engine, "apply", {"documents": [document(capacity, **options)], "files": ["web.json"]}, ANA)
    await until(lambda: healthy(engine) == capacity)


def healthy(engine: Engine) -> int:
    return sum(i.health.value == "Healthy" and i.provisioned for i in engine.find_set("web").instances.values())


def ended(engine: Engine) -> bool:
    last = engine.state.last_upgrade(engine.find_set("web").key)
    return last is not None and not last.live
