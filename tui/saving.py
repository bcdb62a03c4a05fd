"""Writing what an operator asks to keep: in a thread, whole or not at all, never over a file that is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.model.errors import InputError


async def save_text(name: str, text: str) -> str:
    """Write a new file; returns its absolute path. Raises InputError that names it."""
    return await asyncio.to_thread(_write, name, text)


def _write(name: str, text: str) -> str:
    path = Path(name)
    try:
        path = path.expanduser()
        with path.open("x", encoding="utf-8") as target:
            target.write(text)
    except FileExistsError:
        raise InputError("InvalidFile", f"{path} is there already.", "Give another name.") from None
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError("InvalidFile", f"{path}: {why}.", "Name a file that can be written.") from None
    return str(path.absolute())
