"""Reading and writing the JSON files a verb names."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from engine.model.errors import InputError

LIMIT_BYTES = 8 * 1024 * 1024


STANDARD_INPUT = "-"


def _content(path: Path) -> tuple[bytes, str]:
    """The bytes of a file, or of standard input for `-`, and the name to show."""
    try:
        if str(path) == STANDARD_INPUT:
            content, name = sys.stdin.buffer.read(LIMIT_BYTES + 1), "standard input"
        else:
            with path.open("rb") as source:
                content, name = source.read(LIMIT_BYTES + 1), str(path)
    except OSError as error:
        raise InputError("InvalidFile", f"{path}: {error.strerror}.", "Name a file that can be read.") from None
    if len(content) > LIMIT_BYTES:
        raise InputError("InvalidFile", f"{name}: larger than {LIMIT_BYTES} bytes.", "Split the documents.")
    return content, name


def read_json(path: Path) -> Any:
    """The document in a file. Raises InputError that names the file, and the line where it is not JSON."""
    content, name = _content(path)
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError("InvalidFile", f"{name}: not UTF-8 at byte {error.start}.", "Save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError("InvalidFile", f"{name}: not JSON: {error.msg} at {where}.", "Correct the file.") from None
    except (RecursionError, ValueError):
        raise InputError("InvalidFile", f"{name}: nested too deeply, or a number too long.", "Correct it.") from None


def read_documents(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The name to show and the resources of a file (`-` is standard input). Raises InputError that names the file."""
    from engine.arm.read_file import read_file_bytes

    content, name = _content(path)
    return name, read_file_bytes(content, name)


def read_object(path: Path) -> dict[str, Any]:
    """The one object of a file. Raises InputError that names the file."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError("InvalidFile", f"{path}: not a JSON object.", "Name a file written by `plan --save`.")
    return content


def write_json(path: Path, document: Any) -> None:
    """Write a document, indented. Raises InputError that names the file."""
    try:
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError("InvalidFile", f"{path}: {error.strerror}.", "Name a file that can be written.") from None
