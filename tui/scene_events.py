"""Events folded into what the cockpit shows, and told as lines of its feed."""

from __future__ import annotations

from dataclasses import replace

from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.fold_overview import fold_set, fold_upgrade
from engine.decide.halt import halt_after
from engine.model import events as e
from engine.model.events import Recorded
from engine.model.upgrade import HoldKind, Now
from engine.wire.events import event_type
from engine.wire.recording import OVERVIEW
from engine.wire.words import words
from tui.scene import BAD, QUIET, FeedLine, Scene, with_history, with_line, with_upgrade


def fold_event(scene: Scene, recorded: Recorded) -> Scene:
    """The scene after an event."""
    now = Now(recorded.at, recorded.clock)
    kind, _, name = recorded.stream.partition("/")
    if kind == "upgrade":
        scene = _fold_upgrade(scene, name, recorded.event, now)
    elif kind == "scale_set":
        scene = _fold_scale_set(scene, name, recorded.event, now)
    elif isinstance(recorded.event, e.ImagePublished):
        image = recorded.event.image
        scene = replace(scene, images={**scene.images, str(image.reference): image})
    elif isinstance(recorded.event, e.ImageExclusionChanged):
        scene = _fold_exclusion(scene, recorded.event)
    elif isinstance(recorded.event, e.EngineStarted) and scene.engine is not None:
        began = recorded.event
        facts = replace(scene.engine, pid=began.pid, version=began.version, epoch=began.epoch, started_at=now.at)
        scene = replace(scene, engine=facts)
    elif isinstance(recorded.event, e.HaltBegan | e.HaltEnded) and scene.engine is not None:
        scene = replace(scene, engine=replace(scene.engine, halt=halt_after(recorded.event)))
    elif isinstance(recorded.event, e.UpgradeRetired):
        scene = _without(scene, recorded.event.upgrade)
    return replace(told(scene, recorded), seq=recorded.seq, now=now)


def _fold_exclusion(scene: Scene, event: e.ImageExclusionChanged) -> Scene:
    known = scene.images.get(str(event.reference))
    if known is None:
        return scene
    image = replace(known, excluded_from_latest=event.excluded)
    return replace(scene, images={**scene.images, str(event.reference): image})


def _without(scene: Scene, name: str) -> Scene:
    """An upgrade left the store, and every event of its own with it: nothing else would know it any more."""
    rows = {
        key: replace(row, upgrade=None) if row.upgrade is not None and row.upgrade.upgrade.id == name else row
        for key, row in scene.sets.items()
    }
    return replace(
        scene,
        sets=rows,
        history={known: seen for known, seen in scene.history.items() if known != name},
        upgrades={known: upgrade for known, upgrade in scene.upgrades.items() if known != name},
        feed=tuple(line for line in scene.feed if line.stream != f"upgrade/{name}"),
    )


def told(scene: Scene, recorded: Recorded) -> Scene:
    """The feed with this event, unless another line or the screen itself says the same."""
    if isinstance(recorded.event, e.PresenceChanged):
        return replace(scene, present=recorded.event.attached)
    if is_quiet(recorded.event):
        return scene
    return with_line(scene, feed_line(recorded))


def is_quiet(event: e.Event) -> bool:
    """Whether another line, or what the screen draws, says the same."""
    return event_type(event) in QUIET


def feed_line(recorded: Recorded) -> FeedLine:
    """An event as a line of the feed."""
    event = recorded.event
    return FeedLine(
        recorded.seq,
        recorded.at,
        recorded.stream,
        event_type(event),
        words(event),
        recorded.actor,
        str(getattr(event, "instance_id", "") or ""),
        is_error(event),
    )


def is_error(event: e.Event) -> bool:
    """Whether an operator who looks for errors stops here."""
    if event_type(event) in BAD:
        return True
    if isinstance(event, e.MemberMoved):
        return event.error is not None
    return isinstance(event, e.HoldRaised) and event.hold.kind is not HoldKind.OPERATOR


def _fold_upgrade(scene: Scene, name: str, event: e.Event, now: Now) -> Scene:
    started = isinstance(event, e.UpgradeStarted)
    seen = fold_upgrade(None if started else scene.history.get(name), event, now)
    if seen is None:
        return scene
    key = seen.upgrade.scale_set
    if _is_whole(scene, key) and (started or name in scene.upgrades):
        after = evolve_upgrade(scene.upgrades.get(name), event, now)
        scene = replace(scene, upgrades={**scene.upgrades, name: after})
    row = scene.sets.get(key)
    shown = row is not None and (started or (row.upgrade is not None and row.upgrade.upgrade.id == name))
    return with_history(with_upgrade(scene, key, seen) if shown else scene, seen)


def _fold_scale_set(scene: Scene, key: str, event: e.Event, now: Now) -> Scene:
    row = fold_set(scene.sets.get(key), event, now)
    rows = {k: v for k, v in scene.sets.items() if k != key} if row is None else {**scene.sets, key: row}
    scene = replace(scene, sets=rows)
    if not _is_whole(scene, key):
        return scene
    after = evolve_scale_set(scene.scale_sets.get(key), event, now)
    others = {name: own for name, own in scene.scale_sets.items() if name != key}
    return replace(scene, scale_sets=others if after is None else {**others, key: after})


def _is_whole(scene: Scene, key: str) -> bool:
    """Whether the set's instances are known, and its upgrades' members."""
    return scene.scope != OVERVIEW or key in scene.scale_sets
