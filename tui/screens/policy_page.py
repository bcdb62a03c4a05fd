"""The policy tab of a scale set: what the next start would run with, from where, and what the last run was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.arm.read_policy import read_policy
from engine.decide.settle_settings import MODEL, settle_settings, shown_settings
from engine.model.errors import InputError, RollsetError
from engine.model.plan import PlanSetting, StartRequest
from engine.model.policy_document import PolicyDocument
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from tui.cells import fit, wrap
from tui.palette import Line, Meaning, Piece
from tui.screens.list_screen import labelled
from tui.screens.set_pages import health_words
from tui.session import Session

NAME, VALUE = 36, 10


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy documents; `trouble` says why they are not known."""

    documents: tuple[PolicyDocument, ...] = ()
    trouble: str = ""


async def read_policies(session: Session) -> Policies:
    """The documents that the engine has."""
    try:
        answer = await session.query("policies", {})
        found = [replace(read_policy(x["document"], "policies"), version=x["version"]) for x in answer["policies"]]
    except RollsetError as error:
        return Policies(trouble=error.message)
    return Policies(tuple(found))


def policy_lines(scale_set: ScaleSet, upgrade: Upgrade | None, policies: Policies, width: int) -> list[Line]:
    """A line a setting, and who is asked for health."""
    try:
        _, coming = settle_settings(scale_set, StartRequest(), by_user=True, policies=policies.documents)
    except InputError as error:
        return [(), *labelled("", f"The next start is refused: {error.message}", width, Meaning.BAD)]
    ran = {one.name: one.value for one in shown_settings(upgrade.settings, {})} if upgrade is not None else {}
    health = scale_set.model.health
    words = health_words(health) if health is not None else "power state (no probe, no health extension)"
    missing = f"Policy documents may say otherwise: {policies.trouble}" if policies.trouble else ""
    return [
        _head(upgrade),
        *(line for one in coming for line in _setting(one, ran, width)),
        (),
        *labelled(" health", words, width, label_width=NAME),
        *([(), *labelled("", missing, width, Meaning.NOTICE, label_width=0)] if missing else []),
    ]


def _head(upgrade: Upgrade | None) -> Line:
    run = "" if upgrade is None else "THIS RUN" if upgrade.live else "LAST RUN"
    text = f"  {fit('SETTING', NAME)} {fit('NEXT RUN', VALUE)} {fit(run, VALUE) + ' ' if run else ''}FROM"
    return (Piece(text, Meaning.MUTED),)


def _setting(one: PlanSetting, ran: dict[str, str], width: int) -> Sequence[Line]:
    own = ran.get(one.name, "")
    columns = NAME + VALUE + 4 + (VALUE + 1 if ran else 0)
    origin = "the model" if one.origin == MODEL else one.origin
    lines = wrap(origin, max(8, width - columns - 1))
    first: Line = (
        Piece(f"  {fit(one.name, NAME)} ", Meaning.MUTED),
        Piece(fit(one.value, VALUE) + " "),
        *((Piece(fit(own, VALUE) + " ", Meaning.NOTICE if own != one.value else Meaning.MUTED),) if ran else ()),
        Piece(lines[0], Meaning.MUTED),
    )
    return [first, *((Piece(" " * columns), Piece(line, Meaning.MUTED)) for line in lines[1:])]
