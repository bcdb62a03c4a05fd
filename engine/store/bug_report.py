"""`python -m engine.store.bug_report`: what is needed to look into a defect, in one file, without anybody's secrets."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import sqlite3
import stat
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from engine.model.errors import InputError, RollsetError
from engine.model.version import VERSION
from engine.store.doctor import HALT, Check, examine
from engine.store.failures import not_writable
from engine.store.own_process import answer, arguments
from engine.store.reading import reading
from engine.store.schema import DATABASE
from engine.store.state_directory import file_system_of
from engine.store.veil import Veil

EVENTS = 20_000
LOG_BYTES = 2 * 1024 * 1024
_ENTRIES = 10_000
_LOG_LINE = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z) ([A-Z]+) ([a-z_.]+): ")
_FRAME = re.compile(r'\s+File "([^"]+)", line (\d+), in ([\w<>]+)')
_RAISED = re.compile(r"(?:[|+ -]*)([A-Za-z_][\w.]*(?:Error|Exception|Group|Exit|Interrupt))\b")
_PLACES = re.compile(r"engine|tui|site-packages|python3\.\d+")
_NAMES = re.compile(
    r"rollset\.db(-wal|-shm)?|engine\.(lock|log|log\.1|sock)|spawn\.lock|images|local|simulated|backups|ballast|hooks\.json"
    r"|before-restore-[\dTZ.]+"
)

LEFT_OUT = (
    "names and resource ids of scale sets, images, policies, hosts and people; each is shown as # and 8 digits",
    "reasons, texts of errors, answers of probes, output of extensions, settings, tags and environment of models",
    "protected settings, keys, tokens, and every value of an environment variable",
    "the configuration (roles, hooks), the database itself, images, disks and files of instances",
    "messages in the log; times, levels, places in the code and kinds of errors stay",
)
KEPT = "times, numbers, states, error codes, numbers of instances and zones, sizes and modes of files, versions"


def bug_report(state_dir: Path, target: Path, *, now: float) -> dict[str, Any]:
    """Write the report and tell what is in it. Raises InputError when `target` exists, StoreNotWritableError."""
    veil = Veil()
    parts = {
        "about.json": _about(state_dir),
        "checks.json": [_without_names(check, veil) for check in examine(state_dir, thoroughly=True, now=now)],
        "files.json": list(_files(state_dir, veil, now)),
        "log.txt": "\n".join(_log(state_dir)) + "\n",
        **_records(state_dir / DATABASE, veil),
    }
    words = "Kept: " + KEPT + ".\nLeft out:\n" + "".join(f"- {what}\n" for what in LEFT_OUT)
    _write(target, {"READ-ME.txt": words, **parts}, now)
    return {"path": str(target), "size_bytes": target.stat().st_size, "left_out": LEFT_OUT, "kept": KEPT}


def _without_names(check: Check, veil: Veil) -> Check:
    said = veil.mark if check["name"] == HALT else veil.sentence
    return check | {"words": said(check["words"])}


def _about(state_dir: Path) -> dict[str, Any]:
    return {
        "rollset": VERSION,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "file_system": file_system_of(state_dir),
        "variables_set": sorted(name for name in os.environ if name.startswith(("ROLLSET_", "XDG_"))),
        "terminal": os.environ.get("TERM", "")[:20],
    }


def _files(state_dir: Path, veil: Veil, now: float) -> Iterator[dict[str, Any]]:
    for path in sorted(state_dir.iterdir()) if state_dir.is_dir() else ():
        facts = path.lstat()
        told: dict[str, Any] = {
            "name": path.name if _NAMES.fullmatch(path.name) else veil.mark(path.name),
            "mode": stat.filemode(facts.st_mode),
            "mine": facts.st_uid == os.geteuid(),
            "size_bytes": facts.st_size,
            "age_s": round(now - facts.st_mtime, 1),
        }
        if stat.S_ISDIR(facts.st_mode):
            told["entries"] = len(list(islice(path.rglob("*"), _ENTRIES)))
        yield told


def _log(state_dir: Path) -> Iterator[str]:
    """Of each line only what we wrote ourselves: when, how bad, where in the code, which kind of error."""
    for name in ("engine.log.1", "engine.log"):
        with suppress(OSError), open(state_dir / name, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
            for line in file.read().decode("utf-8", "replace").splitlines():
                if (found := _LOG_LINE.match(line)) is not None:
                    yield " ".join(found.groups())
                elif (found := _FRAME.match(line)) is not None:
                    yield f"  {_place(found[1])}:{found[2]} {found[3]}"
                elif (found := _RAISED.match(line)) is not None:
                    yield f"  {found[1]}"


def _place(path: str) -> str:
    parts = Path(path).parts
    starts = [i for i, part in enumerate(parts) if _PLACES.fullmatch(part)]
    return "/".join(parts[starts[-1] :]) if starts else "..."


def _records(database: Path, veil: Veil) -> dict[str, str]:
    """Events, upgrades and open acts, veiled; a database that cannot be read is told as that."""
    try:
        with reading(database) as connection:
            return {
                "events.jsonl": "".join(_events(connection, veil)),
                "upgrades.jsonl": "".join(_bodies(connection, "SELECT body FROM upgrade", veil)),
                "acts.jsonl": "".join(_bodies(connection, "SELECT body FROM effect WHERE outcome IS NULL", veil)),
                "commands.json": json.dumps(
                    connection.execute(
                        "SELECT verb, verdict = 'accepted', count(*) FROM command GROUP BY 1, 2"
                    ).fetchall(),
                    indent=1,
                ),
            }
    except (RollsetError, sqlite3.Error) as error:
        return {"events.jsonl": json.dumps({"unreadable": type(error).__name__}) + "\n"}


def _events(connection: sqlite3.Connection, veil: Veil) -> Iterator[str]:
    sql = (
        "SELECT seq, stream, stream_seq, type, schema, at, clock, epoch, actor, body FROM event "
        "ORDER BY seq DESC LIMIT ?"
    )
    for seq, stream, number, kind, schema, at, clock, epoch, actor, body in connection.execute(sql, (EVENTS,)):
        family, _, key = stream.partition("/")
        yield _line(
            {
                "seq": seq,
                "stream": f"{family}/{veil.mark(key)}" if key else family,
                "stream_seq": number,
                "type": veil.text(kind),
                "schema": schema,
                "at": at,
                "clock": clock,
                "epoch": epoch,
                "actor": actor if actor == "engine" else veil.mark(actor),
                "body": _veiled(body, veil),
            }
        )


def _bodies(connection: sqlite3.Connection, sql: str, veil: Veil) -> Iterator[str]:
    for (body,) in connection.execute(sql):
        yield _line(_veiled(body, veil))


def _veiled(body: str, veil: Veil) -> Any:
    try:
        return veil.value(json.loads(body))
    except (ValueError, RecursionError):
        return "unreadable"


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"


def _write(target: Path, parts: dict[str, Any], now: float) -> None:
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise InputError("InvalidParameter", f"{target} exists.", "Name a file that does not exist.") from None
    except OSError as error:
        raise InputError(
            "InvalidParameter", f"{target}: {error.strerror}.", "Name a file in a folder of yours."
        ) from None
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, part in parts.items():
                content = (part if isinstance(part, str) else json.dumps(part, indent=1)).encode("utf-8", "replace")
                entry = tarfile.TarInfo(f"rollset-report/{name}")
                entry.size, entry.mtime, entry.mode = len(content), int(now), 0o600
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        with suppress(OSError):
            target.unlink()
        raise not_writable(target, error) from error


def main(argv: list[str] | None = None) -> int:
    """Print what was written as JSON; an error is JSON too, with its exit code."""
    given = arguments("rollset doctor --bundle", argv, "target", changes=False)
    return answer(lambda: bug_report(given.state_dir, given.target, now=time.time()))


if __name__ == "__main__":
    sys.exit(main())
