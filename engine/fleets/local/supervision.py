"""What the keeper and the extension runner share: owning one child and everything it starts.

Both are small processes that outlive the engine and are started by the hundred, so this module imports only what they
need anyway. Linux only: /proc, prctl, pidfd.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import sys
import time

MINIMAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DIRECTORY_CHECK_S = 0.5
KILL_GRACE_S = 1.0
LOCK_WAIT_S = 5.0
EXEC_FAILED = 127
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def boot_id() -> str:
    """The id of this boot of the machine: pids recorded under another one name nothing."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as source:
        return source.read().strip()


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it does not exist or is a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as source:
            fields = source.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def write_json(path: str, document: dict[str, object], *, durable: bool = False) -> None:
    """Replace the file in one step (mode 0600); `durable` also flushes file and directory to the disk."""
    temporary = f"{path}.{os.getpid()}-{_thread.get_native_id()}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as target:
        json.dump(document, target)
        if durable:
            target.flush()
            os.fsync(descriptor)
    os.replace(temporary, path)
    if durable:
        sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Flush a directory, so that the renames in it survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def take_lock(path: str) -> int | None:
    """Hold the lock file for the life of this process; None when another process keeps it.

    Waits a little, because observers test the lock by taking it shared for an instant.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_WAIT_S
    while time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            time.sleep(0.005)
    os.close(descriptor)
    return None


def become_daemon() -> None:
    """Leave the starter: it reaps the intermediate process at once, and this one belongs to nobody's session."""
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    os.chdir("/")
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def report(document: dict[str, object]) -> None:
    """Tell the starter, on standard output, in one line; a starter that is gone is no reason to end."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(document).encode() + b"\n")


class Tail:
    """The last `limit` bytes of a stream, and how many came before them."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.kept = bytearray()
        self.dropped = 0

    def add(self, chunk: bytes) -> None:
        """Append; what no longer fits is dropped from the front."""
        self.kept += chunk
        excess = len(self.kept) - self.limit
        if excess > 0:
            del self.kept[:excess]
            self.dropped += excess


class Child:
    """One process in its own session, killed with this one, with its output in pipes."""

    def __init__(self, argv: list[str], environment: dict[str, str], cwd: str) -> None:
        self.out, out_write = os.pipe()
        self.err, err_write = os.pipe()
        told, tell = os.pipe()
        supervisor = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _become(argv, environment, cwd, (out_write, err_write), tell, supervisor)
        for descriptor in (out_write, err_write, tell):
            os.close(descriptor)
        with open(told, "rb") as answer:
            self.failure = answer.read().decode()
        self.start_time = start_time(self.pid)
        self.exit_code: int | None = None
        os.set_blocking(self.out, False)
        os.set_blocking(self.err, False)

    def poll(self) -> bool:
        """Reap what has ended, adopted descendants too; True once the child itself has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return self.exit_code is not None
            if pid == 0:
                return self.exit_code is not None
            if pid == self.pid:
                self.exit_code = os.waitstatus_to_exitcode(status)

    def end(self, grace_s: float) -> None:
        """End the child's group, politely for `grace_s` seconds, then kill it and every descendant left."""
        if grace_s > 0 and not self.poll():
            _signal_group(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + grace_s
            while not self.poll() and time.monotonic() < deadline:
                time.sleep(0.005)
        _signal_group(self.pid, signal.SIGKILL)
        for _ in range(200):
            self.poll()
            children = _children()
            if not children:
                return
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)


class Watch:
    """Says why this process should end its child: told to, its directory is gone, its owner is gone."""

    def __init__(self, directory: str, owner: dict[str, int] | None) -> None:
        self._directory = directory
        self._identity = _file_identity(directory)
        self._owner = owner
        self._told = False
        self.wakeup, wakeup_write = os.pipe()
        os.set_blocking(self.wakeup, False)
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._tell)
        self._owner_fd: int | None = None
        if owner is not None:
            with contextlib.suppress(OSError):
                self._owner_fd = os.pidfd_open(owner["pid"])

    def wait(self, descriptors: list[int], timeout_s: float) -> list[int]:
        """The readable ones of `descriptors`, after at most `timeout_s` and at most one directory check's time."""
        extra = [self.wakeup] + ([] if self._owner_fd is None else [self._owner_fd])
        ready = select.select(descriptors + extra, [], [], max(0.0, min(timeout_s, DIRECTORY_CHECK_S)))[0]
        if self.wakeup in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wakeup, 4096)
        return [descriptor for descriptor in ready if descriptor in descriptors]

    def reason_to_end(self) -> str | None:
        """`told`, `directory gone`, `owner gone`, or None."""
        if self._told:
            return "told"
        if _file_identity(self._directory) != self._identity:
            return "directory gone"
        if self._owner is not None and start_time(self._owner["pid"]) != self._owner["start_time"]:
            return "owner gone"
        return None

    def directory_is_there(self) -> bool:
        """False once there is nowhere to record anything."""
        return self._identity is not None and _file_identity(self._directory) == self._identity

    def _tell(self, *_: object) -> None:
        self._told = True


def read_available(descriptor: int) -> bytes | None:
    """What a non-blocking pipe holds, up to 64 KiB: b"" at its end, None when there is nothing now."""
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return None


def read_spec() -> dict[str, object]:
    """The document the starter wrote to standard input; nothing of it is in arguments or on the disk."""
    spec = json.load(sys.stdin)
    assert isinstance(spec, dict)
    return spec


def _become(
    argv: list[str], environment: dict[str, str], cwd: str, out: tuple[int, int], tell: int, supervisor: int
) -> None:
    try:
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(EXEC_FAILED)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (out[0], 1), (out[1], 2)):
            os.dup2(source, target)
        os.chdir(cwd)
        os.execve(argv[0], argv, environment)
    except OSError as error:
        os.write(tell, f"{argv[0]}: {error.strerror}".encode())
    finally:
        os._exit(EXEC_FAILED)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as source:
            return [int(pid) for pid in source.read().split()]
    except FileNotFoundError:
        return []


def _file_identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
