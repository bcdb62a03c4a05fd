"""The store: one transaction takes events, state rows, intents and outcomes, or none of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.model.effects import Effect, EffectOutcome
from engine.model.events import Event, Recorded
from engine.model.image import ImageVersion
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from engine.store import crash_points
from engine.store.event_rows import event_row, intent_row, recorded_of
from engine.store.failures import EpochLostError
from engine.store.state_rows import StateRows
from engine.store.writing import Writing
from engine.wire.state import dump, load


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """One command for the table of commands; `verdict` is `accepted` or the refusal as JSON text."""

    key: str
    verb: str
    body: Mapping[str, str]
    uid: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Retired:
    """An ended upgrade that leaves, with its effects."""

    upgrade: str
    effects: Sequence[str]


@dataclass(frozen=True, slots=True)
class Transaction:
    """Everything that becomes true together. `events` are (stream, event, actor, cause).

    `retired` upgrades leave with all their events; nothing else is ever taken out of the log.
    """

    events: Sequence[tuple[str, Event, str, str]]
    at: float
    clock: float
    scale_sets: Sequence[ScaleSet] = ()
    deleted_sets: Sequence[str] = ()
    upgrades: Sequence[Upgrade] = ()
    images: Sequence[ImageVersion] = ()
    intents: Sequence[Effect] = ()
    outcomes: Sequence[EffectOutcome] = ()
    retired: Sequence[Retired] = ()
    command: CommandRecord | None = None


@dataclass(frozen=True, slots=True)
class EpochStart:
    """`away_s` since the last engine was seen; `clean` whether that one stopped in order.

    `back_s`: by how much the wall clock is behind the one that engine read last.
    """

    epoch: int
    clock: float
    away_s: float
    clean: bool
    back_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredState:
    """`open_effects`: effects begun and not settled."""

    scale_sets: list[ScaleSet]
    upgrades: list[Upgrade]
    images: list[ImageVersion]
    open_effects: list[Effect]
    head: int = 0
    streams: dict[str, int] = field(default_factory=dict)


class Store:
    """All writing goes through `commit`, in one thread. Reads see what is committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._epoch = 0
        self._rows = StateRows(self._connection)
        self._head: int = self._one("SELECT coalesce(max(seq), 0) FROM event")
        self._streams: dict[str, int] = dict(
            self._connection.execute("SELECT stream, max(stream_seq) FROM event GROUP BY stream").fetchall()
        )

    def _one(self, sql: str, *values: Any) -> Any:
        row = self._connection.execute(sql, values).fetchone()
        return row[0] if row is not None else None

    def begin_epoch(self, pid: int, version: str, at: float, *, above: int = 0) -> EpochStart:
        """Take the store over: the epoch goes up, and writes of any earlier engine are refused from now on.

        It is higher than `above`, too: what instances have obeyed that another database knew.
        """
        with Writing(self._connection):
            row = self._connection.execute("SELECT epoch, clock, seen_at, clean FROM engine").fetchone()
            epoch, clock, seen, clean = row if row is not None else (0, 0.0, at, 1)
            epoch = max(epoch, above)
            self._connection.execute(
                "INSERT INTO engine(one, epoch, pid, version, started_at, seen_at, clock, clean) "
                "VALUES(1,?,?,?,?,?,?,0) "
                "ON CONFLICT(one) DO UPDATE SET epoch=excluded.epoch, pid=excluded.pid, version=excluded.version, "
                "started_at=excluded.started_at, seen_at=excluded.seen_at, clean=0",
                (epoch + 1, pid, version, at, at, clock),
            )
        self._epoch = epoch + 1
        return EpochStart(self._epoch, clock, max(0.0, at - seen), bool(clean), max(0.0, seen - at))

    def commit(self, transaction: Transaction) -> list[Recorded]:
        """Put a transaction on disk; what it returns is durable.

        Raises EpochLostError, StoreNotWritableError or StoreCorruptError; then nothing of it is there. After
        StoreUnsureError only a new start can tell.
        """
        recorded = self._number(transaction)
        crash_points.reached("before_commit")
        with Writing(self._connection):
            self._check_epoch()
            self._write(transaction, recorded)
            crash_points.reached("in_commit")
        crash_points.reached("after_commit")
        gone_streams = [f"scale_set/{key}" for key in transaction.deleted_sets]
        gone_streams += [f"upgrade/{gone.upgrade}" for gone in transaction.retired]
        self._rows.committed(transaction.scale_sets, transaction.upgrades, gone_streams)
        for gone in transaction.retired:
            self._streams.pop(f"upgrade/{gone.upgrade}", None)
        for item in recorded:
            self._streams[item.stream] = item.stream_seq
            self._head = item.seq
        return recorded

    def _check_epoch(self) -> None:
        now = self._one("SELECT epoch FROM engine")
        if now != self._epoch:
            raise EpochLostError(self._epoch, now)

    def touch(self, at: float, clock: float) -> None:
        """Write nothing but that this engine is here; raises as `commit` does while the store cannot be written."""
        with Writing(self._connection):
            self._check_epoch()
            self._connection.execute("UPDATE engine SET seen_at=?, clock=?", (at, clock))

    def _number(self, transaction: Transaction) -> list[Recorded]:
        streams: dict[str, int] = {}
        recorded = []
        for offset, (stream, event, actor, cause) in enumerate(transaction.events, start=1):
            streams[stream] = streams.get(stream, self._streams.get(stream, 0)) + 1
            recorded.append(
                Recorded(
                    self._head + offset,
                    stream,
                    streams[stream],
                    transaction.at,
                    transaction.clock,
                    self._epoch,
                    actor,
                    cause,
                    event,
                )
            )
        return recorded

    def _write(self, transaction: Transaction, recorded: list[Recorded]) -> None:
        run, many = self._connection.execute, self._connection.executemany
        run("UPDATE engine SET seen_at=?, clock=?", (transaction.at, transaction.clock))
        many("INSERT INTO event VALUES(?,?,?,?,?,?,?,?,?,?,?)", [event_row(r) for r in recorded])
        streams = self._streams | {r.stream: r.stream_seq for r in recorded}
        self._rows.write(transaction.scale_sets, transaction.upgrades, streams, all_of_them=False)
        many("DELETE FROM scale_set WHERE key=?", [(key,) for key in transaction.deleted_sets])
        many(
            "INSERT INTO image VALUES(?,?) ON CONFLICT(reference) DO UPDATE SET body=excluded.body",
            [(str(i.reference), dump(i)) for i in transaction.images],
        )
        many(
            "UPDATE effect SET outcome=?, outcome_body=?, ended_at=? WHERE id=?",
            [(o.kind.value, dump(o), transaction.at, o.effect_id) for o in transaction.outcomes],
        )
        many(
            "INSERT INTO effect(id, operation, scale_set, instance_id, kind, attempt, epoch, intended_at, body) "
            "VALUES(?,?,?,?,?,?,?,?,?)",
            [intent_row(effect, self._epoch, transaction.at) for effect in transaction.intents],
        )
        if transaction.retired:
            self._rows.retire({gone.upgrade: gone.effects for gone in transaction.retired})
        command = transaction.command
        if command is not None:
            body = json.dumps(dict(command.body))
            row = (command.key, transaction.at, command.verb, body, command.uid, command.verdict)
            run("INSERT INTO command VALUES(?,?,?,?,?,?)", row)

    def count_scale_sets(self) -> int:
        """How many there are to load."""
        return int(self._one("SELECT count(*) FROM scale_set"))

    def load_state(self, lately: int | None = None) -> StoredState:
        """Everything there is; with `lately`, of each set only so many ended upgrades have their members."""
        rows = self._connection.execute
        return StoredState(
            self._rows.scale_sets(self._events_of),
            self._rows.upgrades(self._events_of, self._streams, lately),
            [load(ImageVersion, body) for (body,) in rows("SELECT body FROM image")],
            [load(Effect, body) for (body,) in rows("SELECT body FROM effect WHERE outcome IS NULL")],
            self._head,
            dict(self._streams),
        )

    def upgrade(self, upgrade_id: str) -> Upgrade:
        """An ended upgrade with its members, which `load_state` may have left aside."""
        return self._rows.upgrade(upgrade_id)

    def _events_of(self, stream: str, after: int) -> list[Recorded]:
        sql = "SELECT * FROM event WHERE stream = ? AND stream_seq > ? ORDER BY stream_seq"
        return [recorded_of(row) for row in self._connection.execute(sql, (stream, after))]

    def events(
        self, after: int = 0, limit: int = 1000, *, streams: Sequence[str] = (), prefix: str = ""
    ) -> list[Recorded]:
        """Events with a greater seq than `after`, oldest first; of the streams named, or of those that begin so."""
        where, values = "seq > ?", [after]
        conditions: list[Any] = list(values)
        if streams:
            where += f" AND stream IN ({','.join('?' * len(streams))})"
            conditions += list(streams)
        if prefix:
            where += " AND stream >= ? AND stream < ?"
            conditions += [prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)]
        sql = f"SELECT * FROM event WHERE {where} ORDER BY seq LIMIT ?"  # noqa: S608 - placeholders only
        return [recorded_of(row) for row in self._connection.execute(sql, [*conditions, limit])]

    def has_stream(self, stream: str) -> bool:
        """Whether anything was ever written to a stream."""
        return stream in self._streams

    def last_clock(self, stream: str, kind: str) -> float | None:
        """The observed seconds of the last event of a type in a stream; None when there is none."""
        found: float | None = self._one("SELECT max(clock) FROM event WHERE stream=? AND type=?", stream, kind)
        return found

    def span_of(self, stream: str) -> tuple[int, int]:
        """The first and the last seq of a stream that has events."""
        sql = "SELECT min(seq), max(seq) FROM event WHERE stream=?"
        first, last = self._connection.execute(sql, (stream,)).fetchone()
        return int(first), int(last)

    def last_events(
        self,
        seq: int,
        limit: int,
        *,
        streams: Sequence[str] = (),
        types: Sequence[str] = (),
        holding: str = "",
        without: Sequence[str] = (),
    ) -> list[Recorded]:
        """The last `limit` events up to `seq`, oldest first; of the streams and types named, or of all.

        `holding` keeps those whose body has this text in it, `without` leaves types out.
        """
        where = "seq <= ?"
        conditions: list[Any] = [seq]
        if streams:
            where += f" AND stream IN ({','.join('?' * len(streams))})"
            conditions += list(streams)
        if types:
            where += f" AND type IN ({','.join('?' * len(types))})"
            conditions += list(types)
        if without:
            where += f" AND type NOT IN ({','.join('?' * len(without))})"
            conditions += list(without)
        if holding:
            where += " AND instr(body, ?) > 0"
            conditions.append(holding)
        sql = f"SELECT * FROM event WHERE {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608 - placeholders only
        return [recorded_of(row) for row in self._connection.execute(sql, [*conditions, limit])][::-1]

    def command_of(self, key: str) -> CommandRecord | None:
        """The command that was judged under this idempotency key, if one was."""
        sql = "SELECT key, verb, body, uid, verdict FROM command WHERE key=?"
        row = self._connection.execute(sql, (key,)).fetchone()
        return CommandRecord(row[0], row[1], json.loads(row[2]), row[3], row[4]) if row is not None else None

    def stream_as_stored(self, stream: str, *, last: bool = False) -> Iterator[tuple[Any, ...]]:
        """(stream_seq, type, at, clock, epoch, actor, cause, body) of a stream's events, bodies byte for byte.

        Oldest first, or only the last one.
        """
        order = "DESC LIMIT 1" if last else ""
        sql = (
            "SELECT stream_seq, type, at, clock, epoch, actor, cause, body FROM event WHERE stream=? "  # noqa: S608
            f"ORDER BY stream_seq {order}"
        )
        yield from self._connection.execute(sql, (stream,))

    def mark_stopped(self, clock: float, clean: bool) -> None:
        """The engine stops; `clean` says nothing was cut. Raises as `commit` does."""
        sets, upgrades = self._rows.behind()
        with Writing(self._connection):
            self._check_epoch()
            self._rows.write(sets, upgrades, self._streams, all_of_them=True)
            self._connection.execute(
                "UPDATE engine SET clean=?, clock=? WHERE epoch=?", (int(clean), clock, self._epoch)
            )
        self._rows.committed((), (), ())

    @property
    def head(self) -> int:
        """The seq of the last event; 0 before the first."""
        return self._head

    @property
    def path(self) -> Path:
        """The database's file."""
        return Path(self._one("SELECT file FROM pragma_database_list WHERE name='main'"))

    def close(self) -> None:
        self._connection.close()
