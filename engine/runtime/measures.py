"""What the engine counts about its own work since it started, for /metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.effects import Effect, EffectOutcome

BUCKETS_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)


@dataclass(slots=True)
class Durations:
    """A histogram: how many took at most so many seconds, how long all took together."""

    at_most: list[int] = field(default_factory=lambda: [0] * len(BUCKETS_S))
    count: int = 0
    total_s: float = 0.0

    def add(self, duration_s: float) -> None:
        """Count one."""
        self.count += 1
        self.total_s += duration_s
        for index, bound_s in enumerate(BUCKETS_S):
            if duration_s <= bound_s:
                self.at_most[index] += 1


class Measures:
    """Durations of effects by (kind, outcome), blocked seconds by reason."""

    def __init__(self) -> None:
        self.effects: dict[tuple[str, str], Durations] = {}
        self.blocked_s: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._looked: float | None = None

    def took(
        self,
        intents: Sequence[Effect],
        outcomes: Sequence[EffectOutcome],
        open_effects: Mapping[str, Effect],
        clock: float,
    ) -> None:
        """What a committed turn began and settled; an effect that an earlier engine began has no duration."""
        for begun in intents:
            self._began[begun.id] = clock
        for outcome in outcomes:
            began, effect = self._began.pop(outcome.effect_id, None), open_effects.get(outcome.effect_id)
            if began is not None and effect is not None:
                key = (effect.kind.value, outcome.kind.value)
                self.effects.setdefault(key, Durations()).add(max(0.0, clock - began))

    def waited(self, kinds: Iterable[str], clock: float) -> None:
        """Each of these reasons has held an upgrade up since the last look."""
        if self._looked is not None:
            for kind in kinds:
                self.blocked_s[kind] = self.blocked_s.get(kind, 0.0) + max(0.0, clock - self._looked)
        self._looked = clock
