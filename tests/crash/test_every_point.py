"""The engine is killed at every commit and act of three reference upgrades; each goes on as if it had not been."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import threading
import traceback
from functools import partial
from pathlib import Path

import pytest

from tests.crash.reference_upgrades import REFERENCES, Reference, Run, copy_of, in_child, in_memory, kill_at, points_of
from tests.worlds.small_engine import on_virtual_time


@pytest.fixture(params=REFERENCES, ids=lambda reference: reference.name)
def reference(request: pytest.FixtureRequest) -> Reference:
    found: Reference = request.param
    return found


HANDS = 2


@pytest.mark.timeout(300)
def test_a_kill_at_any_point_changes_nothing_about_the_end(reference: Reference, tmp_path: Path) -> None:
    with in_memory(else_in=tmp_path) as root:
        template = root / "template"
        template.mkdir()
        assert in_child(lambda: on_virtual_time(Run(template, reference).prepare), None, root / "trace") == 0
        points = points_of(Run(copy_of(template, root / "counted"), reference))
        assert {"before_commit", "in_commit", "after_commit", "before_act", "after_act"} <= set(points)
        hands = [_fork(reference, template, root / f"hand-{n}", points, n) for n in range(HANDS)]
        failed = [n for n, hand in enumerate(hands) if os.waitpid(hand, 0)[1] != 0]
        assert failed == [], "\n".join((root / f"hand-{n}" / "found").read_text() for n in failed)


def _fork(reference: Reference, template: Path, own: Path, points: list[str], hand: int) -> int:
    """A process that kills at every HANDS-th point; it ends with 0 when all of them went on as they must."""
    own.mkdir()
    child = os.fork()
    if child:
        return child
    code = 1
    sys.settrace(None)
    try:
        on_virtual_time(Run(copy_of(template, own / "first"), reference).live)  # what is built once, its forks inherit
        assert threading.active_count() == 1, "a fork of a process with threads may hang"
        gc.freeze()
        for number in range(hand, len(points), HANDS):
            _kill_and_go_on(Run(copy_of(template, own / "run"), reference), number + 1, points[number])
            shutil.rmtree(own / "run")
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process must end here
        (own / "found").write_text(traceback.format_exc())
    os._exit(code)


def _kill_and_go_on(run: Run, number: int, name: str) -> None:
    where, trace = f"killed at point {number}, {name}", run.root / "trace"
    live = partial(on_virtual_time, run.live)
    status = in_child(live, kill_at(number), trace)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, where
    again = in_child(live, None, trace)
    assert again == 0, f"{where}: {trace.read_text()}"
    try:
        run.check()
    except AssertionError as error:
        raise AssertionError(where) from error
