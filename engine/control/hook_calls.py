"""One call of a hook: a command that gets JSON on its standard input, or a POST of the same JSON to a URL."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from engine.control.config import Hook

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
WORDS_LIMIT = 400


class HookFailedError(Exception):
    """The call did not reach anybody, or was turned away; it is tried again."""


async def call(hook: Hook, document: dict[str, Any]) -> None:
    """Raises HookFailedError with one line that says why."""
    body = json.dumps(document).encode()
    try:
        with anyio.fail_after(hook.timeout_s + 1):
            await anyio.to_thread.run_sync(_run if hook.command else _post, hook, body, abandon_on_cancel=True)
    except (TimeoutError, subprocess.TimeoutExpired):
        raise HookFailedError(f"no answer within {hook.timeout_s:g} s") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise HookFailedError(f"{type(error).__name__}: {error}"[:WORDS_LIMIT]) from error


def _run(hook: Hook, body: bytes) -> None:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    done = subprocess.run(
        list(hook.command),
        input=body,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        env=environment,
        cwd="/",
        timeout=hook.timeout_s,
        start_new_session=True,
    )
    if done.returncode:
        words = " ".join(done.stderr[-WORDS_LIMIT:].decode(errors="replace").split())
        raise HookFailedError(f"exit code {done.returncode}: {words}")


def _post(hook: Hook, body: bytes) -> None:
    parts = urlsplit(hook.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=hook.timeout_s)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {"Content-Type": "application/json", "User-Agent": "rollset"})
        status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise HookFailedError(f"HTTP status {status}")
