"""Reading and writing the JSON files a verb names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.model.errors import InputError

LIMIT_BYTES = 32 * 1024 * 1024


def read_json(path: Path) -> Any:
    """The document in a file. Raises InputError that names the file, and the line where it is not JSON."""
    try:
        with path.open("rb") as source:
            content = source.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise InputError("InvalidFile", f"{path}: {error.strerror}.", "Name a file that can be read.") from None
    if len(content) > LIMIT_BYTES:
        raise InputError("InvalidFile", f"{path}: larger than {LIMIT_BYTES} bytes.", "Split the documents.")
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError("InvalidFile", f"{path}: not UTF-8 at byte {error.start}.", "Save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError("InvalidFile", f"{path}: not JSON: {error.msg} at {where}.", "Correct the file.") from None
    except RecursionError:
        raise InputError("InvalidFile", f"{path}: nested too deeply.", "Correct the file.") from None


def read_documents(path: Path) -> list[dict[str, Any]]:
    """The objects of a file: one object, or a list of them. Raises InputError that names the file."""
    content = read_json(path)
    documents = content if isinstance(content, list) else [content]
    for index, document in enumerate(documents):
        if not isinstance(document, dict):
            raise InputError(
                "InvalidFile",
                f"{path}: document {index} is a {type(document).__name__}, not an object.",
                "Write ARM resources as JSON objects.",
            )
    return documents


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
