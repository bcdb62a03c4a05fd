"""How a simulated scale set behaves, as its tags say it (docs/simulated-fleets.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches

from engine.model.errors import InputError

PREFIX = "rollset-simulated-"
LONGEST_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Selection:
    """Some instances of a set: by id, by zone, and a share of all (0 to 1) that a seed chooses."""

    instances: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    share: float = 0.0


NOBODY = Selection()


@dataclass(frozen=True, slots=True)
class SimulatedBehaviour:
    """Times are medians in seconds of lognormal distributions with `spread` as sigma; shares are 0 to 1.

    `member_seconds` is one member's whole way: restore point, disk, extensions, health. `broken_versions`: the share
    of instances that never become healthy on a version. `slow_versions`: by what their times are multiplied.
    """

    seed: str = ""
    member_seconds: float = 20.0
    create_seconds: float = 0.5
    spread: float = 0.35
    failing_share: float = 0.0
    broken_versions: Mapping[str, float] = field(default_factory=dict)
    slow_versions: Mapping[str, float] = field(default_factory=dict)
    failing_disks: float = 0.0
    failing_restores: float = 0.0
    failing_extensions: float = 0.0
    flapping: float = 0.0
    flap_seconds: float = 120.0
    unhealthy: Selection = NOBODY


def read_behaviour(tags: Mapping[str, str]) -> SimulatedBehaviour:
    """The behaviour that tags describe. Raises InputError that names the tag, its value and what it must be."""
    given: dict[str, object] = {}
    for tag, text in tags.items():
        if not tag.startswith(PREFIX):
            continue
        name = tag.removeprefix(PREFIX).replace("-", "_")
        read = _READERS.get(name)
        if read is None:
            near = get_close_matches(name, _READERS, 1, 0.0)[0].replace("_", "-")
            raise InputError("InvalidParameter", f"tag {tag!r} is not known.", f"Did you mean {PREFIX}{near}?")
        given[name] = read(tag, text.strip())
    return SimulatedBehaviour(**given)  # type: ignore[arg-type]  # each reader gives the type of its field


def read_selection(what: str, text: str) -> Selection:
    """Read `3,7`, `10%`, `zone=1`, or several with commas. Raises InputError that names `what`."""
    instances, zones, share = set(), set(), 0.0
    for part in filter(None, (part.strip() for part in text.split(","))):
        if part.endswith("%"):
            share = read_share(what, part)
        elif part.startswith("zone="):
            zones.add(part.removeprefix("zone="))
        else:
            instances.add(part)
    return Selection(frozenset(instances), frozenset(zones), share)


def read_share(what: str, text: str) -> float:
    """Read `10%` or `0.1`. Raises InputError that names `what`."""
    number = _number(text.removesuffix("%"))
    share = None if number is None else number / 100 if text.endswith("%") else number
    if share is None or not 0 <= share <= 1:
        raise _wrong(what, text, "a share, as 10% or 0.1")
    return share


def _wrong(tag: str, text: str, want: str) -> InputError:
    return InputError("InvalidParameter", f"{tag} is {text!r}; it must be {want}.", "Correct it and apply again.")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _between(low: float, high: float) -> Callable[[str, str], float]:
    def read(tag: str, text: str) -> float:
        number = _number(text)
        if number is None or not low <= number <= high:
            raise _wrong(tag, text, f"a number from {low:g} to {high:g}")
        return number

    return read


def _by_version(default: float | None, read: Callable[[str, str], float]) -> Callable[[str, str], dict[str, float]]:
    def read_all(tag: str, text: str) -> dict[str, float]:
        found: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            version, given, value = part.partition("=")
            if not given and default is None:
                raise _wrong(tag, text, "versions with a value each, as 1.2.0=4")
            found[version.strip()] = read(tag, value.strip()) if given else float(default or 0.0)
        return found

    return read_all


_READERS: dict[str, Callable[[str, str], object]] = {
    "seed": lambda tag, text: text,
    "member_seconds": _between(0.001, LONGEST_S),
    "create_seconds": _between(0.0, LONGEST_S),
    "spread": _between(0.0, 3.0),
    "failing_share": read_share,
    "broken_versions": _by_version(1.0, read_share),
    "slow_versions": _by_version(None, _between(0.01, 1000.0)),
    "failing_disks": read_share,
    "failing_restores": read_share,
    "failing_extensions": read_share,
    "flapping": read_share,
    "flap_seconds": _between(0.1, LONGEST_S),
    "unhealthy": read_selection,
}
assert set(_READERS) == {known.name for known in fields(SimulatedBehaviour)}, "every field has a tag, every tag a field"
