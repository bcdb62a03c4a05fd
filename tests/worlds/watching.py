"""Waiting until something is so, on virtual time or on the wall clock; and the upgrade that is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio

from engine.model.upgrade import Upgrade
from engine.runtime.engine import Engine


async def until(true: Callable[[], object], within_s: float = 7 * 86_400.0) -> None:
    """Wait on virtual time; TimeoutError says that it did not come true."""
    with anyio.fail_after(within_s):
        while not true():
            await anyio.sleep(0.5)


def wait_until(true: Callable[[], object], within_s: float, every_s: float = 0.01) -> None:
    """Look at it again and again."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(every_s)


def upgrade_of(engine: Engine, name: str = "web") -> Upgrade:
    """The last upgrade of a set."""
    found = engine.state.last_upgrade(engine.find_set(name).key)
    assert found is not None
    return found
