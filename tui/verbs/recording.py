"""Keep a run as a file that anybody can replay."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.model.errors import InputError, NotFoundError
from tui.saving import write_new
from tui.verbs import engine_access
from tui.verbs.options import StateDir
from tui.verbs.printing import say

if TYPE_CHECKING:
    from tui.verbs.engine_access import EngineClient

SUFFIXES = (".jsonl", ".jsonl.gz")


def record(
    what: Annotated[str, typer.Argument(metavar="SET|UPGRADE", help="A set's last upgrade, or an upgrade's id.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new .jsonl or .jsonl.gz file.", show_default=False)],
    state_dir: StateDir = None,
) -> None:
    """Write a past or running upgrade to a file for `rollset replay`."""
    refuse_name(file)
    client = engine_access.connect(state_dir)
    upgrade = _upgrade(client, what)
    lines = client.recording(upgrade)
    size = write_lines(file, lines)
    say([f"{file}: {upgrade}, {size:,} bytes; look at it: rollset replay {file}"])


def _upgrade(client: EngineClient, what: str) -> str:
    try:
        return str(client.query("upgrade", {"id": what})["ours"]["id"])
    except NotFoundError:
        return str(client.query("status", {"set": what})["ours"]["id"])


def refuse_name(path: Path) -> None:
    """Raise InputError for a name that `replay` would not open, or that is taken."""
    if not path.name.endswith(SUFFIXES):
        raise InputError("InvalidFile", f"{path}: a recording ends in .jsonl or .jsonl.gz.", f"Write {path}.jsonl.gz")
    if path.exists() or path.is_symlink():
        raise InputError("InvalidFile", f"{path} is there already.", "Give another name.")


def write_lines(path: Path, lines: list[bytes]) -> int:
    """Write a new file whole, or leave none; returns its bytes. Raises InputError that names it."""
    text = b"\n".join(lines) + b"\n"
    content = gzip.compress(text, mtime=0) if path.suffix == ".gz" else text
    write_new(path, content)
    return len(content)


def register(app: typer.Typer) -> None:
    """Add this verb."""
    app.command("record")(record)
