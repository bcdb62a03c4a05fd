"""What fleets have said of effects and no turn has taken in yet."""

from __future__ import annotations

from engine.model.effects import EffectOutcome
from engine.runtime.bite import Bite


class Incoming:
    """In the order they came. A turn takes some, and they stay until it says that they are on disk."""

    def __init__(self) -> None:
        self.bite = Bite()
        self._facts: list[EffectOutcome] = []
        self._one_by_one = False

    def add(self, fact: EffectOutcome) -> None:
        """One more."""
        self._facts.append(fact)

    def some(self) -> list[EffectOutcome]:
        """What the next turn takes in."""
        return self._facts[: 1 if self._one_by_one else self.bite.size]

    def taken(self, count: int) -> None:
        """The first so many are on disk."""
        del self._facts[:count]

    def refused(self) -> None:
        """What was tried can never be written: from now on they go one by one, and the first of them last."""
        self._one_by_one = True
        self._facts = [*self._facts[1:], *self._facts[:1]]

    def __bool__(self) -> bool:
        return bool(self._facts)
