"""What an action would act on: the facts a screen gives, and why a verb cannot act on them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide.transitions import ACCEPTED, NEW_UPGRADE, VERDICTS
from engine.model.commands import Verb
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import FAILED_STATES, MemberState, Upgrade

READONLY = "this cockpit was opened with --readonly"
RECORDED = "a recording has happened: nothing in it can be changed"
NO_SET = "no scale set is chosen"


@dataclass(frozen=True, slots=True)
class Subject:
    """`scale_set` and `upgrade` may come from an overview: without instances and members.

    `instances` are the marked ones, else the one under the cursor; `connected` is false while the engine is lost.
    """

    live: bool
    readonly: bool
    connected: bool = True
    scale_set: ScaleSet | None = None
    upgrade: Upgrade | None = None
    instances: tuple[str, ...] = ()
    marked_sets: tuple[str, ...] = ()
    marked_runs: tuple[str, ...] = ()


def why_not_change(subject: Subject) -> str | None:
    """Why nothing at all can be changed from here."""
    if not subject.live:
        return RECORDED
    if subject.readonly:
        return READONLY
    return None if subject.connected else "the engine is not reachable now"


def why_not_verb(verb: Verb, subject: Subject) -> str | None:
    """Why the verb would be refused: the same table as the engine's."""
    if (why := why_not_change(subject)) is not None:
        return why
    if subject.scale_set is None:
        return NO_SET
    upgrade = subject.upgrade
    if subject.scale_set.deleting:
        return "the scale set is being deleted"
    if upgrade is None:
        return None if verb is Verb.START else "it was never upgraded: start one first"
    verdict = VERDICTS.get((upgrade.state, verb), ACCEPTED)
    return _nobody(verb, subject, upgrade) if verdict in (ACCEPTED, NEW_UPGRADE) else verdict


def _nobody(verb: Verb, subject: Subject, upgrade: Upgrade) -> str | None:
    """Why there is no instance that the verb could act on, as far as the members are known."""
    states = {m.state for m in upgrade.members.values()}
    if verb is Verb.SKIP and not subject.instances:
        return "no instance is chosen"
    if verb is Verb.RETRY and states and states.isdisjoint(FAILED_STATES):
        return "no instance has failed"
    if verb is Verb.ACCEPT_LOSS and states and MemberState.RESTORE_FAILED not in states:
        return "no restore has failed"
    return None


def why_not_instances(subject: Subject) -> str | None:
    """Why instances cannot be held, released or protected."""
    if (why := why_not_change(subject)) is not None:
        return why
    return None if subject.instances else "no instance is chosen"
