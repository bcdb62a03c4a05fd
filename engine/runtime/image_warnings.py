"""Which versions new instances of a scale set do not take although its model names them, in words."""

from __future__ import annotations

from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Outcome, Upgrade


def image_warnings(scale_set: ScaleSet, last: Upgrade | None) -> list[str]:
    """One sentence each for a last good version and for versions that were rolled back; `last` is the last upgrade."""
    found = []
    model = scale_set.model.image
    if scale_set.good_version not in (None, model.version):
        takes = f"the model names {model.version}, new instances take {scale_set.good_version}"
        found.append(f"{_why(last)}: {takes}")
    if model.is_latest and scale_set.blocked_versions:
        newest = scale_set.blocked_versions[-1]
        found.append(
            f"{', '.join(scale_set.blocked_versions)} was rolled back here: `latest` leaves it out for this set, until "
            f"`rollset start {scale_set.name} --to {newest}` has Completed or `rollset image include "
            f"{model.with_version(newest)}` lifts it"
        )
    return found


def _why(last: Upgrade | None) -> str:
    if last is None or last.outcome is not Outcome.COMPLETED:
        return "the last upgrade did not complete"
    return "the last upgrade was a rollback" if last.is_rollback_of else "an upgrade before did not complete"
