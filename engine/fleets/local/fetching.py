"""Files of a Custom Script that are elsewhere: fetched over http or https, within bounds of size and time."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio

from engine.model.codes import ErrorCode
from engine.model.errors import RollsetError

FILE_BYTES = 256 * 1024 * 1024
FETCH_S = 120.0
"""For all files of one run together."""
_WEB = frozenset({"http", "https"})
_NAME_BYTES = 255


@asynccontextmanager
async def fetched(
    uris: Sequence[str], *, file_bytes: int = FILE_BYTES, within_s: float = FETCH_S
) -> AsyncIterator[Mapping[str, Path]]:
    """The files behind the http and https addresses among `uris`, by address, until the block ends.

    Raises RollsetError that names the address without its query, which may hold a token.
    """
    wanted = list(dict.fromkeys(uri for uri in uris if urlsplit(uri).scheme in _WEB))
    if not wanted:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="rollset-files-") as folder:
        found: dict[str, Path] = {}
        with anyio.move_on_after(within_s) as waiting:
            for number, uri in enumerate(wanted):
                target = Path(folder) / str(number) / _name_of(uri)
                target.parent.mkdir()
                await _fetch(uri, target, file_bytes)
                found[uri] = target
        if waiting.cancelled_caught:
            raise _failed(wanted[len(found)], f"it was not here within {within_s:g} s")
        yield found


async def _fetch(uri: str, target: Path, file_bytes: int) -> None:
    import httpx  # loaded where a script has such a file

    size = 0
    try:
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=None) as client,  # noqa: S113 - bounded by the caller
            client.stream("GET", uri) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise _failed(uri, f"the answer was {answer.status_code} {answer.reason_phrase}")
            async with await anyio.open_file(target, "xb") as file:
                async for chunk in answer.aiter_bytes():
                    size += len(chunk)
                    if size > file_bytes:
                        raise _failed(uri, f"it has more than {file_bytes} bytes")
                    await file.write(chunk)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _failed(uri, str(error) or type(error).__name__) from error


def _name_of(uri: str) -> str:
    name = unquote(urlsplit(uri).path).rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name or len(name.encode()) > _NAME_BYTES:
        raise _failed(uri, "its path does not end with the name of a file")
    return name


def _failed(uri: str, why: str) -> RollsetError:
    parts = urlsplit(uri)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return RollsetError(
        ErrorCode.EXTENSION,
        f"fileUris: {shown} could not be fetched: {why}.",
        "Make it answer to the engine's machine, or name a file there: file:/PATH; then retry.",
    )
