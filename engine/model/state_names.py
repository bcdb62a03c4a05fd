"""Names in a state directory: by them one is told from a directory of other things."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from engine.model.errors import UnreachableError
from engine.model.safe_text import printable

DATABASE = "rollset.db"
BEFORE_RESTORE = "before-restore-"
_OURS = frozenset({"spawn.lock", "images", "local", "simulated", "backups", "ballast", "retired"})
_SETTINGS = frozenset({".toml", ".json"})
_BEGINNINGS = ("engine.", ".importing-", f".{DATABASE}.", DATABASE, BEFORE_RESTORE)
_NAMED = 3


def refuse_other_things(directory: PurePath, names: Iterable[str]) -> None:
    """Raise UnreachableError where `names`, all that is in `directory`, are no engine's nor its operator's settings.

    A slip of the hand shall not fill somebody's home. With a database in it, it is a state directory whatever else is.
    """
    found = sorted(names)
    if DATABASE in found:
        return
    foreign = [x for x in found if not (x in _OURS or x.startswith(_BEGINNINGS) or PurePath(x).suffix in _SETTINGS)]
    if foreign:
        some = ", ".join([*foreign[:_NAMED], *(["..."] if len(foreign) > _NAMED else [])])
        raise UnreachableError(
            "StateDirectory",
            f"{directory} holds other things ({printable(some)}) and no state of an engine.",
            "Name a directory of its own for --state-dir; it is made where there is none.",
        )
