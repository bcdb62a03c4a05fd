"""Read the resources of a file: one object, a list of them, an ARM template, or what `rollset show --json` printed.

Everything is bounded.
"""

from __future__ import annotations

import codecs
import json
import math
from typing import Any, NoReturn

from engine.arm.known_names import wrong
from engine.model.errors import InputError
from engine.model.safe_text import printable

MOST_CHARACTERS = 4 * 1024 * 1024
MOST_BYTES = 2 * MOST_CHARACTERS
MOST_DEPTH = 64
MOST_VALUES = 200_000
MOST_RESOURCES = 1_000


def read_file_bytes(content: bytes, file: str) -> list[dict[str, Any]]:
    """The resources of a file's bytes, not yet checked. Raises InputError that names the file and what is wrong."""
    if len(content) > MOST_BYTES:
        raise _refused(file, f"it is longer than the {MOST_BYTES} bytes that are read.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _refused(file, "it is UTF-16; only UTF-8 is read.", "Save it as UTF-8 and apply again.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(file, f"it is not UTF-8 at byte {error.start}.", "Save it as UTF-8 and apply again.") from None
    return read_file_documents(text, file)


def read_file_documents(text: str, file: str) -> list[dict[str, Any]]:
    """The resources of a file's text, not yet checked. Raises InputError that names the file and what is wrong."""
    if len(text) > MOST_CHARACTERS:
        raise _refused(file, f"it has {len(text)} characters; {MOST_CHARACTERS} are read at most.")
    _check_nesting(text, file)
    content = _shown_model(_parse(text.removeprefix("\ufeff"), file))
    template = isinstance(content, dict) and "type" not in content and "resources" in content
    documents = content["resources"] if template else content
    if isinstance(documents, dict) and not template:
        documents = [documents]
    if not isinstance(documents, list):
        raise wrong(file, "resources" if template else "the document", documents, "an object or a list of objects")
    if len(documents) > MOST_RESOURCES:
        raise _refused(file, f"it has {len(documents)} resources; {MOST_RESOURCES} are read at most.")
    for index, document in enumerate(documents):
        if not isinstance(document, dict):
            raise wrong(file, f"{'resources' if template else ''}[{index}]", document, "an object")
    check_bounds(documents, file, expressions_refused=template)
    return documents


def _shown_model(content: Any) -> Any:
    """The resource in what `rollset show SET --json` prints; anything else as it is."""
    azure = content.get("azure") if isinstance(content, dict) and "type" not in content else None
    return azure["model"] if isinstance(azure, dict) and "model" in azure else content


def check_bounds(document: object, file: str, *, expressions_refused: bool = False) -> None:
    """Raise InputError for a document too deep or too large, for a number that is not finite, for names not texts.

    In a template a text in square brackets is an expression, which only Azure can work out.
    """
    left: list[tuple[object, int, str]] = [(document, 1, "")]
    seen = 0
    while left:
        value, depth, path = left.pop()
        seen += 1
        if depth > MOST_DEPTH or seen > MOST_VALUES:
            raise _refused(file, f"it is nested deeper than {MOST_DEPTH}, or has more than {MOST_VALUES} values.")
        if isinstance(value, dict):
            for name, below in value.items():
                if not isinstance(name, str) or not _is_whole(name):
                    raise wrong(file, f"a name in {path or 'the document'}", name, "a text of whole characters")
                left.append((below, depth + 1, f"{path}.{printable(name)}"[:300] if path else printable(name)[:300]))
        elif isinstance(value, list):
            left.extend((below, depth + 1, f"{path}[{index}]"[:300]) for index, below in enumerate(value))
        elif isinstance(value, float) and not math.isfinite(value):
            raise wrong(file, path or "the document", value, "a finite number")
        elif isinstance(value, int) and value.bit_length() > 128:
            raise _refused(file, f"{path or 'the document'} is a number of more than 128 bits.")
        elif isinstance(value, str) and not _is_whole(value):
            raise wrong(file, path or "the document", value, "a text of whole characters, no half of one (U+D800)")
        elif expressions_refused and _is_expression(value):
            raise wrong(file, path, value, "a value: expressions of a template are not worked out here")


def _is_whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _is_expression(value: object) -> bool:
    return isinstance(value, str) and value.startswith("[") and value.endswith("]") and not value.startswith("[[")


def _check_nesting(text: str, file: str) -> None:
    depth, quoted, escaped = 0, False, False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise _refused(file, f"it is nested deeper than {MOST_DEPTH}.")
        elif character in "]}":
            depth -= 1


def _parse(text: str, file: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise _refused(file, f"the name {printable(name)[:80]!r} stands twice in one object.")
            found[name] = value
        return found

    def no_constant(name: str) -> NoReturn:
        raise _refused(file, f"{name} is not a JSON value.")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        if text[error.pos : error.pos + 2] in ("//", "/*"):
            raise _refused(file, f"a comment at line {error.lineno}; JSON has none.", "Take comments out.") from None
        what = "it is empty" if not text.strip() else f"not JSON: {error.msg}"
        raise _refused(file, f"{what} at line {error.lineno}, column {error.colno}.") from None
    except ValueError:
        raise _refused(file, "it has a number with too many digits.") from None


def _refused(file: str, what: str, way_out: str = "Correct the file and apply again.") -> InputError:
    return InputError("InvalidParameter", f"{printable(file)}: {printable(what)}", way_out)
