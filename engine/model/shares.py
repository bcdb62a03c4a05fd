"""Shares of unhealthy instances against the policy's limits, as numbers. Limits break at strictly more than (`>`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """`bad` of `total` against `limit_percent`."""

    bad: int
    total: int
    limit_percent: int

    @property
    def exceeded(self) -> bool:
        """Strictly more than the limit (Azure: recorded messages say "more than the threshold")."""
        return self.bad * 100 > self.limit_percent * self.total

    @property
    def percent(self) -> int:
        """A whole number, as Azure's messages show it; one above the limit where the share itself is."""
        if not self.total:
            return 0
        whole = self.bad * 100 // self.total
        return max(whole, self.limit_percent + 1) if self.exceeded else whole

    @property
    def more_stop_it(self) -> int | None:
        """How many more bad ones, the total unchanged, exceed the limit; None when no number does (100 %)."""
        if self.limit_percent >= 100:
            return None
        return max(0, self.limit_percent * self.total // 100 + 1 - self.bad)


@dataclass(frozen=True, slots=True)
class Shares:
    """Both at one moment: `unhealthy` of the whole set, and unhealthy `upgraded` of those upgraded."""

    unhealthy: Share
    upgraded: Share
