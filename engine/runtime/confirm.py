"""Production sets need their name typed, whatever door the command came through."""

from __future__ import annotations

from engine.model.errors import RefusedError
from engine.model.scale_set import ScaleSet


def confirm(scale_set: ScaleSet, verb: str, typed: str | None) -> None:
    """Raise RefusedError unless the set is no production set, or `typed` is its name."""
    if scale_set.is_production and typed != scale_set.name:
        raise RefusedError(
            "ConfirmationNeeded",
            f"{scale_set.name} is tagged environment=production: {verb} needs its name typed.",
            f"Add --confirm {scale_set.name}",
        )
