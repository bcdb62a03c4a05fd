"""Writing what an operator asks to keep: whole or not at all, never over a file that is there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from engine.model.errors import InputError


async def save_text(name: str, text: str) -> str:
    """Write a new file, in a thread; returns its absolute path. Raises InputError that names it."""
    import asyncio  # light commands write files too, and have no loop

    return await asyncio.to_thread(_save, name, text)


def _save(name: str, text: str) -> str:
    try:
        path, content = Path(name).expanduser(), text.encode()
    except (RuntimeError, ValueError) as error:
        raise _cannot(name, error) from None
    write_new(path, content)
    return str(path.absolute())


def write_new(path: Path, content: bytes) -> None:
    """Write a new file, whole or not at all. Raises InputError that names it."""
    made = False
    try:
        with path.open("xb") as target:
            made = True
            target.write(content)
    except FileExistsError:
        raise InputError("InvalidFile", f"{path} is there already.", "Give another name.") from None
    except (OSError, ValueError) as error:
        if made:
            with suppress(OSError):
                path.unlink()
        raise _cannot(path, error) from None


def _cannot(name: object, error: Exception) -> InputError:
    why = error.strerror if isinstance(error, OSError) else error
    return InputError("InvalidFile", f"{name}: {why}.", "Name a file that can be written.")
