"""Every stored picture is compared by a test: one that nobody looks at any more goes with its test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PICTURES = HERE / "__snapshots__"


def test_every_picture_has_its_test() -> None:
    # Several workers share a run, and each knows of its own part only: so all are collected anew.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(HERE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    known = {line.removeprefix("tests/snapshots/") for line in done.stdout.splitlines() if "::" in line}
    kept = {f"{path.parent.name}.py::{path.stem}" for path in PICTURES.rglob("*") if path.is_file()}

    assert kept, "no picture was found"
    assert kept - known == set()
