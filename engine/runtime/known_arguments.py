"""The arguments that each command takes: one that is misspelt is refused, not passed over."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from engine.model.codes import ErrorCode
from engine.model.errors import InputError
from engine.runtime.arguments import Arguments

_ALWAYS = frozenset({"reason", "key", "confirm", "seen_version"})
_ON_SET = frozenset({"set"})
_ON_INSTANCE = _ON_SET | {"instance"}
_ON_INSTANCES = _ON_SET | {"instances"}
_RUN = frozenset(
    {
        "to",
        "batch",
        "pause_between_batches",
        "max_unhealthy",
        "max_unhealthy_upgraded",
        "restore_failed",
        "health_window",
        "timeout",
        "step",
        "at",
    }
)
_OWN: Mapping[str, frozenset[str]] = {
    "accept-loss": _ON_SET,
    "apply": frozenset({"documents", "files", "file"}),
    "backup": frozenset({"path"}),
    "cancel": _ON_SET,
    "delete": _ON_SET,
    "engine-hand-over": frozenset(),
    "engine-start": frozenset(),
    "engine-stop": frozenset({"with_instances"}),
    "export": frozenset({"path"}),
    "halt": frozenset(),
    "hold": _ON_INSTANCE | {"until"},
    "image-exclude": frozenset({"reference"}),
    "image-include": frozenset({"reference"}),
    "image-publish": frozenset({"path", "reference"}),
    "lift-halt": frozenset({"seen_since_at"}),
    "pause": _ON_SET,
    "policy-delete": frozenset({"name"}),
    "protect": _ON_INSTANCE | {"from_actions", "from_scale_in"},
    "release": _ON_INSTANCE,
    "resume": _ON_SET,
    "retry": _ON_INSTANCES,
    "rollback": _ON_SET,
    "scale": _ON_SET | {"capacity", "to"},
    "skip": _ON_INSTANCES,
    "start": _ON_SET | _RUN | {"plan"},
    "step": _ON_SET,
}
COMMAND_ARGUMENTS: Mapping[str, frozenset[str]] = {verb: own | _ALWAYS for verb, own in _OWN.items()}


def refuse_unknown(verb: str, arguments: Arguments) -> None:
    """Raise InputError for the first argument that the verb does not take, with the nearest that it does."""
    known = COMMAND_ARGUMENTS[verb]
    for name in arguments:
        if name in known:
            continue
        near = get_close_matches(name, sorted(known), 1)
        takes = ", ".join(sorted(_OWN[verb])) or "nothing of its own"
        raise InputError(
            ErrorCode.INVALID_PARAMETER,
            f"{verb} takes no argument {name[:80]!r}.",
            f"Did you mean {near[0]}?" if near else f"It takes {takes}.",
        )
