"""The README's commands, run as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## Five minutes of use\n(.*?)^## ", re.MULTILINE | re.DOTALL)
LIMIT_S = 240


def test_five_minutes_of_use_run_word_for_word(tmp_path: Path) -> None:
    found = SECTION.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    commands = [line.strip() for line in found[1].splitlines() if line.startswith("    ")]
    assert len(commands) > 10
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "ROLLSET_STATE_DIR": str(tmp_path / "state"),
        "XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"],
    }

    done = subprocess.run(
        ["/bin/sh", "-ec", "\n".join(commands)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip

    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "Completed" in done.stdout and "Faulted" in done.stdout
    assert "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
