"""Production sets need their name typed, whatever door the command came through."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.errors import RefusedError
from engine.model.scale_set import ScaleSet


def confirm(scale_set: ScaleSet, verb: str, typed: str | None) -> None:
    """Raise RefusedError unless the set is no production set, or `typed` is its name."""
    confirm_all([scale_set], verb, typed)


def confirm_all(scale_sets: Sequence[ScaleSet], verb: str, typed: str | None) -> None:
    """Raise RefusedError unless `typed` names every production set among them; several are parted by commas."""
    needed = [scale_set.name for scale_set in scale_sets if scale_set.is_production]
    given = {name.strip() for name in (typed or "").split(",")}
    if not given.issuperset(needed):
        names = ", ".join(needed)
        what = "is tagged environment=production" if len(needed) == 1 else "are tagged environment=production"
        raise RefusedError(
            "ConfirmationNeeded",
            f"{names} {what}: {verb} needs {'its name' if len(needed) == 1 else 'their names'} typed.",
            f"Add --confirm {','.join(needed)}",
        )
