"""The gate: who stands at the door, with which role. Only the engine owner's config gives power; a caller can only
give up some of it."""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import HTTPConnection

from engine.control.config import Roles, Settings
from engine.control.peer import Peer, Standing, user_name
from engine.model.errors import NotPermittedError
from engine.runtime.door import Caller
from engine.runtime.permissions import Role, stronger, weaker

CLAIMS = ("ssh-connection", "sudo-user", "tty")
CLAIM_LIMIT = 200
GROUPS_S = 10.0

GroupsOf = Callable[[int, int], frozenset[str]]


def groups_of(uid: int, gid: int) -> frozenset[str]:
    """The names of a user's groups, as the system's user database has them; of a uid without a name only its group."""
    try:
        found = os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except (KeyError, OSError):
        found = [gid]
    names = set()
    for number in found:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return frozenset(names)


class Gate:
    """Turns a connection into a Caller. `settings` gives the present settings; the owner and root are admins."""

    def __init__(
        self,
        settings: Callable[[], Settings] = Settings,
        *,
        owner: int | None = None,
        groups: GroupsOf = groups_of,
        name_of: Callable[[int], str] = user_name,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._owner = os.geteuid() if owner is None else owner
        self._groups = groups
        self._name_of = name_of
        self._clock = clock
        self._known: dict[tuple[int, int], tuple[float, str, frozenset[str]]] = {}

    def caller(self, connection: HTTPConnection) -> Caller:
        """Who is calling; a caller without a role has None. Raises NotPermittedError when the kernel does not say."""
        peer: Any = connection.scope.get("state", {}).get("peer")
        if not isinstance(peer, Peer):
            raise NotPermittedError("NotPermitted", "the kernel does not say who is calling.", "Use the Unix socket.")
        name, groups = self._names(peer)
        role = self._role(peer.uid, name, groups)
        standing = _standing(connection)
        if standing.readonly or _asks_readonly(connection):
            role = weaker(role, Role.VIEWER)
        claimed = standing.claimed if standing.claimed is not None else _claimed(connection)
        login = self._name_of(peer.login_uid) if peer.login_uid is not None else None
        return Caller(peer.uid, name, claimed, role, login)

    def role_of(self, peer: Peer) -> Role | None:
        """The role of the user at the other end, before anything was said."""
        return self._role(peer.uid, *self._names(peer))

    def introduce(self, connection: HTTPConnection) -> None:
        """Let what this request says of its caller hold for its whole connection; what was said before stays."""
        standing = _standing(connection)
        standing.readonly = standing.readonly or _asks_readonly(connection)
        standing.claimed = standing.claimed if standing.claimed is not None else _claimed(connection)

    def _names(self, peer: Peer) -> tuple[str, frozenset[str]]:
        now = self._clock()
        known = self._known.get((peer.uid, peer.gid))
        if known is not None and now - known[0] < GROUPS_S:
            return known[1], known[2]
        if len(self._known) > 1000:
            self._known.clear()
        name, groups = self._name_of(peer.uid), self._groups(peer.uid, peer.gid)
        self._known[peer.uid, peer.gid] = (now, name, groups)
        return name, groups

    def _role(self, uid: int, name: str, groups: frozenset[str]) -> Role | None:
        if uid in (0, self._owner):
            return Role.ADMIN
        return role_in(self._settings().roles, {f"uid:{uid}", f"user:{name}", *(f"group:{g}" for g in groups)})


def _standing(connection: HTTPConnection) -> Standing:
    found: Standing = connection.scope["state"]["standing"]
    return found


def _asks_readonly(connection: HTTPConnection) -> bool:
    return bool(connection.headers.get("x-rollset-readonly"))


def _claimed(connection: HTTPConnection) -> Mapping[str, str]:
    found = {key: connection.headers.get(f"x-rollset-{key}", "")[:CLAIM_LIMIT] for key in CLAIMS}
    return {key: value for key, value in found.items() if value}


def role_in(roles: Roles, subjects: set[str]) -> Role | None:
    """The strongest role that one of the subjects has."""
    found: Role | None = None
    for role, given in ((Role.VIEWER, roles.viewer), (Role.OPERATOR, roles.operator), (Role.ADMIN, roles.admin)):
        if subjects & set(given):
            found = stronger(found, role)
    return found
