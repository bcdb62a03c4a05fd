"""What the end of an upgrade means for the scale set's model, so that nothing brings a bad version back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.model import events as e
from engine.model.image import ImageReference
from engine.model.scale_set import ScaleSet, is_on
from engine.model.upgrade import Outcome, Upgrade


def restore_image(upgrade: Upgrade) -> ImageReference | None:
    """The image most members came from; None when no restore point was written down.

    One that was on the target already, and is upgraded again, came from nowhere else.
    """
    points = (m.restore_point.image for m in upgrade.members.values() if m.restore_point is not None)
    return _most_common(image for image in points if image != upgrade.target)


def _most_common(images: Iterable[ImageReference]) -> ImageReference | None:
    return next((image for image, _ in Counter(images).most_common(1)), None)


def model_after(upgrade: Upgrade, scale_set: ScaleSet) -> list[e.Event]:
    """The model's events when `upgrade` has just ended.

    RolledBack: the model's previous image is written back, or the bad version is blocked for a `latest` set. Faulted
    and Cancelled leave the model; new instances take the last good version, the one most instances came from.
    Completed clears that and lifts the block of its target, unless it was begun for certain instances alone and others
    are not on that.
    """
    model = scale_set.model.image
    blocked, good = scale_set.blocked_versions, scale_set.good_version
    why = f"upgrade {upgrade.id} ended {upgrade.state.value}"
    came_from = restore_image(upgrade) or _most_common(i.image for i in scale_set.instances.values())
    if upgrade.outcome is Outcome.COMPLETED:
        if _whole(upgrade, scale_set):
            good = None
            blocked = tuple(version for version in blocked if version != upgrade.target.version)
        if upgrade.is_rollback_of is not None and model.is_latest:
            good = upgrade.target.version
    elif upgrade.outcome is Outcome.ROLLED_BACK:
        good = None
        if model.is_latest:
            if upgrade.target.version not in blocked:
                blocked = (*blocked, upgrade.target.version)
        else:
            model = upgrade.previous_image
    elif upgrade.is_rollback_of is not None:
        good = upgrade.target.version
    elif came_from is not None and (good is None or upgrade.batches):
        good = came_from.version
    if (model, blocked, good) == (scale_set.model.image, scale_set.blocked_versions, scale_set.good_version):
        return []
    return [e.ModelImageChanged(model, blocked, good, why)]


def _whole(upgrade: Upgrade, scale_set: ScaleSet) -> bool:
    instances = scale_set.instances.values()
    return not upgrade.only_chosen or all(is_on(i, upgrade.target, upgrade.target_digest) for i in instances)
