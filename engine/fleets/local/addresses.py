"""Loopback addresses for instances: 127.a.b.c, a and b from the state directory's digest, one per instance.

An allotment is a file created exclusively, so two engines or threads never hand out the same one. Where such addresses
do not bind (not Linux), every instance gets 127.0.0.1 and a free port of its own.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from collections.abc import Callable, Collection
from pathlib import Path

from engine.fleets.local.layout import held, make_directory
from engine.model.errors import InputError, UnreachableError

INSTANCES_PER_B = 250
_CANDIDATES = 256 * INSTANCES_PER_B
_OWN_PARTS = 3
"""`<set>/instances/<instance>` names an owner, also in a state directory that was moved."""


class AddressBook:
    """The allotments of one state directory. `directory` holds one file per allotted address.

    `spoken_for` tells further addresses that are not given out, as `ADDRESS:PORT`: those of instances that were lost,
    say, and that somebody still knows.
    """

    def __init__(self, directory: Path, seed: str) -> None:
        digest = hashlib.sha256(seed.encode()).digest()
        self._directory = directory
        self._a = 1 + digest[0] % 254
        self._b = digest[1]
        self.spoken_for: Callable[[], Collection[str]] = tuple

    def candidate(self, index: int) -> str:
        """The index-th address (0-based): c runs 1..250, then b moves on."""
        b = (self._b + index // INSTANCES_PER_B) % 256
        return f"127.{self._a}.{b}.{1 + index % INSTANCES_PER_B}"

    def allot(self, owner: Path, port: int) -> tuple[str, int]:
        """An address on which `port` binds now and that nobody else in this state directory has or had.

        Raises InputError when the port is not one this user may bind, UnreachableError when no address is left.
        """
        if not 0 < port < 65536:
            raise InputError("InvalidParameter", f"port {port} is not between 1 and 65535.", "Correct the port.")
        make_directory(self._directory)
        with held(self._directory / ".lock"):
            known = self.spoken_for()
            taken = {*os.listdir(self._directory), *(address.rpartition(":")[0] for address in known)}
            for index in range(_CANDIDATES):
                address = self.candidate(index)
                if address in taken:
                    continue
                problem = _bind_problem(address, port)
                if problem == errno.EADDRNOTAVAIL:
                    return self._allot_port(owner, known)
                if problem == errno.EACCES:
                    raise InputError(
                        "InvalidParameter", f"this user may not bind port {port}.", "Use a port of 1024 or above."
                    )
                if problem is None:
                    self._record(address, owner)
                    return address, port
        raise UnreachableError(
            "NoAddressLeft", f"none of {_CANDIDATES} loopback addresses binds port {port}.", "Delete unused instances."
        )

    def release(self, owner: Path, address: str, port: int) -> None:
        """Give an allotment back; an unknown one is fine, and one that another instance has by now stays."""
        for name in (address, f"{address}:{port}"):
            allotment = self._directory / name
            try:
                has_it = Path(allotment.read_text("utf-8"))
            except FileNotFoundError:
                continue
            if has_it.parts[-_OWN_PARTS:] == owner.parts[-_OWN_PARTS:]:
                allotment.unlink(missing_ok=True)

    def _allot_port(self, owner: Path, known: Collection[str]) -> tuple[str, int]:
        for _ in range(64):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            address = f"127.0.0.1:{port}"
            if address not in known and not (self._directory / address).exists():
                self._record(address, owner)
                return "127.0.0.1", port
        raise UnreachableError("NoAddressLeft", "no free port on 127.0.0.1 in 64 tries.", "Delete unused instances.")

    def _record(self, name: str, owner: Path) -> None:
        descriptor = os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as target:
            target.write(str(owner))


def _bind_problem(address: str, port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            # Two may bind while neither listens; listening settles it.
            probe.listen(1)
        except OSError as error:
            return error.errno or errno.EADDRINUSE
    return None
