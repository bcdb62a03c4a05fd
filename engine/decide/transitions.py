"""The state machine as data: every (state, command) pair and every change of state. Docs are made from these tables."""

from __future__ import annotations

from engine.model.commands import Verb
from engine.model.upgrade import MemberState as M
from engine.model.upgrade import UpgradeState as S

ACCEPTED = None
NEW_UPGRADE = "new upgrade"
"""The verdict of RollBack and Retry on an ended upgrade: a new upgrade begins, linked by `continues`."""

_ENDED = (S.COMPLETED, S.CANCELLED, S.FAULTED, S.ROLLED_BACK)
_LIVE = tuple(state for state in S if state not in _ENDED)

_ENDED_SAYS = "this upgrade has ended; start a new one"
_CANCELLING_SAYS = "it is being cancelled: what has begun finishes, nothing else begins"
_BACK_SAYS = "it is rolling back"

VERDICTS: dict[tuple[S, Verb], str | None] = {
    **{(state, Verb.START): "one upgrade of this scale set is live already" for state in _LIVE},
    **{(state, Verb.START): ACCEPTED for state in _ENDED},
    (S.CHECKING, Verb.PAUSE): ACCEPTED,
    (S.ROLLING_FORWARD, Verb.PAUSE): ACCEPTED,
    (S.ROLLING_BACK, Verb.PAUSE): ACCEPTED,
    (S.PAUSING, Verb.PAUSE): ACCEPTED,
    (S.PAUSED, Verb.PAUSE): ACCEPTED,
    (S.CANCELLING, Verb.PAUSE): _CANCELLING_SAYS,
    (S.CHECKING, Verb.RESUME): "it is not paused",
    (S.ROLLING_FORWARD, Verb.RESUME): "it is not paused",
    (S.ROLLING_BACK, Verb.RESUME): "it is not paused",
    (S.PAUSING, Verb.RESUME): ACCEPTED,
    (S.PAUSED, Verb.RESUME): ACCEPTED,
    (S.CANCELLING, Verb.RESUME): _CANCELLING_SAYS,
    (S.CHECKING, Verb.STEP): "it checks the scale set; pause it first, then step",
    (S.ROLLING_FORWARD, Verb.STEP): "it is rolling; pause it first, then step",
    (S.ROLLING_BACK, Verb.STEP): "it is rolling back; pause it first, then step",
    (S.PAUSING, Verb.STEP): "members that have begun must finish first; step once it is Paused",
    (S.PAUSED, Verb.STEP): ACCEPTED,
    (S.CANCELLING, Verb.STEP): _CANCELLING_SAYS,
    (S.CHECKING, Verb.CANCEL): ACCEPTED,
    (S.ROLLING_FORWARD, Verb.CANCEL): ACCEPTED,
    (S.ROLLING_BACK, Verb.CANCEL): "it is rolling back; pause it, or let it end",
    (S.PAUSING, Verb.CANCEL): ACCEPTED,
    (S.PAUSED, Verb.CANCEL): ACCEPTED,
    (S.CANCELLING, Verb.CANCEL): "it is being cancelled already",
    (S.CHECKING, Verb.ROLL_BACK): ACCEPTED,
    (S.ROLLING_FORWARD, Verb.ROLL_BACK): ACCEPTED,
    (S.ROLLING_BACK, Verb.ROLL_BACK): "it is rolling back already",
    (S.PAUSING, Verb.ROLL_BACK): ACCEPTED,
    (S.PAUSED, Verb.ROLL_BACK): ACCEPTED,
    (S.CANCELLING, Verb.ROLL_BACK): ACCEPTED,
    (S.CHECKING, Verb.RETRY): "no member has failed: nothing was touched yet",
    (S.ROLLING_FORWARD, Verb.RETRY): ACCEPTED,
    (S.ROLLING_BACK, Verb.RETRY): ACCEPTED,
    (S.PAUSING, Verb.RETRY): ACCEPTED,
    (S.PAUSED, Verb.RETRY): ACCEPTED,
    (S.CANCELLING, Verb.RETRY): _CANCELLING_SAYS,
    (S.CHECKING, Verb.SKIP): ACCEPTED,
    (S.ROLLING_FORWARD, Verb.SKIP): ACCEPTED,
    (S.ROLLING_BACK, Verb.SKIP): _BACK_SAYS,
    (S.PAUSING, Verb.SKIP): ACCEPTED,
    (S.PAUSED, Verb.SKIP): ACCEPTED,
    (S.CANCELLING, Verb.SKIP): _CANCELLING_SAYS,
    (S.CHECKING, Verb.ACCEPT_LOSS): "no restore has failed",
    (S.ROLLING_FORWARD, Verb.ACCEPT_LOSS): "no restore has failed",
    (S.ROLLING_BACK, Verb.ACCEPT_LOSS): "no restore has failed",
    (S.PAUSING, Verb.ACCEPT_LOSS): ACCEPTED,
    (S.PAUSED, Verb.ACCEPT_LOSS): ACCEPTED,
    (S.CANCELLING, Verb.ACCEPT_LOSS): ACCEPTED,
    **{
        (state, verb): _ENDED_SAYS
        for state in _ENDED
        for verb in (Verb.PAUSE, Verb.RESUME, Verb.STEP, Verb.SKIP, Verb.ACCEPT_LOSS)
    },
    **{(state, Verb.CANCEL): "There is no ongoing Rolling Upgrade to cancel." for state in _ENDED},
    **{(state, verb): NEW_UPGRADE for state in _ENDED for verb in (Verb.ROLL_BACK, Verb.RETRY)},
    (S.ROLLED_BACK, Verb.ROLL_BACK): "it is rolled back already; every touched instance is on its previous image",
}

