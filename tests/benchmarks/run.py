"""Measure, and print each figure beside its reference of the same run. `--only PART` measures one part.

Exit code 0 whatever the figures: machines differ, and a figure that misses its aim is said, not hidden.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

PARTS = ("core", "commands", "local_fleet", "simulated_fleet", "service", "cockpit")


def main() -> int:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description="Measure Rollset on this machine.")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part; may be given again")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed Rollset has its bytecode; compiling is not measured
    for part in parser.parse_args().only or PARTS:
        for measure in importlib.import_module(f"tests.benchmarks.{part}").FIGURES:
            figure = measure()
            mark = "ok  " if figure.met else "MISS"
            print(f"{mark} {figure.name}: {figure.value} (aim {figure.aim}; {figure.beside})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
