"""Watches instances: probes where the model names a source, power state everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

import anyio

from engine.decide.read_probe import HealthRecord, read_answer, track
from engine.model import events as e
from engine.model.errors import UnreachableError
from engine.model.health import Health
from engine.model.scale_set import Instance, ScaleSet
from engine.runtime.probe import ProbeAnswer, ProbeKind, ProbeTarget, probe
from engine.runtime.probe_pool import ProbePool

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

LOOK_S = 2.0


class HealthWatch:
    """Feeds health and power changes into the engine as events; only changes become events."""

    def __init__(self, engine: Engine, dice: Random) -> None:
        self._engine = engine
        self._records: dict[str, HealthRecord] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        self.pool = ProbePool(dice=dice)
        self.probes = 0

    def refresh(self) -> None:
        """The scale sets changed: probe what is new at once, forget what is gone."""
        self.pool.refresh()
