"""The schema. What must never be is refused here too: one live upgrade a set, one end, one disk hand, no rewriting."""

from __future__ import annotations

from engine.model.state_names import DATABASE as DATABASE

DATABASE_FILES = ("", "-wal", "-shm")
"""What the names of SQLite's files end in: the database's own first, for its log is nothing without it."""
APPLICATION_ID = 0x526F6C6C

_FIRST = (
    """CREATE TABLE engine(
        one INTEGER PRIMARY KEY CHECK(one = 1), epoch INTEGER NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL,
        started_at REAL NOT NULL, seen_at REAL NOT NULL, clock REAL NOT NULL, clean INTEGER NOT NULL,
        retention_open INTEGER NOT NULL DEFAULT 0) STRICT""",
    """CREATE TABLE event(
        seq INTEGER PRIMARY KEY, stream TEXT NOT NULL, stream_seq INTEGER NOT NULL, type TEXT NOT NULL,
        schema INTEGER NOT NULL, at REAL NOT NULL, clock REAL NOT NULL, epoch INTEGER NOT NULL, actor TEXT NOT NULL,
        cause TEXT NOT NULL, body TEXT NOT NULL CHECK(json_valid(body)), UNIQUE(stream, stream_seq)) STRICT""",
    """CREATE UNIQUE INDEX ends_once ON event(stream)
        WHERE type IN ('UpgradeCompleted','UpgradeCancelled','UpgradeFaulted','UpgradeRolledBack')""",
    """CREATE TABLE scale_set(
        key TEXT PRIMARY KEY, name TEXT NOT NULL, stream_seq INTEGER NOT NULL,
        body TEXT NOT NULL CHECK(json_valid(body))) STRICT""",
    """CREATE TABLE upgrade(
        id TEXT PRIMARY KEY, scale_set TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT, stream_seq INTEGER NOT NULL,
        body TEXT NOT NULL CHECK(json_valid(body))) STRICT""",
    "CREATE UNIQUE INDEX one_live_upgrade ON upgrade(scale_set) WHERE outcome IS NULL",
    "CREATE TABLE image(reference TEXT PRIMARY KEY, body TEXT NOT NULL CHECK(json_valid(body))) STRICT",
    """CREATE TABLE effect(
        id TEXT PRIMARY KEY, operation TEXT NOT NULL, scale_set TEXT NOT NULL, instance_id TEXT NOT NULL,
        kind TEXT NOT NULL, attempt INTEGER NOT NULL, epoch INTEGER NOT NULL, intended_at REAL NOT NULL, handle TEXT,
        outcome TEXT, outcome_body TEXT, ended_at REAL, body TEXT NOT NULL CHECK(json_valid(body))) STRICT""",
    """CREATE UNIQUE INDEX one_disk_hand ON effect(scale_set, instance_id)
        WHERE kind IN ('ReplaceOsDisk','RestoreOsDisk') AND outcome IS NULL""",
    "CREATE INDEX open_effects ON effect(id) WHERE outcome IS NULL",
    """CREATE TABLE command(
        key TEXT PRIMARY KEY, at REAL NOT NULL, verb TEXT NOT NULL, body TEXT NOT NULL CHECK(json_valid(body)),
        uid INTEGER NOT NULL, verdict TEXT NOT NULL) STRICT""",
    """CREATE TRIGGER event_is_final BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    """CREATE TRIGGER event_stays BEFORE DELETE ON event
        WHEN (SELECT retention_open FROM engine) IS NOT 1
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    """CREATE TRIGGER command_is_final BEFORE UPDATE ON command
        BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END""",
    """CREATE TRIGGER command_stays BEFORE DELETE ON command
        BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END""",
)
"""`effect.handle` is for fleets whose operations outlive the engine's process, as Azure's operation URLs do.

It is NULL for those there are: a handle of theirs is gone with the process, and the next engine looks at the instances.
"""

_ENDED_UPGRADES = (
    """CREATE TABLE ended_upgrade(
        id TEXT PRIMARY KEY REFERENCES upgrade(id), body TEXT NOT NULL CHECK(json_valid(body))) STRICT""",
)
"""An ended upgrade without its members, so that a start need not read those of all that ever was."""

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("first_schema", _FIRST),
    ("ended_upgrades", _ENDED_UPGRADES),
    ("halts_and_stopped_instances", ()),
)
"""Every change of what a database may say, by name, with its statements. One is added for each format.

One without statements is for events that an older engine must not pass over: it would act against what they say.
"""

FORMAT = len(MIGRATIONS)
"""`user_version` of the file; a newer one is refused, never guessed at."""
