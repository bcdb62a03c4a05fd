"""What an action would act on: the facts a screen gives, and why a verb cannot act on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.decide.transitions import ACCEPTED, NEW_UPGRADE, VERDICTS
from engine.model.commands import Verb
from engine.model.halt import Halt
from engine.model.numbers import many
from engine.model.scale_set import Instance, ScaleSet
from engine.model.upgrade import Upgrade

READONLY = "this cockpit was opened with --readonly"
RECORDED = "a recording has happened: nothing in it can be changed"
NO_SET = "no scale set is chosen"


@dataclass(frozen=True, slots=True)
class Subject:
    """`scale_set` and `upgrade` may come from an overview: without instances and members.

    `instances` are the marked ones, else the one under the cursor; `connected` is false while the engine is lost.
    `earlier` are the set's other upgrades, as far as they are known; `halt` is the one that stands; `map_hidden` where
    the heat map is on another tab; `startable` while the engine is down because somebody stopped it.
    """

    live: bool
    readonly: bool
    connected: bool = True
    scale_set: ScaleSet | None = None
    upgrade: Upgrade | None = None
    instances: tuple[str, ...] = ()
    marked_sets: tuple[str, ...] = ()
    marked_runs: tuple[str, ...] = ()
    earlier: tuple[Upgrade, ...] = ()
    halt: Halt | None = None
    map_hidden: bool = False
    startable: bool = False


def why_not_change(subject: Subject) -> str | None:
    """Why nothing at all can be changed from here."""
    if not subject.live:
        return RECORDED
    if subject.readonly:
        return READONLY
    return None if subject.connected else "the engine is not reachable now"


def why_not_start_engine(subject: Subject) -> str | None:
    """Why the engine cannot be started from here, or need not be."""
    if subject.startable:
        return None
    if subject.connected:
        return "the engine runs"
    return READONLY if subject.readonly else "a lost engine is started by itself, or is not this cockpit's to start"


def why_not_verb(verb: Verb, subject: Subject) -> str | None:
    """Why the verb would be refused: the same table as the engine's, and a halt that stands."""
    why = _why_not_here(verb, subject)
    if why is not None or subject.halt is None:
        return why
    from engine.decide.halt import is_barred  # the first picture waits for no verb's rules

    return f"{subject.halt.words}; lift that first" if is_barred(verb, subject.upgrade) else None


def _why_not_here(verb: Verb, subject: Subject) -> str | None:
    if (why := why_not_change(subject)) is not None:
        return why
    if subject.scale_set is None:
        return NO_SET
    upgrade = subject.upgrade
    if len(subject.marked_sets) > 1:
        marked = f"{many(len(subject.marked_sets), 'scale set')} are marked"
        return None if verb is Verb.PAUSE else f"{marked}, and this acts on one; esc unmarks them"
    if subject.scale_set.deleting:
        return "the scale set is being deleted"
    if upgrade is None:
        return None if verb is Verb.START else "it was never upgraded: start one first"
    verdict = VERDICTS.get((upgrade.state, verb), ACCEPTED)
    return _nobody(verb, subject, upgrade) if verdict in (ACCEPTED, NEW_UPGRADE) else verdict


def _nobody(verb: Verb, subject: Subject, upgrade: Upgrade) -> str | None:
    """Why there is no instance that the verb could act on, as far as the members are known."""
    if verb is Verb.SKIP and not subject.instances:
        return "no instance is chosen"
    if verb is Verb.ROLL_BACK and not (upgrade.live or upgrade.batches or upgrade.continues):
        return "it touched no instance: there is nothing to roll back"
    if not upgrade.members or subject.scale_set is None or not subject.scale_set.instances:
        return None
    from tui.effects import Ground  # the first picture is of sets from afar and waits for no verb's rules
    from tui.nobody import nobody

    return nobody(verb, Ground(subject.scale_set, upgrade, subject.instances, subject.earlier))


def _is_held(instance: Instance) -> bool:
    return instance.hold is not None


def _is_protected(instance: Instance) -> bool:
    return instance.protected_from_actions and instance.protected_from_scale_in


def _is_bare(instance: Instance) -> bool:
    return not (instance.protected_from_actions or instance.protected_from_scale_in)


_SO_ALREADY: Mapping[str, tuple[Callable[[Instance], bool], str]] = {
    "hold": (_is_held, "held already"),
    "release": (lambda instance: not _is_held(instance), "not held"),
    "protect": (_is_protected, "protected already"),
    "unprotect": (_is_bare, "not protected"),
}


def why_not_instances(verb: str, subject: Subject) -> str | None:
    """Why instances cannot be held, released or protected (`verb` is the action's id)."""
    if (why := why_not_change(subject)) is not None:
        return why
    if not subject.instances or subject.scale_set is None:
        return "no instance is chosen"
    known = subject.scale_set.instances
    is_so, words = _SO_ALREADY[verb]
    if all(name in known and is_so(known[name]) for name in subject.instances):
        one = len(subject.instances) == 1
        return f"instance {subject.instances[0]} is {words}" if one else f"all that are marked are {words}"
    return None
