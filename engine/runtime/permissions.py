"""Who may do what: a viewer reads, an operator runs upgrades, an admin may also end things for good."""

from __future__ import annotations

from enum import StrEnum

from engine.model.errors import NotPermittedError


class Role(StrEnum):
    """From the least to the most power."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_POWER = {None: 0, Role.VIEWER: 1, Role.OPERATOR: 2, Role.ADMIN: 3}
ADMIN_VERBS = frozenset({"backup", "delete", "export", "engine-stop", "engine-hand-over"})


def weaker(one: Role | None, other: Role | None) -> Role | None:
    """The one of two roles with less power; None is no role."""
    return min(one, other, key=lambda role: _POWER[role])


def stronger(one: Role | None, other: Role | None) -> Role | None:
    """The one of two roles with more power."""
    return max(one, other, key=lambda role: _POWER[role])


def needed_for(verb: str) -> Role:
    """The least role that may give a command."""
    return Role.ADMIN if verb in ADMIN_VERBS else Role.OPERATOR


def permit(role: Role | None, user: str, needed: Role, what: str) -> None:
    """Raise NotPermittedError unless the role reaches; nothing else is told to somebody without a role."""
    if _POWER[role] >= _POWER[needed]:
        return
    if role is None:
        raise NotPermittedError(
            "NotPermitted", f"{user} has no role here.", "Ask the engine's owner for one ([roles] in config.toml)."
        )
    raise NotPermittedError(
        "NotPermitted",
        f"{user} is {role} here; {what} needs {needed}.",
        "Without --readonly, or with a role from the engine's owner.",
    )
