"""The contract between the engine and what instances really are.

One suite in tests/contract runs on every implementation. Ordering rules:

- `begin` may be called concurrently for different instances; never two disk effects of one instance.
- An effect is idempotent by its id: beginning an id that is done gives the same outcome and acts no second time.
- A lower `epoch` than one the fleet has seen for that instance is refused with outcome Failed, code Fenced, whatever
  the effect is.
- A handle is plain text, good for the engine process that got it. A handle the fleet does not know gives no outcome,
  or outcomes of kind Unknown, never Failed: only `settle` (an observation) may decide then. After a restart every open
  effect is settled so, and one that `settle` cannot end is begun again under its id, so no handle has to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from engine.model.effects import Effect, EffectOutcome, InstanceFacts
from engine.model.health import Health


class Capability(StrEnum):
    RESTORE_DISK = "restore_disk"
    START = "start"
    CAPTURE = "capture"
    FENCE = "fence"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Poll:
    """Outcomes known so far by effect id, and in how many seconds to ask again (None: all are known)."""

    outcomes: Mapping[str, EffectOutcome]
    ask_again_s: float | None


class Fleet(Protocol):
    """See the module's docstring for what every implementation promises."""

    def capabilities(self) -> frozenset[Capability]:
        """What this fleet can do; the plan refuses what is missing."""
        ...

    async def begin(self, effects: Sequence[Effect], epoch: int) -> str:
        """Start acts (all of one scale set) and return a handle at once. Raises UnreachableError if nothing began."""
        ...

    async def poll(self, handle: str) -> Poll:
        """Outcomes of the effects begun under a handle; waits at most about 10 s for something to report."""
        ...

    async def settle(self, effect: Effect) -> EffectOutcome | None:
        """Decide an effect of unknown outcome by looking: Succeeded or Failed.

        None when it never began, or is not at an end: it may be begun again then, which does nothing twice.
        """
        ...

    async def observe(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, InstanceFacts]:
        """What is true now, by instance id. Raises UnreachableError when the fleet is silent."""
        ...

    async def room_bytes(self) -> int | None:
        """Free bytes for new OS disks; None where the question has no meaning."""
        ...


@runtime_checkable
class HealthTellingFleet(Fleet, Protocol):
    """A fleet that knows the health of its instances itself, so that nobody probes them."""

    def health(self, scale_set: str, instance_ids: Sequence[str]) -> Mapping[str, tuple[Health, str]]:
        """Health now and its reason in words, of the instances that exist; NotObserved before the first verdict."""
        ...

    async def health_news(self) -> Sequence[tuple[str, str]]:
        """(scale set, instance id) of those whose health may have changed since the last call; waits at most 10 s."""
        ...

    def tags_changed(self) -> None:
        """Scale sets were written; what depends on their tags is to be looked at anew."""
        ...
