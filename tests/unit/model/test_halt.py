"""A halt in words."""

from __future__ import annotations

from engine.model.halt import Halt


def test_a_halt_says_who_since_when_in_utc_and_why() -> None:
    assert Halt("ana", 1_800_000_000.0, "fire").words == "halted by ana since 2027-01-15 08:00:00 UTC (fire)"
    assert Halt("ana", 1_800_000_000.0, "").words.endswith("(no reason given)")
