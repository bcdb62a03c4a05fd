"""What the cockpit shows: one immutable state, folded from snapshot records and events, live or recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.fold_overview import fold_set, fold_upgrade, overview_of, upgrade_overview
from engine.model import events as e
from engine.model.engine_events import Attached
from engine.model.events import Recorded
from engine.model.image import ImageVersion
from engine.model.overview import EngineFacts, SetOverview, UpgradeOverview
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, Upgrade
from engine.wire.events import event_type
from engine.wire.recording import OVERVIEW, Earlier, Header, Record
from engine.wire.words import words

FEED_LINES = 400


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One event as a line of the feed. `instance_id` is empty where it is about no single instance."""

    seq: int
    at: float
    stream: str
    type: str
    words: str
    actor: str
    instance_id: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """The state at one moment: of all sets from afar (scope `overview`), or of one set whole.

    `now` is the time of the last line; `seq` its place in the log. In the scope of one set `scale_sets` and
    `upgrades` hold whole records; `sets` and `history` (upgrades by id) hold the view from afar in both scopes.
    `present` are those who follow the engine now.
    """

    scope: str
    seq: int = 0
    now: Now = field(default_factory=lambda: Now(0.0, 0.0))
    sets: Mapping[str, SetOverview] = field(default_factory=dict)
    scale_sets: Mapping[str, ScaleSet] = field(default_factory=dict)
    upgrades: Mapping[str, Upgrade] = field(default_factory=dict)
    images: Mapping[str, ImageVersion] = field(default_factory=dict)
    history: Mapping[str, UpgradeOverview] = field(default_factory=dict)
    engine: EngineFacts | None = None
    present: tuple[Attached, ...] = ()
    feed: tuple[FeedLine, ...] = ()

    @property
    def scale_set(self) -> ScaleSet | None:
        """The set of a one-set scope."""
        return next(iter(self.scale_sets.values()), None)

    @property
    def upgrade(self) -> Upgrade | None:
        """The live upgrade of the set in scope, else the one that started last since it was created."""
        known = self.scale_set
        own = [u for u in self.upgrades.values() if known is None or u.is_since(known.created_clock)]
        return max(own, key=lambda u: (u.live, u.started_at), default=None)


def fold(scene: Scene, item: Header | Record | Earlier | Recorded) -> Scene:
    """The scene after one line of a snapshot, a stream or a recording. A header begins a new one."""
    if isinstance(item, Recorded):
        return _fold_event(scene, item)
    if isinstance(item, Header):
        return Scene(item.scope or OVERVIEW, item.first, Now(item.at, item.clock))
    if isinstance(item, Earlier):
        return _told(scene, item.recorded)
    return _fold_record(scene, item)


def _fold_record(scene: Scene, record: Record) -> Scene:
    if isinstance(record, SetOverview):
        scene = replace(scene, sets={**scene.sets, record.scale_set.key: record})
        return _with_history(scene, record.upgrade) if record.upgrade is not None else scene
    if isinstance(record, ImageVersion):
        return replace(scene, images={**scene.images, str(record.reference): record})
    if isinstance(record, ScaleSet):
        return replace(
            scene,
            scale_sets={**scene.scale_sets, record.key: record},
            sets={**scene.sets, record.key: overview_of(record, None)},
        )
    if isinstance(record, Upgrade):
        seen = upgrade_overview(record)
        scene = replace(scene, upgrades={**scene.upgrades, record.id: record})
        return _with_history(_with_upgrade(scene, record.scale_set, seen), seen)
    return _with_history(scene, record) if isinstance(record, UpgradeOverview) else replace(scene, engine=record)


def _with_history(scene: Scene, seen: UpgradeOverview) -> Scene:
    return replace(scene, history={**scene.history, seen.upgrade.id: seen})


def _with_upgrade(scene: Scene, key: str, seen: UpgradeOverview | None) -> Scene:
    row = scene.sets.get(key)
    return scene if row is None else replace(scene, sets={**scene.sets, key: replace(row, upgrade=seen)})


def _fold_event(scene: Scene, recorded: Recorded) -> Scene:
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
    return replace(_told(scene, recorded), seq=recorded.seq, now=now)


def _fold_exclusion(scene: Scene, event: e.ImageExclusionChanged) -> Scene:
    known = scene.images.get(str(event.reference))
    if known is None:
        return scene
    image = replace(known, excluded_from_latest=event.excluded)
    return replace(scene, images={**scene.images, str(event.reference): image})


def _told(scene: Scene, recorded: Recorded) -> Scene:
    """The feed with this event, unless another line or the screen itself says the same."""
    if isinstance(recorded.event, e.PresenceChanged):
        return replace(scene, present=recorded.event.attached)
    if is_quiet(recorded.event):
        return scene
    return replace(scene, feed=(*scene.feed[1 - FEED_LINES :], feed_line(recorded)))


def is_quiet(event: e.Event) -> bool:
    """Whether another line, or what the screen draws, says the same."""
    return isinstance(event, e.UpgradeOutlookChanged | e.InstanceDiskChanged)


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
    if isinstance(event, e.LimitExceeded | e.UpgradeFaulted):
        return True
    if isinstance(event, e.MemberMoved):
        return event.error is not None
    return isinstance(event, e.HoldRaised) and event.hold.kind.value != "Operator"


def _fold_upgrade(scene: Scene, name: str, event: e.Event, now: Now) -> Scene:
    started = isinstance(event, e.UpgradeStarted)
    seen = fold_upgrade(None if started else scene.history.get(name), event, now)
    if seen is None:
        return scene
    key = seen.upgrade.scale_set
    if scene.scope != OVERVIEW and (started or name in scene.upgrades):
        after = evolve_upgrade(scene.upgrades.get(name), event, now)
        scene = replace(scene, upgrades={**scene.upgrades, name: after})
    row = scene.sets.get(key)
    shown = row is not None and (started or (row.upgrade is not None and row.upgrade.upgrade.id == name))
    return _with_history(_with_upgrade(scene, key, seen) if shown else scene, seen)


def _fold_scale_set(scene: Scene, key: str, event: e.Event, now: Now) -> Scene:
    row = fold_set(scene.sets.get(key), event, now)
    rows = {k: v for k, v in scene.sets.items() if k != key} if row is None else {**scene.sets, key: row}
    scene = replace(scene, sets=rows)
    if scene.scope == OVERVIEW:
        return scene
    after = evolve_scale_set(scene.scale_sets.get(key), event, now)
    return replace(scene, scale_sets={} if after is None else {key: after})
