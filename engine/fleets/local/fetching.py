"""Files of a Custom Script that are elsewhere: asked for and fetched over http or https, within bounds."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import anyio

from engine.model.codes import ErrorCode
from engine.model.errors import RollsetError
from engine.model.safe_text import printable

FILE_BYTES = 256 * 1024 * 1024
FETCH_S = 120.0
"""For all files of one run together."""
ASK_S = 5.0
"""So long an answer is waited for where nothing is fetched yet."""
ASKED_AT_ONCE = 8
LOOK_AGAIN_S = 0.005
LOOKS_AT_ONCE = 32
"""Threads that look whether a file is there, those among them that never come back."""
_WEB = frozenset({"http", "https"})
_NAME_BYTES = 255
HTTP_OK = 200
_LOOKS = threading.Semaphore(LOOKS_AT_ONCE)


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


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a file cannot be had now, with its address but without its query. `silent`: nothing has answered yet."""

    words: str
    silent: bool = False


async def missing(uris: Sequence[str], *, within_s: float = ASK_S) -> Mapping[str, Missing]:
    """By address, the files that could not be fetched now; nothing of one that is there is read.

    Each is asked for as `fetched` would ask, all of them within `within_s`; a `file:` only has to be there.
    """
    found = {uri: Missing(f"fileUris: {_shown(uri)} did not answer within {within_s:g} s", silent=True) for uri in uris}
    places = anyio.CapacityLimiter(ASKED_AT_ONCE)

    async def ask(uri: str) -> None:
        async with places:
            try:
                await (_open(uri) if urlsplit(uri).scheme in _WEB else _look(uri))
            except RollsetError as error:
                found[uri] = Missing(error.message.rstrip("."))
            else:
                del found[uri]

    with anyio.move_on_after(within_s):
        async with anyio.create_task_group() as tasks:
            for uri in list(found):
                tasks.start_soon(ask, uri)
    return found


async def _open(uri: str) -> None:
    """Raise RollsetError unless the address answers with a file."""
    import httpx  # loaded where a script has such a file

    _name_of(uri)
    with _named(uri, httpx.HTTPError, httpx.InvalidURL):
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=None) as client,  # noqa: S113 - bounded by the caller
            client.stream("GET", uri) as answer,
        ):
            _expect_file(uri, answer.status_code, answer.reason_phrase)


async def _look(uri: str) -> None:
    path = Path(unquote(urlsplit(uri).path))
    with _named(uri):
        there = await _is_readable(path)
    if not there:
        raise _failed(uri, "there is no such file on the engine's machine that it may read")


async def _is_readable(path: Path) -> bool:
    """A mount whose server is gone answers no system call: neither the caller nor the engine's end waits for it."""
    found: Future[bool] = Future()

    def look() -> None:
        try:
            found.set_result(path.is_file() and os.access(path, os.R_OK))
        except (OSError, ValueError) as error:
            found.set_exception(error)
        finally:
            _LOOKS.release()

    while not _LOOKS.acquire(blocking=False):  # noqa: ASYNC110 - threads that may outlive the event loop release it
        await anyio.sleep(LOOK_AGAIN_S)
    threading.Thread(target=look, daemon=True).start()
    while not found.done():  # noqa: ASYNC110 - as above
        await anyio.sleep(LOOK_AGAIN_S)
    return found.result()


async def _fetch(uri: str, target: Path, file_bytes: int) -> None:
    import httpx  # loaded where a script has such a file

    size = 0
    with _named(uri, httpx.HTTPError, httpx.InvalidURL):
        async with (
            httpx.AsyncClient(follow_redirects=True, timeout=None) as client,  # noqa: S113 - bounded by the caller
            client.stream("GET", uri) as answer,
        ):
            _expect_file(uri, answer.status_code, answer.reason_phrase)
            async with await anyio.open_file(target, "xb") as file:
                async for chunk in answer.aiter_bytes():
                    size += len(chunk)
                    if size > file_bytes:
                        raise _failed(uri, f"it has more than {file_bytes} bytes")
                    await file.write(chunk)


@contextmanager
def _named(uri: str, *more: type[Exception]) -> Iterator[None]:
    """Raise RollsetError about the address for what the system, and `more`, say of it."""
    # A name with no IDNA form is a ValueError; what connecting to several addresses meets comes as a group.
    causes: tuple[type[Exception], ...] = (OSError, ValueError, OverflowError, ExceptionGroup, *more)
    try:
        yield
    except causes as error:
        cause: Exception = error
        while isinstance(cause, ExceptionGroup):
            cause = cause.exceptions[0]
        why = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
        raise _failed(uri, why or type(cause).__name__) from error


def _name_of(uri: str) -> str:
    name = unquote(urlsplit(uri).path).rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name or len(name.encode()) > _NAME_BYTES:
        raise _failed(uri, "its path does not end with the name of a file")
    return name


def _expect_file(uri: str, status: int, said: str) -> None:
    if status != HTTP_OK:
        raise _failed(uri, f"the answer was {status} {said}")


def _shown(uri: str) -> str:
    parts = urlsplit(uri)
    host = f"//{parts.netloc.rpartition('@')[2]}" if parts.scheme in _WEB else ""
    return printable(f"{parts.scheme}:{host}{parts.path}")


def _failed(uri: str, why: str) -> RollsetError:
    query = urlsplit(uri).query
    safe = why.replace(query, "...") if query else why
    return RollsetError(
        ErrorCode.EXTENSION,
        f"fileUris: {_shown(uri)} could not be fetched: {printable(safe)}.",
        "Make it answer to the engine's machine, or name a file there: file:/PATH; then retry.",
    )
