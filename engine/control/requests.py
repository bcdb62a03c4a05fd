"""What a request holds, checked before anybody acts on it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import anyio
from starlette.requests import Request

from engine.model.errors import InputError

BODY_LIMIT = 8 * 1024 * 1024
BODY_S = 30.0


async def read_body(request: Request, limit: int = BODY_LIMIT, timeout_s: float = BODY_S) -> dict[str, Any]:
    """The JSON object of a request. Raises InputError for anything else, too much, or too slow."""
    size, parts = 0, []
    try:
        with anyio.fail_after(timeout_s):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _refused(f"the request is over {limit} bytes.", "Send less at once.")
                parts.append(part)
    except TimeoutError:
        raise _refused(f"the request was not complete within {timeout_s:g} s.", "Send it at once.") from None
    return parse_body(b"".join(parts))


def parse_body(body: bytes) -> dict[str, Any]:
    """Strict JSON in UTF-8: an object, no NaN, no half of a character pair; an empty body is an empty object."""
    try:
        value = json.loads(body.decode() or "{}", parse_constant=_no_constant)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise _refused("the request is not JSON.", "Send one JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        raise _refused("the request is not a JSON object.", "Send one JSON object.")
    return value


def whole_number(request: Request, name: str, default: int) -> int:
    """A whole number of the query string."""
    value = request.query_params.get(name, str(default))
    if not (value.isascii() and value.isdigit()) or len(value) > 15:
        raise InputError("InvalidParameter", f"{name} is {value!r}; it must be a whole number.", "Give a seq.")
    return int(value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _refused(message: str, next_step: str) -> InputError:
    return InputError("InvalidParameter", message, next_step)
