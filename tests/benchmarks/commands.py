"""How long a person waits for a command, beside the bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from engine.control.client.start import connect_or_start
from tests.benchmarks.figure import Figure, middle, seconds

ROLLSET = Path(sys.executable).with_name("rollset")
TIMES = 15


def _run(*command: str | Path, state_dir: Path | None = None) -> None:
    environment = {**os.environ, "XDG_RUNTIME_DIR": "", "XDG_CONFIG_HOME": "/nonexistent"}
    extra = () if state_dir is None else ("--state-dir", str(state_dir))
    subprocess.run([*command, *extra], check=True, capture_output=True, stdin=subprocess.DEVNULL, env=environment)


def _python() -> float:
    return middle(seconds(lambda: _run(sys.executable, "-c", "pass"), TIMES))


def help_text() -> Figure:
    """`rollset --help`, beside an interpreter that does nothing."""
    bare = _python()
    took = middle(seconds(lambda: _run(ROLLSET, "--help"), TIMES))
    return Figure(
        "rollset --help",
        f"{took:.3f} s",
        "<= 0.2 s",
        took <= 0.2,
        f"python -c pass {bare:.3f} s; {took / bare:.1f} times",
    )


def status_of_a_running_engine() -> Figure:
    """`rollset status --json` with an engine that runs already."""
    with tempfile.TemporaryDirectory() as name:
        state_dir = Path(name) / "state"
        _run(ROLLSET, "status", "--json", state_dir=state_dir)
        took = middle(seconds(lambda: _run(ROLLSET, "status", "--json", state_dir=state_dir), TIMES))
        bare = _python()
        _run(ROLLSET, "engine", "stop", state_dir=state_dir)
    return Figure(
        "rollset status --json, engine running",
        f"{took:.3f} s",
        "<= 0.35 s",
        took <= 0.35,
        f"python -c pass {bare:.3f} s; {took / bare:.1f} times",
    )


def spawn_to_first_answer() -> Figure:
    """From the start of an engine process on a fresh state directory to its first answer."""
    taken = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(7):
            state_dir = Path(name) / str(number)
            began = perf_counter()
            client = connect_or_start(state_dir, owner_pid=os.getpid())
            client.query("sets", {})
            taken.append(perf_counter() - began)
            client.command("engine-stop", {})
    bare = _python()
    took = middle(taken)
    return Figure(
        "spawn of an engine to its first answer",
        f"{took:.3f} s",
        "<= 0.4 s",
        took <= 0.4,
        f"python -c pass {bare:.3f} s; slowest of {len(taken)} {max(taken):.3f} s",
    )


FIGURES = (help_text, status_of_a_running_engine, spawn_to_first_answer)
