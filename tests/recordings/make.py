"""Make the recordings in recordings/ anew, or those that are named."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.recordings.stage import play, write  # noqa: E402  # the tree must be found first
from tests.recordings.stories import STORIES  # noqa: E402


def main(names: list[str]) -> int:
    """Write them and say how large they are."""
    for name in names or STORIES:
        lines = play(STORIES[name])
        path = write(ROOT / "recordings", name, lines)
        print(f"{path.name}: {len(lines)} lines, {path.stat().st_size} bytes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
