"""A disk that fails writes below SQLite: its own hooks for system calls (sqlite3_vfs.xSetSystemCall), by ctypes."""

from __future__ import annotations

import _sqlite3
import ctypes
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_POINTER = ctypes.c_void_p


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", _POINTER),
        ("zName", ctypes.c_char_p),
        ("pAppData", _POINTER),
        ("between", _POINTER * 12),
        ("xCurrentTimeInt64", _POINTER),
        ("xSetSystemCall", ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_char_p, _POINTER)),
        ("xGetSystemCall", ctypes.CFUNCTYPE(_POINTER, _POINTER, ctypes.c_char_p)),
        ("xNextSystemCall", _POINTER),
    )


WRITE = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, _POINTER, ctypes.c_size_t, ctypes.c_int64, use_errno=True)
Verdict = Callable[[int, int], int]
"""Gets the number of the write (from 1) and its bytes; returns the bytes to let through, or minus an errno."""


def _library() -> ctypes.CDLL:
    """The library that this Python's sqlite3 uses, not another copy of it."""
    mapped = Path("/proc/self/maps").read_text(encoding="utf-8")
    found = re.search(r"(/\S*libsqlite3\S*)$", mapped, re.MULTILINE)
    return ctypes.CDLL(found.group(1) if found else _sqlite3.__file__)


@contextmanager
def sick_disk(verdict: Verdict) -> Iterator[list[int]]:
    """While it lasts every write of SQLite's in this process is judged first; yields the sizes that were asked for."""
    library = _library()
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None)
    address = ctypes.cast(vfs, _POINTER)
    asked: list[int] = []

    def hook(name: bytes) -> tuple[Any, Any]:
        before = vfs.contents.xGetSystemCall(address, name)
        real = WRITE(before)

        def write(descriptor: int, data: int, size: int, offset: int) -> int:
            asked.append(size)
            let = verdict(len(asked), size)
            if let < 0:
                ctypes.set_errno(-let)
                return -1
            done: int = real(descriptor, data, min(let, size), offset)
            return done

        made = WRITE(write)
        vfs.contents.xSetSystemCall(address, name, ctypes.cast(made, _POINTER))
        return before, made

    there = [name for name in (b"pwrite", b"pwrite64") if vfs.contents.xGetSystemCall(address, name)]
    assert there, "this SQLite is built without pwrite"
    hooked = [hook(name) for name in there]
    try:
        yield asked
    finally:
        for name, (before, _) in zip(there, hooked, strict=True):
            vfs.contents.xSetSystemCall(address, name, before)
