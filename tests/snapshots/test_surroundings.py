"""Pictures are the same whatever terminal, colours, zone and language the tests are run in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PICTURES = (
    "tests/snapshots/test_home.py::test_sets_in_every_state",
    "tests/snapshots/test_scale_set.py::test_state[80x24-failing]",
    "tests/snapshots/test_themes.py::test_ascii_in_the_terminals_own_colours",
)
SURROUNDINGS = {
    "poor": {"TERM": "dumb", "NO_COLOR": "1", "TZ": "Asia/Seoul", "LC_ALL": "POSIX", "COLUMNS": "40"},
    "rich": {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "TZ": "America/St_Johns",
        "LC_ALL": "C.UTF-8",
        "TEXTUAL_THEME": "nord",
        "TEXTUAL_COLOR_SYSTEM": "standard",
        "TEXTUAL_ANIMATIONS": "full",
        "FORCE_COLOR": "1",
    },
}


@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_pictures_do_not_depend_on_them(surroundings: dict[str, str], tmp_path: Path) -> None:
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    report = f"--snapshot-report={tmp_path / 'report.html'}"

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", report, *PICTURES],
        cwd=ROOT,
        env=plain | surroundings,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-2000:]
