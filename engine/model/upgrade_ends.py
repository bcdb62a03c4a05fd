"""How an upgrade ended: the last event of each."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.codes import ApiError
from engine.model.event import Event


@dataclass(frozen=True, slots=True)
class UpgradeCompleted(Event):
    pass


@dataclass(frozen=True, slots=True)
class UpgradeCancelled(Event):
    pass


@dataclass(frozen=True, slots=True)
class UpgradeFaulted(Event):
    error: ApiError


@dataclass(frozen=True, slots=True)
class UpgradeRolledBack(Event):
    pass
