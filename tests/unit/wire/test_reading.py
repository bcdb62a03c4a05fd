"""Records are read by several threads at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import make_dataclass
from types import FrameType
from typing import Any

from engine.wire.reading import read

STEPS = 600
"""More than the first reading of a record of five fields takes."""


def read_beside(step: int) -> tuple[object, object, list[object]]:
    """A record of a type that no one has read; as one thread reads it; as another does at this step of the first."""
    parts = [make_dataclass(f"Part{number}", [("n", int)], frozen=True) for number in range(5)]
    kind: Any = make_dataclass("Many", [(f"f{n}", part, None) for n, part in enumerate(parts)], frozen=True)
    value = {f"f{number}": {"n": 1} for number in range(5)}
    beside: list[object] = []
    steps = iter(range(STEPS))

    def trace(frame: FrameType, _event: str, _argument: Any) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.endswith("engine/wire/reading.py"):
            return None
        if next(steps, None) == step:
            other = threading.Thread(target=lambda: beside.append(read(kind, value)))
            other.start()
            other.join()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        found: object = read(kind, value)
    finally:
        sys.settrace(before)
    return kind(**{f"f{number}": part(1) for number, part in enumerate(parts)}), found, beside


def test_a_thread_reads_every_field_while_another_finds_out_how() -> None:
    """Each field may be left out, so that one that is passed over is no error but a wrong value."""
    steps = 0
    for step in range(STEPS):
        whole, found, beside = read_beside(step)
        assert found == whole
        assert all(one == whole for one in beside), f"at step {step}: {beside}"
        steps += len(beside)
    assert 20 < steps < STEPS
