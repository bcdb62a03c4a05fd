"""What a recording answers where an engine would be asked: from its state and its events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from engine.decide.count_members import count_members
from engine.model.engine_events import CommandJudged
from engine.model.errors import NotFoundError, RefusedError
from engine.model.events import MemberMoved, MemberReconciling, Recorded, UpgradeOutlookChanged, UpgradeStarted
from engine.model.scale_set import versions_of
from engine.wire.events import recorded_to_dict, to_json
from engine.wire.recording import OVERVIEW
from engine.wire.state import dump
from engine.wire.words import words
from tui.scene import Scene

QUIET = (MemberMoved, MemberReconciling, UpgradeOutlookChanged)
Answer = dict[str, Any]


def recorded_answer(
    what: str, arguments: dict[str, Any], scene: Scene, events: Sequence[Recorded], place: str
) -> Answer:
    """Answers `timeline` and `audit` with all events of the recording, `run` as of the scene.

    Raises RefusedError for what a recording does not hold.
    """
    if what == "timeline":
        instance = str(arguments.get("instance") or "")
        own = _own(events, scene, str(arguments.get("scope") or OVERVIEW))
        return {"events": _lines(x for x in own if not instance or _names(x, instance))}
    if what == "audit":
        judged = [x for x in events if isinstance(x.event, CommandJudged)]
        entries = _lines(x for x in judged if x.seq <= scene.seq)
        # Only the recording of all sets follows the audit stream.
        whole = scene.scope == OVERVIEW or bool(judged)
        return {"entries": entries, "later": len(judged) - len(entries), "whole": whole}
    if what == "images" and scene.scale_sets:
        return {"images": _images(scene)}
    if what == "run":
        return _run(str(arguments["id"]), scene, events, place)
    raise RefusedError(
        "NotRecorded", f"{place} is a recording: it does not hold {_THINGS.get(what, what)}.", "Open the engine."
    )


_THINGS = {
    "plan": "plans, which only an engine can make",
    "explain": "explanations",
    "doctor": "the engine's checks",
    "images": "the instances that are on an image",
    "policies": "policy documents",
}


def streams_of(events: Iterable[Recorded], scene: Scene, key: str) -> frozenset[str]:
    """The streams of one set in a recording of all: its own, its upgrades', the engine's."""
    begun = (x.event.upgrade for x in events if isinstance(x.event, UpgradeStarted))
    known = (seen.upgrade for seen in scene.history.values())
    own = {f"upgrade/{upgrade.id}" for upgrade in (*begun, *known) if upgrade.scale_set == key}
    return frozenset({f"scale_set/{key}", "engine", *own})


def _own(events: Sequence[Recorded], scene: Scene, scope: str) -> Sequence[Recorded]:
    if scene.scope != OVERVIEW or scope == OVERVIEW:
        return events
    streams = streams_of(events, scene, scope)
    return [x for x in events if x.stream in streams]


def _lines(found: Iterable[Recorded]) -> list[Answer]:
    return [recorded_to_dict(recorded) | {"words": words(recorded.event)} for recorded in found]


def _images(scene: Scene) -> list[Answer]:
    """Of the sets that are recorded whole, how many instances are on each image."""
    found: dict[str, dict[str, int]] = {}
    for scale_set in scene.scale_sets.values():
        for version, count in versions_of(scale_set).items():
            reference = str(scale_set.model.image.with_version(version))
            found.setdefault(reference, {})[scale_set.name] = count
    return [{"reference": reference, "instances": used} for reference, used in found.items()]


def _names(recorded: Recorded, instance: str) -> bool:
    own = getattr(recorded.event, "instance_id", None)
    if own is not None:
        return bool(own == instance)
    return f'"instance_id":{json.dumps(instance, ensure_ascii=False)}' in to_json(recorded.event)


def _run(name: str, scene: Scene, events: Sequence[Recorded], place: str) -> Answer:
    whole, seen = scene.upgrades.get(name), scene.history.get(name)
    upgrade = whole or (seen.upgrade if seen is not None else None)
    if upgrade is None:
        raise NotFoundError("NotFound", f"{place} holds no upgrade {name!r} at this time.", "Go on in the recording.")
    counters = count_members(whole) if whole is not None else seen.counters if seen is not None else None
    stream = f"upgrade/{name}"
    own = [x for x in events if x.stream == stream and x.seq <= scene.seq and not isinstance(x.event, QUIET)]
    return {
        "upgrade": json.loads(dump(upgrade)),
        "counters": asdict(counters) if counters is not None else {},
        "members_known": whole is not None,
        "events": _lines(own),
    }
