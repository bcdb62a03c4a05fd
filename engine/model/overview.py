"""What is known of a scale set from afar: counts and its upgrade, without instances and members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.model.counters import Counters
from engine.model.halt import Halt
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
        return replace(self._counted, **dict.fromkeys(AZURES_FOUR, 0)) if checking else self._counted

    @property
    def _counted(self) -> Counters:
        found = {name: self.tally.get(name, 0) for name in Counters.__dataclass_fields__}
        return Counters(**found | {"failed": found["failed"] + self.tally.get("rolled_back", 0)})

    @property
    def rolled_back(self) -> int:
        """Of the failed, those that a way back which somebody asked for brought back: to people they did not fail."""
        return max(0, self.tally.get("rolled_back", 0)) if self.upgrade.goes_back else 0

    @property
    def to_go(self) -> int:
        """Members that wait for their batch or never had one; counted also where Azure's four are zero."""
        return self.tally.get("pending", 0)

    @property
    def chosen(self) -> int:
        """Members that are or were to be upgraded."""
        return sum(getattr(self._counted, name) for name in AZURES_FOUR)

    @property
    def percent(self) -> int:
        """Members at an end, of those that are or were to go; on the way back touched members that are: 0 to 100."""
        if self.upgrade.state is UpgradeState.COMPLETED:
            return 100
        held = self.tally.get("held", 0) if self.upgrade.live else 0
        return self._counted.percent(back=self.upgrade.goes_back, held=held)


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
    """The engine that answers. `started_at` is Unix seconds; `user` and `host` are those it runs as and on.

    `halt` is the one that stands, None for none.
    """

    pid: int
    version: str
    host: str
    user: str
    started_at: float
    epoch: int
    halt: Halt | None = None
