"""Every (state, command) pair, as data: accepted, or refused with the reason. Docs are generated from this table."""

from __future__ import annotations

from engine.model.commands import Verb
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
