"""Commands of users without a role: refused, and in the audit log, which they cannot flood."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from engine.model import events as e
from engine.model.errors import UnreachableError
from engine.runtime.permissions import Role, permit

if TYPE_CHECKING:
    from engine.runtime.door import Caller
    from engine.runtime.engine import Engine

NOTED_S = 60.0
REMEMBERED = 1000


class Strangers:
    """Notes one refusal a user and minute."""

    def __init__(self) -> None:
        self._noted: dict[int, float] = {}

    def refuse(self, engine: Engine, verb: str, caller: Caller) -> NoReturn:
        """Raise NotPermittedError, with an entry in the audit stream when the last one is long enough ago."""
        now = engine.clock.now().clock
        if now - self._noted.get(caller.uid, -NOTED_S) >= NOTED_S and len(self._noted) < REMEMBERED:
            self._noted[caller.uid] = now
            self._note(engine, verb, caller)
        permit(None, caller.user, Role.VIEWER, verb)
        raise AssertionError("no role permits nothing")

    def _note(self, engine: Engine, verb: str, caller: Caller) -> None:
        turn = engine.turn(caller.user)
        judged = e.CommandJudged(
            verb=verb[:64],
            subject="",
            actor=caller.user,
            claimed=dict(caller.claimed),
            reason="",
            arguments={},
            seen_version=None,
            refusal="NotPermitted: no role",
            key="",
            uid=caller.uid,
            login=caller.login or "",
        )
        turn.note("audit", judged)
        try:
            engine.commit(turn)
        except UnreachableError:
            return  # a store that cannot be written changes nothing about the refusal
