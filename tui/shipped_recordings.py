"""The recordings that come with Rollset, opened by name."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from engine.model.errors import NotFoundError

SUFFIXES = (".jsonl", ".jsonl.gz")


def shipped_recordings() -> dict[str, Path]:
    """Each by its name: inside the package in a wheel, beside it in a source tree."""
    inside = Path(__file__).parent / "recordings"
    folder = inside if inside.is_dir() else Path(__file__).parent.parent / "recordings"
    found = {path.name.partition(".")[0]: path for path in folder.glob("*.jsonl*") if path.name.endswith(SUFFIXES)}
    return dict(sorted(found.items()))


def find_recording(given: str) -> Path:
    """A file, or a recording of ours by name. Raises NotFoundError with the nearest name."""
    path = Path(given).expanduser()
    if path.exists():
        return path
    known = shipped_recordings()
    if given in known:
        return known[given]
    near = get_close_matches(given, known, 1)
    raise NotFoundError(
        "NotFound",
        f"there is no file and no recording {given!r}.",
        f"Did you mean {near[0]}?" if near else "rollset replay --list names those that come with Rollset.",
    )
