"""Upgrades made from how long their members took."""

from __future__ import annotations

import math

from engine.model.image import ImageReference
from engine.model.policy import RunSettings
from engine.model.upgrade import Batch, Direction, Member, MemberState, Outcome, Upgrade

IMAGE = ImageReference("contoso", "web", "stable", "1.0.0")


def ran(times: list[list[float]], started_at: float = 0.0, until: float = math.inf) -> Upgrade:
    """An upgrade whose members take these times, batch by batch, as it is at `until`."""
    batches, members, at = [], {}, started_at
    for number, batch in enumerate(times, start=1):
        names = [f"m{number}.{place}" for place in range(len(batch))]
        end = at + max(batch)
        begun = at <= until
        for name, took in zip(names, batch, strict=True):
            ended = at + took <= until
            state = MemberState.SUCCEEDED if ended else MemberState.REPLACING if begun else MemberState.PENDING
            since = at + took if ended else at
            members[name] = Member(name, name, "", 0, 0, state, batch=number if begun else None, since_at=since)
        if begun:
            open_end = end if end <= until else None
            batches.append(Batch(number, Direction.FORWARD, "", 0, tuple(names), len(names), "", at, open_end))
        at = end
    live = at > until
    return Upgrade(
        id=f"u{started_at}",
        scale_set="k",
        scale_set_name="web",
        settings=RunSettings(),
        target=IMAGE.with_version("1.1.0"),
        target_digest="d",
        extensions=(),
        previous_image=IMAGE,
        started_by="User",
        actor="ana",
        reason="",
        started_at=started_at,
        started_clock=0.0,
        checking=False,
        outcome=None if live else Outcome.COMPLETED,
        members=members,
        batches=tuple(batches),
    )
