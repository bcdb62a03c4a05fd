"""Everything a key can do: one table, out of which footer, help, palette, dialogs and the keymap are made."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.model.commands import Verb
from tui.subject import NO_SET, RECORDED, Subject, why_not_change, why_not_instances, why_not_start_engine, why_not_verb

WhyNot = Callable[[Subject], str | None]


class Kind(StrEnum):
    """The part of the help an action is in."""

    MOVE = "Moving about"
    LOOK = "Looking"
    UPGRADE = "The upgrade"
    INSTANCES = "Instances"
    REPLAY = "The recording"
    COCKPIT = "The cockpit"


class When(StrEnum):
    """Whether an action belongs to an engine, to a recording, or to both."""

    LIVE = "live"
    RECORDED = "recorded"
    BOTH = "both"


def _always(_subject: Subject) -> str | None:
    return None


def _set_chosen(subject: Subject) -> str | None:
    return None if subject.scale_set is not None else NO_SET


def _verb(verb: Verb) -> WhyNot:
    return lambda subject: why_not_verb(verb, subject)


def _instances(verb: str) -> WhyNot:
    return lambda subject: why_not_instances(verb, subject)


def _upgrade_chosen(subject: Subject) -> str | None:
    return None if subject.upgrade is not None else "no upgrade is chosen"


def _map_shown(subject: Subject) -> str | None:
    return "the heat map is on the first tab" if subject.map_hidden else None


def _two_marked(subject: Subject) -> str | None:
    return None if len(subject.marked_runs) == 2 else "mark two first, with space"


@dataclass(frozen=True, slots=True)
class Action:
    """`keys` are the default keys, comma-separated in Textual's names; `words` fit a footer.

    `does` says it in full; `why_not` gives the reason why it cannot act now, None when it can; `verb` is the command
    line's verb, empty for an action that has none. A screen or the app carries it out in its method `do_<id>`; where
    there is none, the action is not offered. `rank` orders the footer: the higher, the sooner it is left out.
    """

    id: str
    keys: str
    words: str
    does: str
    kind: Kind
    when: When = When.BOTH
    why_not: WhyNot = _always
    verb: str = ""
    rank: int = 50


_ALL = (
    Action("open", "enter", "open", "Open what the cursor is on.", Kind.MOVE, rank=10),
    Action("back", "escape", "back", "Back to the screen before; clears a filter first.", Kind.MOVE, rank=11),
    Action("next_panel", "tab", "next panel", "Move to the next panel.", Kind.MOVE, rank=70),
    Action("last_panel", "shift+tab", "last panel", "Move to the panel before.", Kind.MOVE, rank=95),
    Action("next_tab", "right_square_bracket", "next tab", "Show the next tab.", Kind.MOVE, rank=71),
    Action("last_tab", "left_square_bracket", "last tab", "Show the tab before.", Kind.MOVE, rank=72),
    Action("zoom", "plus", "zoom", "Give the panel the whole screen, or take it back.", Kind.MOVE, rank=73),
    Action("mark", "space", "mark", "Mark or unmark what the cursor is on.", Kind.MOVE, rank=60),
    Action(
        "mark_row",
        "M",
        "mark row",
        "Mark or unmark the whole row of the heat map.",
        Kind.MOVE,
        why_not=_map_shown,
        rank=61,
    ),
    Action("sets", "1", "sets", "All scale sets.", Kind.MOVE, rank=80),
    Action("images", "3", "images", "What is published, and where it may go.", Kind.MOVE, rank=80),
    Action("all_history", "4", "history", "The upgrades of all sets.", Kind.MOVE, rank=80),
    Action("audit", "5", "audit", "Every command, by whom, accepted or refused.", Kind.MOVE, rank=80),
    Action("filter", "slash", "filter", "Show only rows with these letters.", Kind.LOOK, rank=30),
    Action("sort", "o", "sort", "Sort by the next column.", Kind.LOOK, rank=62),
    Action("group", "g", "group", "Group by region, by resource group, or not.", Kind.LOOK, When.LIVE, rank=63),
    Action(
        "view",
        "v",
        "view",
        "Rows by update domain, zone, fault domain, batch, or a grid.",
        Kind.LOOK,
        why_not=_map_shown,
        rank=31,
    ),
    Action("raw", "d", "JSON", "The raw JSON of what the cursor is on.", Kind.LOOK, rank=74),
    Action("events", "l", "events", "The events, as they come.", Kind.LOOK, rank=64),
    Action(
        "errors",
        "e",
        "errors",
        "What failed, clustered by cause, and what to do; every code.",
        Kind.LOOK,
        rank=32,
    ),
    Action("history", "h", "history", "The upgrades of this set.", Kind.LOOK, why_not=_set_chosen, rank=65),
    Action("compare", "equals_sign", "compare", "Compare the two marked.", Kind.LOOK, why_not=_two_marked, rank=75),
    Action("save", "w", "save…", "Save what is shown to a file: a report, a plan.", Kind.LOOK, rank=28),
    Action(
        "rehearse",
        "E",
        "rehearse…",
        "Play the plan on a simulated twin: when it ends, what fails, what stops it.",
        Kind.LOOK,
        When.LIVE,
        _set_chosen,
        rank=29,
    ),
    Action(
        "replay",
        "R",
        "replay",
        "Play the chosen upgrade again, event by event, from its first one on.",
        Kind.LOOK,
        When.LIVE,
        _upgrade_chosen,
        rank=79,
    ),
    Action("copy", "y", "copy", "Copy what the cursor is on to your clipboard.", Kind.LOOK, rank=77),
    Action("utc", "z", "UTC", "Times in UTC, or in your zone.", Kind.LOOK, rank=78),
    Action(
        "plan",
        "P",
        "plan",
        "What an upgrade would do; changes nothing.",
        Kind.UPGRADE,
        When.LIVE,
        _set_chosen,
        "plan",
        33,
    ),
    Action(
        "start",
        "s",
        "start…",
        "Start an upgrade, after its plan.",
        Kind.UPGRADE,
        When.LIVE,
        _verb(Verb.START),
        "start",
        20,
    ),
    Action(
        "pause",
        "p",
        "pause",
        "Begin nothing more; acts at once.",
        Kind.UPGRADE,
        When.LIVE,
        _verb(Verb.PAUSE),
        "pause",
        21,
    ),
    Action("resume", "u", "resume…", "Go on after a pause.", Kind.UPGRADE, When.LIVE, _verb(Verb.RESUME), "resume", 22),
    Action(
        "rollback",
        "r",
        "roll back…",
        "Every touched instance gets its previous image back.",
        Kind.UPGRADE,
        When.LIVE,
        _verb(Verb.ROLL_BACK),
        "rollback",
        23,
    ),
    Action(
        "step", "n", "step…", "Run one batch, then pause again.", Kind.UPGRADE, When.LIVE, _verb(Verb.STEP), "step", 24
    ),
    Action(
        "cancel",
        "c",
        "cancel…",
        "End it after what has begun; what is done stays.",
        Kind.UPGRADE,
        When.LIVE,
        _verb(Verb.CANCEL),
        "cancel",
        40,
    ),
    Action(
        "retry", "t", "retry…", "Try failed instances again.", Kind.UPGRADE, When.LIVE, _verb(Verb.RETRY), "retry", 41
    ),
    Action(
        "skip",
        "x",
        "skip…",
        "Take instances out of this upgrade.",
        Kind.UPGRADE,
        When.LIVE,
        _verb(Verb.SKIP),
        "skip",
        42,
    ),
    Action(
        "accept_loss",
        "",
        "accept loss…",
        "Go on although instances could not be restored.",
        Kind.UPGRADE,
        When.LIVE,
        _verb(Verb.ACCEPT_LOSS),
        "accept-loss",
        90,
    ),
    Action(
        "halt_all",
        "exclamation_mark",
        "halt all…",
        "Pause all that is live, begin nothing until that is lifted; or lift it.",
        Kind.UPGRADE,
        When.LIVE,
        why_not_change,
        "halt",
        66,
    ),
    Action(
        "hold", "", "hold…", "Keep instances out of batches.", Kind.INSTANCES, When.LIVE, _instances("hold"), "hold", 90
    ),
    Action(
        "release",
        "",
        "release…",
        "Let held instances take part again.",
        Kind.INSTANCES,
        When.LIVE,
        _instances("release"),
        "release",
        90,
    ),
    Action(
        "protect",
        "",
        "protect…",
        "Leave instances out of upgrades and of shrinking.",
        Kind.INSTANCES,
        When.LIVE,
        _instances("protect"),
        "protect",
        90,
    ),
    Action(
        "unprotect",
        "",
        "end protection…",
        "Upgrade instances again as any other.",
        Kind.INSTANCES,
        When.LIVE,
        _instances("unprotect"),
        "protect",
        90,
    ),
    Action("play", "p", "play", "Play, or stand still.", Kind.REPLAY, When.RECORDED, rank=20),
    Action("event_after", "full_stop", "next event", "One event on.", Kind.REPLAY, When.RECORDED, rank=22),
    Action("event_before", "comma", "last event", "One event back.", Kind.REPLAY, When.RECORDED, rank=23),
    Action("faster", "greater_than_sign", "faster", "Play faster.", Kind.REPLAY, When.RECORDED, rank=24),
    Action("slower", "less_than_sign", "slower", "Play slower.", Kind.REPLAY, When.RECORDED, rank=25),
    Action("error_after", "n", "next error", "On to the next error.", Kind.REPLAY, When.RECORDED, rank=21),
    Action("error_before", "N", "last error", "Back to the error before.", Kind.REPLAY, When.RECORDED, rank=26),
    Action("seek", "g", "seek…", "Go to a time or a share of the recording.", Kind.REPLAY, When.RECORDED, rank=27),
    Action("menu", "a", "all actions", "Every action, and why one cannot act.", Kind.COCKPIT, rank=43),
    Action("palette", "colon,ctrl+p", "palette", "Every action by name.", Kind.COCKPIT, rank=79),
    Action("help", "question_mark", "help", "The keys of this screen.", Kind.COCKPIT, rank=12),
    Action(
        "start_engine",
        "S",
        "start engine",
        "Start an engine that somebody stopped.",
        Kind.COCKPIT,
        When.LIVE,
        why_not_start_engine,
        rank=9,
    ),
    Action("theme", "ctrl+t", "theme", "The next theme.", Kind.COCKPIT, rank=85),
    Action("suspend", "ctrl+z", "suspend", "Back to the shell; fg returns.", Kind.COCKPIT, rank=95),
    Action("leave", "q,ctrl+q", "leave", "Leave the cockpit; the engine goes on.", Kind.COCKPIT, rank=13),
)

ACTIONS: Mapping[str, Action] = {action.id: action for action in _ALL}

_NOT_RECORDED = {
    "plan": "only an engine makes a plan; a recording has none",
    "rehearse": "only an engine can rehearse; a recording has no plan",
    "replay": "this is a recording already; p plays it",
}


def why_not_here(action: Action, *, live: bool) -> str | None:
    """Why an action that belongs to an engine or to a recording cannot act in the other; None where it belongs."""
    if action.when in (When.BOTH, When.LIVE if live else When.RECORDED):
        return None
    return (
        "this is an engine and no recording; R plays an upgrade again"
        if live
        else _NOT_RECORDED.get(action.id, RECORDED)
    )


ONE_BY_ONE = frozenset({"hold", "release", "protect", "unprotect"})
"""Actions whose verb takes one instance."""


def command_line(action: Action, set_name: str, instances: Sequence[str], options: Mapping[str, object]) -> str:
    """What does the same on a command line. `options` by the names the engine takes them under."""
    given = " ".join(_options(options))
    tail = f" {given}" if given else ""
    name = shlex.quote(set_name)
    if action.id in ONE_BY_ONE and len(instances) > 1:
        some = " ".join(shlex.quote(i) for i in instances)
        return f"for i in {some}; do rollset {action.verb} {name} $i{tail}; done"
    return " ".join(["rollset", action.verb, name, *map(shlex.quote, instances)]) + tail


def _options(options: Mapping[str, object]) -> list[str]:
    found = []
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{option}" if value else f"--no-{option}")
        elif value not in (None, ""):
            found.append(f"--{option} {shlex.quote(str(value))}")
    return found


def clashes(keymap: Mapping[str, str]) -> list[str]:
    """What is wrong with a user's keymap (action id -> keys), each in words; empty when it can be used."""
    found = [f"{name!r} is no action" for name in keymap if name not in ACTIONS]
    taken: dict[tuple[str, When], str] = {}
    for action in _ALL:
        for key in (keymap.get(action.id) or action.keys).split(","):
            for when in (When.LIVE, When.RECORDED) if action.when is When.BOTH else (action.when,):
                other = taken.setdefault((key.strip(), when), action.id)
                if key.strip() and other != action.id:
                    found.append(f"{key.strip()!r} is the key of both {other!r} and {action.id!r}")
    return sorted(set(found))
