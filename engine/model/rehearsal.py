"""A rehearsal: what is made to go wrong in it, and what came of it. Times are seconds from its start."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.model.codes import ApiError, ErrorCode
from engine.model.counters import Counters
from engine.model.errors import InputError
from engine.model.simulated import Selection, read_selection

ENGINE = "engine="
FORMS = (
    "instances (3,7), a share (10%) or a zone (zone=1), with @5m for from then on, "
    "or a stop of the engine (engine=90s, engine=90s@5m)"
)
LONGEST_S = 30 * 86_400.0
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Failing:
    """Instances that never become healthy on the new version; with `from_s`, that are unreachable from then on."""

    who: Selection
    from_s: float | None = None


@dataclass(frozen=True, slots=True)
class EngineStop:
    """No engine runs for `for_s` seconds, from `at_s` on; None is half-way through."""

    for_s: float
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """All that goes wrong in one rehearsal; `words` are those it was asked for in."""

    failing: tuple[Failing, ...] = ()
    stops: tuple[EngineStop, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RehearsedBatch:
    """`failed` are instances that were judged failed in it; `ended_s` is None when it never ended."""

    number: int
    direction: str
    zone: str
    update_domain: int | None
    members: tuple[str, ...]
    began_s: float
    ended_s: float | None
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopCount:
    """So many failed instances among the `of` upgraded up to the end of a batch stop it there; None: no number does."""

    batch: int
    of: int
    failures: int | None
    limit: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """What stopped it: after which batch (0: before the first), with how many failed instances."""

    batch: int
    failures: int
    error: ApiError


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What an upgrade would come to. `took_s` is the time of the run that is shown; `low_s` to `high_s` hold 8 of 10.

    `state` is the upgrade's at the end; `waits_for` says what a live one waits for, as nobody answers in a rehearsal.
    `other_ends` counts how it ended over draws of who fails, where chance chooses them.
    """

    scale_set: str
    target: str
    previous: str
    plan_hash: str
    instances: int
    to_upgrade: int
    pace: str
    trouble: tuple[str, ...]
    state: str
    waits_for: str
    error: ApiError | None
    counters: Counters
    took_s: float
    low_s: float | None
    high_s: float | None
    draws: int
    batches: tuple[RehearsedBatch, ...]
    stop_counts: tuple[StopCount, ...]
    stopped: Stopped | None
    other_ends: dict[str, int]
    seed: str


def read_trouble(texts: Iterable[str]) -> Trouble:
    """Read `3,7`, `10%`, `zone=1`, each with `@5m` for from then on, and `engine=90s` or `engine=90s@5m`.

    Raises InputError that names the text and what it must be.
    """
    failing, stops, words = [], [], []
    for given in texts:
        text = given.strip()
        what, at, when = text.partition("@")
        at_s = _seconds(text, when) if at else None
        if what.startswith(ENGINE):
            for_s = _seconds(text, what.removeprefix(ENGINE))
            stops.append(EngineStop(for_s, at_s))
            words.append(f"no engine for {for_s:g} s" + (f" from {at_s:g} s on" if at_s is not None else ", half-way"))
            continue
        who = read_selection("inject", what)
        if who == Selection():
            raise _wrong(text)
        failing.append(Failing(who, at_s))
        how = "never healthy on the new version" if at_s is None else f"unreachable from {at_s:g} s on"
        words.append(f"{what}: {how}")
    return Trouble(tuple(failing), tuple(stops), tuple(words))


def _seconds(text: str, given: str) -> float:
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smh]?)", given)
    seconds = float(found[1]) * _UNITS[found[2]] if found else -1.0
    if not 0 <= seconds <= LONGEST_S:
        raise _wrong(text)
    return seconds


def _wrong(text: str) -> InputError:
    return InputError(
        ErrorCode.INVALID_PARAMETER,
        f"inject is {text!r}; it must be {FORMS}.",
        "Correct it; rollset rehearse --help has examples.",
    )
