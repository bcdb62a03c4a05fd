"""Records are read by several threads at once; what no JSON has is refused, by file and line."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from dataclasses import make_dataclass
from types import FrameType
from typing import Any

import pytest

from engine.model.errors import InputError
from engine.wire.reading import read
from engine.wire.recording import OVERVIEW, Header, header_line, read_lines

HEADER = header_line(Header(OVERVIEW, 2, 5.0, 5.0, "rollset"))
STOPPED = (
    '{"seq":3,"stream":"engine","stream_seq":1,"type":"EngineStopped","schema":1,"at":10.0,"clock":10.0,"epoch":1,'
    '"actor":"ana","cause":"","body":{"reason":""}}'
)
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


@pytest.mark.parametrize("number", ("NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400))
@pytest.mark.parametrize("before", (False, True), ids=("after the snapshot", "before it"))
def test_a_number_that_cannot_be_shown_is_refused_by_file_and_line(number: str, before: bool) -> None:
    event = STOPPED.replace('"at":10.0', f'"at":{number}')
    line = f'{{"record":"event","schema":1,"body":{event}}}' if before else event

    with pytest.raises(InputError, match=r"taken\.jsonl: line 3 .*(finite|too large)") as found:
        list(read_lines([HEADER, STOPPED, line], "taken.jsonl"))

    assert found.value.next_step


def test_a_header_with_such_a_number_is_refused() -> None:
    with pytest.raises(InputError, match=re.escape("taken.jsonl: line 1")):
        list(read_lines([HEADER.replace('"at": 5.0', '"at": NaN')], "taken.jsonl"))


@pytest.mark.parametrize("lines", ([], [""], ["", "  "]))
def test_a_file_of_blank_lines_is_no_recording(lines: list[str]) -> None:
    with pytest.raises(InputError, match=r"taken\.jsonl is empty"):
        list(read_lines(lines, "taken.jsonl"))