UPGRADE_MOVES: dict[tuple[S, S], str] = {
    (S.CHECKING, S.ROLLING_FORWARD): "unhealthy instances are within maxUnhealthyInstancePercent",
    (S.CHECKING, S.FAULTED): "more are unhealthy than that, or its time is over; nothing was touched",
    (S.CHECKING, S.COMPLETED): "no instance needs the target",
    (S.ROLLING_FORWARD, S.COMPLETED): "no member waits any more, and none is held",
    (S.ROLLING_FORWARD, S.FAULTED): "a limit was broken, or its time is over, and what was in flight has ended",
    **{(s, S.PAUSING): "Pause, or another hold" for s in (S.CHECKING, S.ROLLING_FORWARD, S.ROLLING_BACK)},
    (S.PAUSING, S.PAUSED): "nothing is in flight any more; deadlines stop",
    **{
        (S.PAUSED, s): "the last hold is lifted: Resume, Step, Retry or Accept loss, or its cause is gone"
        for s in (S.CHECKING, S.ROLLING_FORWARD, S.ROLLING_BACK)
    },
    **{(S.PAUSING, s): "the last hold is lifted" for s in (S.CHECKING, S.ROLLING_FORWARD, S.ROLLING_BACK)},
    **{(s, S.PAUSED): "held again before anything began" for s in (S.CHECKING, S.ROLLING_FORWARD, S.ROLLING_BACK)},
    **{(s, S.CANCELLING): "Cancel" for s in (S.CHECKING, S.ROLLING_FORWARD, S.PAUSING, S.PAUSED)},
    (S.CANCELLING, S.CANCELLED): "what had begun has finished",
    **{(s, S.ROLLING_BACK): "Roll back" for s in (S.CHECKING, S.ROLLING_FORWARD, S.CANCELLING)},
    **{(S.CANCELLING, s): "Roll back, while something else holds" for s in (S.PAUSING, S.PAUSED)},
    (S.ROLLING_BACK, S.ROLLED_BACK): "every touched member is on its previous disk, or its loss was accepted",
}
"""Every change of an upgrade's state, and what makes it."""

_TAKEN_BACK = (M.FAILED, M.ROLLED_BACK, M.ROLLED_BACK_UNHEALTHY, M.RESTORE_FAILED)

MEMBER_MOVES: dict[tuple[M, M], str] = {
    (M.PENDING, M.CAPTURING): "its batch began",
    (M.CAPTURING, M.REPLACING): "its restore point is written down",
    (M.REPLACING, M.EXTENDING): "the disk is replaced, and the model has extensions",
    (M.REPLACING, M.AWAITING_HEALTH): "the disk is replaced",
    (M.EXTENDING, M.EXTENDING): "an extension succeeded, the next one runs",
    (M.EXTENDING, M.AWAITING_HEALTH): "the last extension succeeded",
    (M.AWAITING_HEALTH, M.SUCCEEDED): "healthy",
    (M.AWAITING_HEALTH, M.FAILED): "not healthy within the health window of observed time",
    **{(s, M.FAILED): "the act failed for good" for s in (M.CAPTURING, M.REPLACING, M.EXTENDING)},
    (M.FAILED, M.RESTORING): "its previous disk is put back: at once, on a broken limit, or on the way back",
    **{
        (s, M.RESTORING): "the way back takes every member on the new disk"
        for s in (M.SUCCEEDED, M.PENDING, M.LEFT_OUT)
    },
    (M.RESTORING, M.AWAITING_HEALTH_AFTER_RESTORE): "the previous disk is back",
    (M.RESTORING, M.EXTENDING): "the previous disk is gone: one was made from its image, and the model has extensions",
    (M.EXTENDING, M.AWAITING_HEALTH_AFTER_RESTORE): "the last extension succeeded, on the way back",
    (M.EXTENDING, M.RESTORE_FAILED): "an extension failed on the way back; this holds the upgrade",
    (M.RESTORING, M.RESTORE_FAILED): "the restore failed; this holds the upgrade",
    (M.AWAITING_HEALTH_AFTER_RESTORE, M.ROLLED_BACK): "healthy",
    (M.AWAITING_HEALTH_AFTER_RESTORE, M.ROLLED_BACK_UNHEALTHY): "not healthy within the health window",
    (M.RESTORE_FAILED, M.ROLLED_BACK_UNHEALTHY): "Accept loss",
    (M.RESTORE_FAILED, M.FAILED): "Retry of its restore, on the way back or after a broken limit",
    **{(s, M.PENDING): "Retry" for s in _TAKEN_BACK},
    (M.PENDING, M.LEFT_OUT): "held, protected or skipped",
    (M.LEFT_OUT, M.LEFT_OUT): "Skip of a held member; or released, and on the target by now",
    (M.LEFT_OUT, M.PENDING): "released, or no longer protected",
    **{(s, M.GONE): "the instance left the scale set" for s in M if s is not M.GONE},
}
"""Every change of a member's state, and what makes it."""
