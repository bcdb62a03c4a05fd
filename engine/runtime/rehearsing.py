"""The query `rehearse`: an upgrade of a set's twin, played in a thread; nothing of the engine changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import anyio.to_thread

from engine.decide.estimate import learn_pace
from engine.decide.rehearse import Ground, rehearse
from engine.decide.twin import Twin
from engine.model.events import Recorded
from engine.model.rehearsal import read_trouble
from engine.model.version import VERSION
from engine.runtime.answers import counters_dict
from engine.runtime.arguments import optional_text, start_request, text, truth
from engine.runtime.engine import Engine
from engine.runtime.recent_events import event_line
from engine.runtime.snapshot import engine_facts, set_lines
from engine.wire.recording import Header, header_line, record_line

BETWEEN = ";"


async def rehearsal(engine: Engine, arguments: Mapping[str, str]) -> dict[str, Any]:
    """What an upgrade would come to; with `recording` its events too, as the lines of a recording.

    One at a time, since each takes up to seconds of a core. Raises InputError and RefusedError as a start would.
    """
    scale_set = engine.find_set(text(arguments, "set"))
    request = start_request(arguments)
    asked = optional_text(arguments, "inject") if arguments.get("inject") else None
    trouble = read_trouble(part for part in (asked or "").split(BETWEEN) if part.strip())
    earlier = tuple(engine.state.own_upgrades(scale_set.key))
    ground = Ground(
        scale_set,
        dict(engine.state.images),
        learn_pace(earlier, scale_set.fleet),
        tuple(engine.state.policies.values()),
        await engine.fleet_of(scale_set.key).room_bytes(),
        engine.clock.now(),
        earlier,
    )
    play = partial(rehearse, ground, request, trouble, seed=optional_text(arguments, "seed") or "")
    recorded = truth(arguments, "recording")
    facts = record_line(replace(engine_facts(engine), halt=None)) if recorded else ""
    async with engine.rehearsals:
        return await anyio.to_thread.run_sync(_answer, play, ground, facts)


def _answer(play: partial[Any], ground: Ground, facts: str) -> dict[str, Any]:
    rehearsed, twin = play()
    told = asdict(rehearsed) | {"counters": counters_dict(rehearsed.counters)}
    answer: dict[str, Any] = {"rehearsal": told}
    if facts:
        answer["recording"] = recording_of(ground, twin, facts)
    return answer


def recording_of(ground: Ground, twin: Twin, facts: str) -> list[str]:
    """The lines of a recording, without line breaks: the set as it was, then every event of its twin."""
    key = ground.scale_set.key
    streams = {"upgrade": f"upgrade/{twin.upgrade.id}", "scale_set": f"scale_set/{key}", "engine": "engine"}
    header = Header(key, 0, ground.now.at, ground.now.clock, f"rollset {VERSION}", len(twin.told))
    lines = [header_line(header), facts, *set_lines(ground.scale_set, [], ground.images.values())]
    places: Counter[str] = Counter()
    for seq, told in enumerate(twin.told, start=1):
        stream = streams[told.stream]
        places[stream] += 1
        recorded = Recorded(seq, stream, places[stream], told.now.at, told.now.clock, 1, "rehearsal", "", told.event)
        lines.append(event_line(recorded).text)
    return lines
