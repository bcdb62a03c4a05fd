"""Failures put together by cause: what differs only in names, addresses and times is one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.model.codes import ApiError
from engine.model.upgrade import Upgrade

_SAME = (
    (re.compile(r"\[?[0-9a-fA-F:]*:[0-9a-fA-F:]+\]:\d+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*"), "<time>"),
    (re.compile(r"/virtualMachines/\S+?(?=[\s,.;:]|$)", re.IGNORECASE), "/virtualMachines/<instance>"),
    (re.compile(r"\b(instance|disk|VM|machine|pid) '?[\w-]*\d[\w-]*'?", re.IGNORECASE), r"\1 <name>"),
    (re.compile(r"\b[\w.-]+_\d+\b"), "<instance>"),
    (re.compile(r"\b[0-9a-f]{8,}\b"), "<id>"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(s|ms|seconds)\b"), r"… \1"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One instance that failed, with its own error."""

    instance_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Failures of one cause. `sample` is the first one's message, whole; `instances` in the order of their ids."""

    code: str
    cause: str
    sample: str
    instances: tuple[str, ...]


def cause_of(message: str) -> str:
    """The message without what is one instance's own: addresses, names, times, durations."""
    for pattern, stands_for in _SAME:
        message = pattern.sub(stands_for, message)
    return " ".join(message.split())


def failures_of(upgrade: Upgrade) -> list[Failure]:
    """The members' own errors; of an upgrade whose members are not known, the details of its error."""
    own = [Failure(m.instance_id, m.error.code, m.error.message) for m in upgrade.members.values() if m.error]
    known = {failure.instance_id for failure in own}
    error = upgrade.faulting or upgrade.error
    return own + [failure for failure in details_of(error) if failure.instance_id not in known]


def details_of(error: ApiError | None) -> list[Failure]:
    """The details of an error, each of one instance."""
    if error is None:
        return []
    return [Failure(d.target.rpartition("/")[2], d.code, d.message) for d in error.details]


def clusters(failures: Iterable[Failure]) -> list[Cluster]:
    """By code and cause, the largest first."""
    found: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        found.setdefault((failure.code, cause_of(failure.message)), []).append(failure)
    made = [
        Cluster(code, cause, own[0].message, tuple(sorted((f.instance_id for f in own), key=_natural)))
        for (code, cause), own in found.items()
    ]
    return sorted(made, key=lambda cluster: (-len(cluster.instances), cluster.code, cluster.cause))


def places(cluster: Cluster, where: Mapping[str, str]) -> list[tuple[str, int]]:
    """How many of a cluster's instances are in each place (a zone, a batch), the most first."""
    counted: dict[str, int] = {}
    for instance in cluster.instances:
        if instance in where:
            counted[where[instance]] = counted.get(where[instance], 0) + 1
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _natural(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (1 << 62, name)
