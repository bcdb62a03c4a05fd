"""What the end of an upgrade means for the scale set's model, so that nothing brings a bad version back."""

from __future__ import annotations

from collections import Counter

from engine.model import events as e
from engine.model.image import ImageReference
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Outcome, Upgrade


def restore_image(upgrade: Upgrade) -> ImageReference | None:
    """The image most members came from; None when no restore point was written down."""
    seen = Counter(m.restore_point.image for m in upgrade.members.values() if m.restore_point is not None)
    return seen.most_common(1)[0][0] if seen else None


def model_after(upgrade: Upgrade, scale_set: ScaleSet) -> list[e.Event]:
    """The model's events when `upgrade` has just ended.

    RolledBack: the previous image is written back, or the bad version is blocked for a `latest` set. Faulted and
    Cancelled leave the model; new instances take the last good version. Completed clears that.
    """
    model = scale_set.model.image
    blocked, good = scale_set.blocked_versions, scale_set.good_version
    why = f"upgrade {upgrade.id} ended {upgrade.state.value}"
    came_from = restore_image(upgrade)
    if upgrade.outcome is Outcome.COMPLETED:
        good = None
        if upgrade.is_rollback_of is not None and model.is_latest:
            good = upgrade.target.version
    elif upgrade.outcome is Outcome.ROLLED_BACK:
        good = None
        if model.is_latest:
            if upgrade.target.version not in blocked:
                blocked = (*blocked, upgrade.target.version)
        elif came_from is not None:
            model = came_from
    elif came_from is not None:
        good = came_from.version
    if (model, blocked, good) == (scale_set.model.image, scale_set.blocked_versions, scale_set.good_version):
        return []
    return [e.ModelImageChanged(model, blocked, good, why)]
