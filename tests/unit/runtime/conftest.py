"""An engine on a store of its own whose fleet does nothing: what is decided and committed can be looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model import events as e
from engine.model.health import Health
from engine.model.image import ImageVersion, parse_reference
from engine.runtime.apply import apply_documents
from engine.runtime.clock import EngineClock
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.engine_door import EngineDoor
from engine.runtime.opening import open_engine
from engine.store.connection import open_store
from engine.store.image_blobs import ImageBlobs
from engine.store.store import Store
from tests.worlds.documents import scale_set

ANA = Caller(1000, "ana", {})


def image(version: str) -> ImageVersion:
    return ImageVersion(parse_reference(f"contoso:web:stable:{version}"), f"sha256:{version}", 1000, 1.0)


def scale_set_document(**changes: Any) -> dict[str, Any]:
    """A small set on image 1.0.0; `changes` go into its top level."""
    return scale_set("web", 3, sku="Local", mode="Manual") | changes


def apply(engine: Engine, *documents: dict[str, Any], confirmed: str | None = None) -> list[dict[str, Any]]:
    """Apply documents and commit what they change; the results as `rollset apply` prints them."""
    decided = apply_documents(engine, list(documents), ["input.json"] * len(documents), ANA, confirmed)
    engine.commit(decided.turn)
    found: list[dict[str, Any]] = decided.answer()["results"]
    return found


def apply_healthy(engine: Engine) -> None:
    """The set `web` of three instances on 1.0.0, all of them healthy."""
    apply(engine, scale_set_document())
    key = engine.find_set("web").key
    turn = engine.turn()
    for name in ("0", "1", "2"):
        turn.on_scale_set(key, e.InstanceProvisioned(name, "1", "sha256:1.0.0", "127.0.0.1:1"))
        turn.on_scale_set(key, e.InstanceHealthChanged(name, Health.NOT_OBSERVED, Health.HEALTHY, "200"))
    engine.commit(turn)


class RoomyFleet:
    """A fleet that nothing is asked of but its room."""

    async def room_bytes(self) -> int:
        return 10**12


def make_engine(store: Store, images: Path) -> Engine:
    """An engine that takes a store over; images 1.0.0 and 1.1.0 are published."""
    began = store.begin_epoch(1, "test", 100.0)
    clock = EngineClock(began.clock, lambda: 1000.0, lambda: 50.0)
    fleets: Any = {"local": RoomyFleet(), "simulated": RoomyFleet()}
    engine = Engine(store, ImageBlobs(images), fleets, clock)
    engine.load(began.epoch)
    turn = engine.turn()
    for version in ("1.0.0", "1.1.0"):
        turn.on_image(image(version), e.ImagePublished(image(version)))
    engine.commit(turn)
    return engine


@pytest.fixture
def new_engine(tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Makes engines one after the other on the same store."""
    opened = []

    def make() -> Engine:
        opened.append(open_store(tmp_path / "rollset.db"))
        return make_engine(opened[-1], tmp_path / "images")

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def engine(new_engine: Callable[[], Engine]) -> Engine:
    return new_engine()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[EngineDoor]:
    """The door of an empty engine that runs."""
    async with open_engine(tmp_path) as engine:
        yield EngineDoor(engine)
