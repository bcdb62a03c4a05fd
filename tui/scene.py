"""What the cockpit shows: one immutable state, folded from snapshot records and events, live or recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.model.attached import Attached
from engine.model.halt import Halt
from engine.model.image import ImageVersion
from engine.model.overview import EngineFacts, SetOverview, UpgradeOverview
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import HoldKind, Now, Upgrade
from engine.wire.reading import read
from engine.wire.recording import OVERVIEW, Earlier, Header, Record
from engine.wire.schema import SCHEMA

if TYPE_CHECKING:
    from engine.model.events import Recorded

FEED_LINES = 400
QUIET = frozenset({"UpgradeOutlookChanged", "InstanceDiskChanged"})
"""Types of events that another line, or what the screen draws, tells too."""
BAD = frozenset({"LimitExceeded", "UpgradeFaulted"})
"""Types of events at which an operator who looks for errors stops."""


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
    `upgrades` hold whole records, and so they do in a recording of all sets that was made with them; `sets` and
    `history` (upgrades by id) hold the view from afar in both scopes. `present` are those who follow the engine now.
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
    def halt(self) -> Halt | None:
        """The halt that stands."""
        return self.engine.halt if self.engine is not None else None

    @property
    def scale_set(self) -> ScaleSet | None:
        """The set of a one-set scope."""
        return next(iter(self.scale_sets.values()), None) if self.scope != OVERVIEW else None

    @property
    def upgrade(self) -> Upgrade | None:
        """The live upgrade of the set in scope, else the one that started last since it was created."""
        if self.scope == OVERVIEW:
            return None
        known = self.scale_set
        own = [u for u in self.upgrades.values() if known is None or u.is_since(known.created_clock)]
        return max(own, key=lambda u: (u.live, u.started_at), default=None)


def fold(scene: Scene, item: Header | Record | Earlier | Recorded) -> Scene:
    """The scene after one line of a snapshot, a stream or a recording. A header begins a new one."""
    if isinstance(item, Header):
        return Scene(item.scope or OVERVIEW, item.first, Now(item.at, item.clock))
    if isinstance(item, Earlier):
        return _with_earlier(scene, item)
    if isinstance(item, Record):
        return _fold_record(scene, item)
    from tui.scene_events import fold_event  # the first picture is that of a snapshot and waits for no event

    return fold_event(scene, item)


def _fold_record(scene: Scene, record: Record) -> Scene:
    if isinstance(record, SetOverview):
        scene = replace(scene, sets={**scene.sets, record.scale_set.key: record})
        return with_history(scene, record.upgrade) if record.upgrade is not None else scene
    if isinstance(record, ImageVersion):
        return replace(scene, images={**scene.images, str(record.reference): record})
    if isinstance(record, ScaleSet):
        from engine.decide.fold_overview import overview_of

        row, known = overview_of(record, None), scene.sets.get(record.key)
        return replace(
            scene,
            scale_sets={**scene.scale_sets, record.key: record},
            sets={**scene.sets, record.key: row if known is None else replace(row, upgrade=known.upgrade)},
        )
    if isinstance(record, Upgrade):
        from engine.decide.count_members import upgrade_overview

        seen = upgrade_overview(record)
        scene = replace(scene, upgrades={**scene.upgrades, record.id: record})
        return with_history(with_upgrade(scene, record.scale_set, seen), seen)
    return with_history(scene, record) if isinstance(record, UpgradeOverview) else replace(scene, engine=record)


def of_one_set(scene: Scene, key: str, feed: tuple[FeedLine, ...]) -> Scene:
    """One set's part of a scene of all sets, in which it is whole, with its own feed."""
    return replace(
        scene,
        scope=key,
        sets={name: row for name, row in scene.sets.items() if name == key},
        scale_sets={name: own for name, own in scene.scale_sets.items() if name == key},
        upgrades={name: upgrade for name, upgrade in scene.upgrades.items() if upgrade.scale_set == key},
        history={name: seen for name, seen in scene.history.items() if seen.upgrade.scale_set == key},
        feed=feed,
    )


def with_history(scene: Scene, seen: UpgradeOverview) -> Scene:
    """With an upgrade as it is now."""
    return replace(scene, history={**scene.history, seen.upgrade.id: seen})


def with_upgrade(scene: Scene, key: str, seen: UpgradeOverview | None) -> Scene:
    """With a set's live or last upgrade."""
    row = scene.sets.get(key)
    return scene if row is None else replace(scene, sets={**scene.sets, key: replace(row, upgrade=seen)})


def _with_earlier(scene: Scene, earlier: Earlier) -> Scene:
    """An event before the snapshot: who is present, or a line of the feed."""
    line = earlier.line
    if line.get("schema", SCHEMA) == SCHEMA and ("words" in line or line["type"] == "PresenceChanged"):
        try:
            return _with_line_of(scene, line)
        except (LookupError, TypeError, ValueError, AttributeError):
            pass  # the full reading says what is wrong with it
    from tui.scene_events import told

    return told(scene, earlier.recorded)


def _with_line_of(scene: Scene, line: Mapping[str, Any]) -> Scene:
    """The short cut for an event as this version writes it: the first picture waits for no reading of events.

    Raises LookupError, TypeError, ValueError or AttributeError where the body is another.
    """
    kind, body = line["type"], line["body"]
    if kind == "PresenceChanged":
        return replace(scene, present=tuple(read(Attached, one) for one in body["attached"]))
    if kind in QUIET:
        return scene
    bad = kind in BAD or (kind == "MemberMoved" and body["error"] is not None)
    bad = bad or (kind == "HoldRaised" and body["hold"]["kind"] != HoldKind.OPERATOR)
    instance = str(body.get("instance_id") or "")
    seq, words = line["seq"], read(str, line["words"])
    return with_line(scene, FeedLine(seq, line["at"], line["stream"], kind, words, line["actor"], instance, bad))


def with_line(scene: Scene, line: FeedLine) -> Scene:
    """With one more line of the feed."""
    return replace(scene, feed=(*scene.feed[1 - FEED_LINES :], line))
