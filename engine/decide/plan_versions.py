"""What a plan says of its version: rolled-back ones that `latest` leaves out, and instances that go down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.model.image import ImageReference, ImageVersion, version_key
from engine.model.numbers import each_counted, many
from engine.model.plan import PlanCheck
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Member, MemberState


def version_checks(
    scale_set: ScaleSet,
    images: Iterable[ImageVersion],
    target: ImageReference,
    members: Iterable[Member],
    *,
    rollback: bool = False,
) -> list[PlanCheck]:
    """Warnings about versions; a rollback goes down by intent."""
    if rollback:
        return []
    return [*_left_out(scale_set, images, target), *_going_down(scale_set, target, members)]


def _left_out(scale_set: ScaleSet, images: Iterable[ImageVersion], target: ImageReference) -> list[PlanCheck]:
    if not scale_set.model.image.is_latest:
        return []
    higher = sorted(
        (
            i.reference
            for i in images
            if i.reference.family == target.family
            and scale_set.blocks(i.reference)
            and not i.excluded_from_latest
            and version_key(i.reference.version) > version_key(target.version)
        ),
        key=lambda reference: version_key(reference.version),
    )
    if not higher:
        return []
    words = f"{', '.join(r.version for r in higher)} was rolled back here: `latest` leaves it out for this set"
    newest = higher[-1]
    cure = f"To take it all the same: --to {newest.version}. To lift that: rollset image include {newest}"
    return [PlanCheck("warned", words, cure)]


def _going_down(scale_set: ScaleSet, target: ImageReference, members: Iterable[Member]) -> list[PlanCheck]:
    going = [scale_set.instances[m.instance_id].image for m in members if m.state is MemberState.PENDING]
    above = Counter(i.version for i in going if version_key(i.version) > version_key(target.version))
    if not above:
        return []
    count = sum(above.values())
    goes = "goes" if count == 1 else "go"
    words = f"{many(count, 'instance')} {goes} down to {target.version}, from {each_counted(above)}"
    return [PlanCheck("warned", words, "Another version: --to.")]
