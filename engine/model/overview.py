"""What is known of a scale set from afar: counts and its upgrade, without instances and members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model.counters import Counters
from engine.model.health import Health
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade, UpgradeState

AZURES_FOUR = ("successful", "failed", "in_progress", "pending")


@dataclass(frozen=True, slots=True)
class UpgradeOverview:
    """`upgrade` has no members and its batches name none; `tally` counts members by the bucket they are in."""

    upgrade: Upgrade
    tally: Mapping[str, int]

    @property
    def counters(self) -> Counters:
        """As `count_members`: Azure's four are zero while the upgrade checks, and when it ended there."""
        checking = self.upgrade.checking or (not self.upgrade.batches and not self.upgrade.live)
        return Counters(
            **{
                name: 0 if checking and name in AZURES_FOUR else self.tally.get(name, 0)
                for name in Counters.__dataclass_fields__
            }
        )

    @property
    def to_go(self) -> int:
        """Members that wait for their batch or never had one; counted also where Azure's four are zero."""
        return self.tally.get("pending", 0)

    @property
    def chosen(self) -> int:
        """Members that are or were to be upgraded."""
        return sum(self.tally.get(name, 0) for name in AZURES_FOUR)

    @property
    def percent(self) -> int:
        """Members at an end, of those chosen: 0 to 100."""
        if self.upgrade.state is UpgradeState.COMPLETED:
            return 100
        ended = self.tally.get("successful", 0) + self.tally.get("failed", 0)
        return ended * 100 // self.chosen if self.chosen else 0


@dataclass(frozen=True, slots=True)
class SetOverview:
    """One scale set in a row. `scale_set` has neither instances nor its document; `tally` counts instances by health.

    `upgrade` is the live upgrade, else the one that started last. `versions` counts instances by the version they are
    on; None where nobody counted, as in records and events older than this.
    """

    scale_set: ScaleSet
    tally: Mapping[Health, int]
    upgrade: UpgradeOverview | None = None
    versions: Mapping[str, int] | None = None

    @property
    def instances(self) -> int:
        return sum(self.tally.values())

    @property
    def healthy(self) -> int:
        return self.tally.get(Health.HEALTHY, 0)

    @property
    def unhealthy(self) -> int:
        """Unhealthy or Unknown: a rolling upgrade reads them alike."""
        return self.tally.get(Health.UNHEALTHY, 0) + self.tally.get(Health.UNKNOWN, 0)

    @property
    def waiting(self) -> int:
        """Not observed yet, or initializing."""
        return self.instances - self.healthy - self.unhealthy


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The engine that answers. `started_at` is Unix seconds; `user` and `host` are those it runs as and on."""

    pid: int
    version: str
    host: str
    user: str
    started_at: float
    epoch: int
