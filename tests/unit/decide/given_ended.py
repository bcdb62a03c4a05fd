"""Upgrades that have ended, and whom the next one is about."""

from __future__ import annotations

from engine.model.effects import EffectKind
from engine.model.upgrade import LeftOut, MemberState
from tests.unit.decide.given import SETUP, V2, Run, scale_set

STRICT = {"max_unhealthy_upgraded_instance_percent": 0}
HALF = {"max_unhealthy_instance_percent": 100, "max_unhealthy_upgraded_instance_percent": 40}
NOBODY: list[str] = []


def faulted(count: int = 10, **request: object) -> Run:
    """Instance 0 failed on its extension and keeps the new disk; the others still wait."""
    asked: dict[str, object] = {"batch": "1", "restore_failed": "never"} | request
    run = Run(scale_set(count, policy=STRICT, model={"extensions": (SETUP,)}), **asked)  # type: ignore[arg-type]
    run.act()
    run.act()
    run.fail(run.effects(EffectKind.RUN_EXTENSION)[0], exit_code=7)
    run.healthy()
    assert run.state == "Faulted" and run.set.instances["0"].image == V2
    return run


def pending(run: Run) -> list[str]:
    every = [m for b in run.upgrade.batches for m in b.members]
    return sorted({run.upgrade.members[m].instance_id for m in every} | set(run.names(MemberState.PENDING)))


def left_out(run: Run, why: LeftOut) -> list[str]:
    return [m.instance_id for m in run.upgrade.members.values() if m.left_out is why]
