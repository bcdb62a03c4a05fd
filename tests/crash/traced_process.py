"""A forked process whose writes and syncs are followed by the kernel's ptrace: no strace, no compiler."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

_NUMBERS = {
    "x86_64": {1: "write", 18: "pwrite64", 74: "fsync", 75: "fdatasync", 77: "ftruncate"},
    "aarch64": {64: "write", 68: "pwrite64", 82: "fsync", 83: "fdatasync", 46: "ftruncate"},
}
_TRACEME, _KILL, _SYSCALL, _SETOPTIONS, _SYSCALL_INFO = 0, 8, 24, 0x4200, 0x420E
_SYSGOOD, _EXITKILL = 0x1, 0x100000
_ENTRY, _EXIT = 1, 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> None:
    if _libc.ptrace(request, pid, address or None, data or None) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace {request}: {os.strerror(number)}")


@dataclass(slots=True)
class DiskFile:
    """What is on the disk of one file (`synced`), and what was written since: (offset, bytes), or (size, None)."""

    synced: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def after_power_loss(self, dice: Random | None) -> bytes:
        """Without dice every write since the last sync is lost; with them any part of each may be there."""
        content = bytearray(self.synced)
        for offset, data in self.since if dice is not None else ():
            if dice is None or dice.random() < 0.5:
                continue
            if data is None:
                del content[offset:]
            else:
                part = data[: 512 * dice.randint(0, len(data) // 512)] if dice.random() < 0.3 else data
                content.extend(bytes(max(0, offset + len(part) - len(content))))
                content[offset : offset + len(part)] = part
        return bytes(content)


class TracedProcess:
    """Runs `main` in a child and tells `on_call` of each write, sync and truncation below `root`, before it happens.

    `on_call` gets the name; what it returns true for is never carried out: the process is killed there.
    `on_note` gets what the child writes to `note_fd`.
    """

    def __init__(self, root: Path, main: Callable[[int], None]) -> None:
        self.files: dict[str, DiskFile] = {}
        self.calls = 0
        self._root = str(root)
        self._names = _NUMBERS[platform.machine()]
        for path in root.iterdir():
            if path.is_file():
                self.files[str(path)] = DiskFile(path.read_bytes())
        reading, self._note = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _ptrace(_TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            code = 1
            try:
                main(self._note)
                code = 0
            finally:
                os._exit(code)
        os.close(self._note)
        self._reading = reading

    def run(self, on_call: Callable[[str], bool], on_note: Callable[[], None] | None = None) -> int:
        """Follow it to its end; returns the wait status."""
        _, status = os.waitpid(self.pid, 0)
        _ptrace(_SETOPTIONS, self.pid, 0, _SYSGOOD | _EXITKILL)
        began: tuple[str, int, int, int] | None = None
        while os.WIFSTOPPED(status):
            pending = os.WSTOPSIG(status)
            if pending == signal.SIGTRAP | 0x80:
                pending, began = 0, self._stopped(began, on_call, on_note)
            elif pending in (signal.SIGSTOP, signal.SIGTRAP):
                pending = 0
            try:
                _ptrace(_SYSCALL, self.pid, 0, pending)
            except ProcessLookupError:
                pass  # killed a moment ago; its status comes next
            _, status = os.waitpid(self.pid, 0)
        os.close(self._reading)
        return status

    def _stopped(
        self,
        began: tuple[str, int, int, int] | None,
        on_call: Callable[[str], bool],
        on_note: Callable[[], None] | None,
    ) -> tuple[str, int, int, int] | None:
        info = ctypes.create_string_buffer(88)
        _ptrace(_SYSCALL_INFO, self.pid, len(info), ctypes.addressof(info))
        if info.raw[0] == _ENTRY:
            number, descriptor, length, size, offset = struct.unpack_from("<QQQQQ", info.raw, 24)
            name = self._names.get(number)
            if name is None:
                return None
            path = os.readlink(f"/proc/{self.pid}/fd/{descriptor}")
            if path.startswith("pipe:"):
                if on_note is not None:
                    on_note()
                return None
            if not path.startswith(self._root) or os.path.isdir(path):
                return None
            self.calls += 1
            if on_call(name):
                os.kill(self.pid, signal.SIGKILL)
            return name, descriptor, length if name == "ftruncate" else size, offset
        if info.raw[0] == _EXIT and began is not None:
            self._done(*began, struct.unpack_from("<q", info.raw, 24)[0])
        return None

    def _done(self, name: str, descriptor: int, size: int, offset: int, result: int) -> None:
        path = os.readlink(f"/proc/{self.pid}/fd/{descriptor}")
        file = self.files.setdefault(path, DiskFile())
        if result < 0:
            return
        if name in ("fsync", "fdatasync"):
            file.synced, file.since = Path(path).read_bytes(), []
        elif name == "ftruncate":
            file.since.append((size, None))
        elif name == "pwrite64":
            with open(path, "rb") as written:
                written.seek(offset)
                file.since.append((offset, written.read(result)))
