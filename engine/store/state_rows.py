"""Rows of present state: a scale set or an upgrade as of some event of its stream, so that a start need not fold all.

A row is written when it is new, when its upgrade's state changed (the schema's constraints look at it), and after
EVERY events; what happened since is folded on top of it when it is loaded.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.model.events import Recorded
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, Upgrade
from engine.wire.state import dump, load

EVERY = 500
"""More events than this are never folded at a start, for one row."""

EventsOf = Callable[[str, int], Sequence[Recorded]]
"""Events of a stream after one of its stream_seq, oldest first."""


class StateRows:
    """Which rows are there, and how far behind. Used inside the store's transactions only."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._at: dict[str, int] = {}
        self._state: dict[str, str] = {}
        self._latest: dict[str, ScaleSet | Upgrade] = {}
        self._undecided: dict[str, tuple[int, str]] = {}

    def write(
        self, scale_sets: Sequence[ScaleSet], upgrades: Sequence[Upgrade], seqs: Mapping[str, int], *, all_of_them: bool
    ) -> None:
        """Write the rows that are due. `seqs` gives each stream's last stream_seq, this transaction included."""
        self._undecided.clear()
        for scale_set in scale_sets:
            stream = f"scale_set/{scale_set.key}"
            if all_of_them or self._due(stream, seqs.get(stream, 0), ""):
                self._put_set(scale_set, stream, seqs.get(stream, 0))
        for upgrade in upgrades:
            stream = f"upgrade/{upgrade.id}"
            if all_of_them or self._due(stream, seqs.get(stream, 0), upgrade.state.value):
                self._put_upgrade(upgrade, stream, seqs.get(stream, 0))

    def committed(self, scale_sets: Sequence[ScaleSet], upgrades: Sequence[Upgrade], gone: Sequence[str]) -> None:
        """The transaction of the last `write` is on disk; of the streams that are `gone` nothing is left."""
        self._latest.update({f"scale_set/{s.key}": s for s in scale_sets})
        self._latest.update({f"upgrade/{u.id}": u for u in upgrades})
        for stream, (seq, state) in self._undecided.items():
            self._at[stream], self._state[stream] = seq, state
            self._latest.pop(stream, None)
        self._undecided.clear()
        for stream in gone:
            for known in (self._at, self._state, self._latest):
                known.pop(stream, None)

    def retire(self, upgrades: Mapping[str, Sequence[str]]) -> None:
        """Take ended upgrades out, by id, with their effects and events; the log lets go of events here alone."""
        run = self._connection.execute
        run("UPDATE engine SET retention_open=1")
        for upgrade_id, effects in upgrades.items():
            run("DELETE FROM event WHERE stream=?", (f"upgrade/{upgrade_id}",))
            self._connection.executemany("DELETE FROM effect WHERE id=?", [(effect,) for effect in effects])
            run("DELETE FROM ended_upgrade WHERE id=?", (upgrade_id,))
            run("DELETE FROM upgrade WHERE id=? AND outcome IS NOT NULL", (upgrade_id,))
        run("UPDATE engine SET retention_open=0")

    def behind(self) -> tuple[list[ScaleSet], list[Upgrade]]:
        """What has events that its row does not know yet."""
        latest = self._latest.values()
        return [s for s in latest if isinstance(s, ScaleSet)], [u for u in latest if isinstance(u, Upgrade)]

    def scale_sets(self, events_of: EventsOf) -> list[ScaleSet]:
        """All scale sets as they are now."""
        return [s for s in self._scale_sets(events_of) if s is not None]

    def upgrades(self, events_of: EventsOf, seqs: Mapping[str, int], lately: int | None) -> list[Upgrade]:
        """All upgrades as they are now; with `lately`, of each set only so many ended ones with their members."""
        sql = "SELECT id, scale_set, outcome, stream_seq FROM upgrade ORDER BY rowid DESC"
        ended: Counter[str] = Counter()
        found = []
        for upgrade_id, scale_set, outcome, seq in self._connection.execute(sql).fetchall():
            settled = outcome is not None and seqs.get(f"upgrade/{upgrade_id}", seq) == seq
            ended[scale_set] += outcome is not None
            light = self._ended(upgrade_id) if lately is not None and settled and ended[scale_set] > lately else None
            found.append(light or self._whole(upgrade_id, seq, events_of, settled=settled))
        return found[::-1]

    def upgrade(self, upgrade_id: str) -> Upgrade:
        """An ended upgrade with its members."""
        (body,) = self._connection.execute("SELECT body FROM upgrade WHERE id=?", (upgrade_id,)).fetchone()
        found: Upgrade = load(Upgrade, body)
        return found

    def _ended(self, upgrade_id: str) -> Upgrade | None:
        row = self._connection.execute("SELECT body FROM ended_upgrade WHERE id=?", (upgrade_id,)).fetchone()
        return load(Upgrade, row[0]) if row is not None else None

    def _whole(self, upgrade_id: str, seq: int, events_of: EventsOf, *, settled: bool) -> Upgrade:
        upgrade = self.upgrade(upgrade_id)
        stream = f"upgrade/{upgrade_id}"
        self._at[stream], self._state[stream] = seq, upgrade.state.value
        later = [] if settled else events_of(stream, seq)
        for recorded in later:
            upgrade = evolve_upgrade(upgrade, recorded.event, Now(recorded.at, recorded.clock))
        if later:
            self._latest[stream] = upgrade
        return upgrade

    def _scale_sets(self, events_of: EventsOf) -> Iterator[ScaleSet | None]:
        for seq, body in self._connection.execute("SELECT stream_seq, body FROM scale_set").fetchall():
            scale_set: ScaleSet | None = load(ScaleSet, body)
            assert scale_set is not None
            stream = f"scale_set/{scale_set.key}"
            self._at[stream], self._state[stream] = seq, ""
            later = events_of(stream, seq)
            for recorded in later:
                scale_set = evolve_scale_set(scale_set, recorded.event, Now(recorded.at, recorded.clock))
            if later and scale_set is not None:
                self._latest[stream] = scale_set
            yield scale_set

    def _due(self, stream: str, seq: int, state: str) -> bool:
        return stream not in self._at or self._state[stream] != state or seq - self._at[stream] >= EVERY

    def _put_set(self, scale_set: ScaleSet, stream: str, seq: int) -> None:
        self._connection.execute(
            "INSERT INTO scale_set(key, name, stream_seq, body) VALUES(?,?,?,?) ON CONFLICT(key) DO UPDATE "
            "SET name=excluded.name, stream_seq=excluded.stream_seq, body=excluded.body",
            (scale_set.key, scale_set.name, seq, dump(scale_set)),
        )
        self._undecided[stream] = (seq, "")

    def _put_upgrade(self, upgrade: Upgrade, stream: str, seq: int) -> None:
        assert upgrade.counted is None, f"members of {upgrade.id} would be lost"
        outcome = upgrade.outcome.value if upgrade.outcome else None
        self._connection.execute(
            "INSERT INTO upgrade(id, scale_set, state, outcome, stream_seq, body) VALUES(?,?,?,?,?,?) "
            "ON CONFLICT(id) DO UPDATE SET state=excluded.state, outcome=excluded.outcome, "
            "stream_seq=excluded.stream_seq, body=excluded.body",
            (upgrade.id, upgrade.scale_set, upgrade.state.value, outcome, seq, dump(upgrade)),
        )
        if outcome is not None:
            self._connection.execute(
                "INSERT INTO ended_upgrade(id, body) VALUES(?,?) ON CONFLICT(id) DO UPDATE SET body=excluded.body",
                (upgrade.id, dump(upgrade.without_members())),
            )
        self._undecided[stream] = (seq, upgrade.state.value)
