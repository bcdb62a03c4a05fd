"""Runs that broke a limit without a failed member."""

from __future__ import annotations

from tests.unit.decide.given import TOLERANT, Run, scale_set


def ill_after_success() -> Run:
    """0 and 1 succeed in the first two batches and fall ill while the third runs, 1 with an answer to show."""
    run = Run(scale_set(6, policy={**TOLERANT, "max_unhealthy_upgraded_instance_percent": 40}), batch="1")
    run.batch()
    run.batch()
    run.swap()
    run.sick("0", detail="")
    run.sick("1", detail="HTTP 503")
    run.healthy("2")
    return run
