"""What the modules share that run as processes of their own: their arguments, and their answer as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from engine.model.errors import RollsetError


def arguments(prog: str, argv: list[str] | None, file: str, *, changes: bool) -> argparse.Namespace:
    """`state_dir`, and `file` by its own name; for what `changes` the state also `actor` and `reason`."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--state-dir", type=Path, required=True)
    if changes:
        parser.add_argument("--actor", default="")
        parser.add_argument("--reason", default="")
    parser.add_argument(file, type=Path)
    return parser.parse_args(argv)


def answer(act: Callable[[], dict[str, object]]) -> int:
    """Print what was done as JSON; an error is JSON too. Returns the exit code."""
    try:
        told = act()
    except RollsetError as error:
        said = {"code": str(error.code), "message": error.message, "next_step": error.next_step}
        print(json.dumps({"error": said | {"exit_code": error.exit_code}}))
        return error.exit_code
    print(json.dumps(told))
    return 0
