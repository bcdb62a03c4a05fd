"""Shares of the door: no user can take so much of it that another, or the engine's owner, stays outside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """How many one user may have, and all users together; `always` of them each user has however full it is.

    The engine's owner and root are counted apart: each may have as many as all others together.
    """

    each: int
    total: int
    always: int


def is_owner(uid: int) -> bool:
    """Whether it is the engine's owner or root, whom nobody may shut out."""
    return uid in (0, os.geteuid())


def over(share: Share, held: Mapping[int, int], uid: int) -> str | None:
    """Why a user gets no more, given how many each uid holds; None when there is a place.

    `{things}` in the words is for what is counted.
    """
    own = held.get(uid, 0)
    if is_owner(uid):
        return f"{own} {{things}}" if own >= share.total else None
    if own >= share.each:
        return f"{own} {{things}} of this user, the most for one"
    others = sum(count for user, count in held.items() if not is_owner(user))
    return (
        f"{others} {{things}} of all users, the most at a time"
        if others >= share.total and own >= share.always
        else None
    )
