"""The moments of an upgrade that pictures show: one set, told to each of them once."""

from __future__ import annotations

from functools import cache

from engine.model.commands import Verb
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story, batch_runs, has_ended, has_failures, key_of, scale_set

KEY = key_of("web-eu")


@cache
def story(name: str) -> Story:
    """A web-eu of 120 instances at a moment of its upgrade; every test gets the same one, so none may go on with it."""
    bad = (
        frozenset(str(i) for i in range(0, 120, 7 if name == "faulted" else 41))
        if name in ("failing", "faulted")
        else frozenset[str]()
    )
    found = Story(scale_set("web-eu", 120, "westeurope", production=True, pause_s=30.0), bad=bad)
    if name == "never":
        return found
    found.start()
    if name == "faulted" or name == "completed":
        found.until(has_ended)
    elif name == "failing":
        found.until(has_failures)
    else:
        found.until(batch_runs(6, 43))
    if name in ("paused", "refused", "back"):
        found.command(Verb.ROLL_BACK if name == "back" else Verb.PAUSE, "omar", "on call asked")
        found.look()
    if name == "refused":
        refusal = "confirm must be the set's name, web-eu, on a set tagged environment=production"
        found.judged("rollback", "eve", "", refusal)
    return found


def session(name: str) -> StillSession:
    """An engine that stands still at that moment."""
    found = story(name)
    return StillSession(found.scene, answers={"plan": {"plan": found.plan()}}, events=found.events)
