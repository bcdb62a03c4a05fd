"""A line to an engine on another machine: ssh runs `rollset engine dial-stdio` there. No port is opened."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
from typing import IO

from engine.control.client.start import NO_SPAWN_VARIABLE
from engine.model.errors import InputError, UnreachableError

HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}@)?(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])")
COMMAND = re.compile(r"[A-Za-z0-9_./~-]{1,255}")
COMMAND_VARIABLE = "ROLLSET_REMOTE_COMMAND"
"""What to run there when `rollset` is not on the path that ssh finds."""
CONNECT_S = 15.0
LEAVE_S = 1.0
NOT_FOUND = 127


class SshLine:
    """One ssh process a connection; ControlMaster (docs/service.md) makes the second one quick.

    Raises InputError for a name that is no [USER@]HOST: nothing of it can be taken for an option or a command.
    """

    def __init__(self, host: str) -> None:
        if not HOST.fullmatch(host):
            raise InputError("InvalidHost", f"--host is {host!r}; it must be HOST or USER@HOST.", "Name it as for ssh.")
        self._command = os.environ.get(COMMAND_VARIABLE) or "rollset"
        if not COMMAND.fullmatch(self._command) or self._command.startswith("-"):
            raise InputError(
                "InvalidHost", f"{COMMAND_VARIABLE} is {self._command!r}; it must be one path.", "Give no arguments."
            )
        self.host = host
        self.may_start = True
        """Whether the engine there is started where none runs."""
        self._running: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []

    def open(self, timeout_s: float) -> socket.socket:
        """Start ssh with one end of a socket pair as its standard input and output; the other end is returned."""
        self._reap()
        ours, theirs = socket.socketpair()
        words = tempfile.TemporaryFile()  # noqa: SIM115 - kept until the process was asked for its last words
        end = theirs.fileno()
        try:
            process = subprocess.Popen(self.arguments(), stdin=end, stdout=end, stderr=words)
        except OSError as error:
            ours.close()
            words.close()
            raise UnreachableError("SshFailed", f"ssh cannot be run: {error.strerror}.", "Install ssh.") from error
        finally:
            theirs.close()
        self._running.append((process, words))
        ours.settimeout(max(timeout_s, CONNECT_S))
        return ours

    def arguments(self) -> list[str]:
        """The command line."""
        asks = sys.stdin is not None and sys.stdin.isatty()
        options = [
            "-T",
            "-x",
            "-a",
            "-o",
            f"ConnectTimeout={CONNECT_S:.0f}",
            "-o",
            f"BatchMode={'no' if asks else 'yes'}",
        ]
        command = self._command if self.may_start else f"env {NO_SPAWN_VARIABLE}=1 {self._command}"
        return ["ssh", *options, "--", self.host, f"{command} engine dial-stdio"]

    def why_lost(self) -> str:
        """What ssh, or the command it ran, said last."""
        if not self._running:
            return ""
        process, words = self._running[-1]
        try:
            code = process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            return ""
        words.seek(0)
        lines = [line.strip() for line in words.read(64 * 1024).decode(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error: ")] or lines[-1:]
        if code == NOT_FOUND:
            return f"{self._command} is not found on {self.host}; set {COMMAND_VARIABLE}"
        if not errors:
            return f"ssh to {self.host} ended with code {code}" if code else ""
        return f"{self.host}: {errors[0].removeprefix('error: ')}"

    def close(self) -> None:
        """End every ssh that still runs."""
        for process, _ in self._running:
            process.terminate()
            process.wait()
        self._reap()

    def _reap(self) -> None:
        for process, words in list(self._running):
            if process.poll() is not None:
                words.close()
                self._running.remove((process, words))
