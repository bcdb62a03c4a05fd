"""What the engine does while its store is in trouble: begin nothing, say why, go on once the cause is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from engine.model import events as e
from engine.model.errors import UnreachableError
from engine.model.upgrade import Hold, HoldKind, Now, Upgrade
from engine.runtime.turn import Turn
from engine.store.ballast import LOW_BYTES, Ballast
from engine.store.failures import EpochLostError, StoreCorruptError, StoreRefusedError, StoreUnsureError

_BY = "engine"
_MIB = 1024 * 1024


class StoreGuard:
    """Holds of the store's trouble. They are on every live upgrade: on disk when they can be, else in memory.

    `lost` is set when this engine must not write any more; then it stops.
    """

    def __init__(self, ballast: Ballast | None) -> None:
        self._ballast = ballast
        self._holds: dict[HoldKind, Hold] = {}
        self._failing = False
        self._checked = False
        self._defect = False
        self.lost: str | None = None

    @property
    def words(self) -> str | None:
        """The present trouble, None when there is none."""
        return self.lost or "; ".join(hold.reason for hold in self._holds.values()) or None

    @property
    def must_write(self) -> bool:
        """Whether a write is needed only to learn that writing works again."""
        return self._failing and self.lost is None

    # --- what happens to the store ----------------------------------------------------------------------------

    def failed(self, error: UnreachableError, now: Now) -> None:
        """A commit was refused: nothing of it is on disk."""
        if isinstance(error, EpochLostError | StoreUnsureError):
            self.lost = str(error)
            return
        if isinstance(error, StoreRefusedError):
            self._holds.setdefault(HoldKind.STORE_SUSPECT, Hold(HoldKind.STORE_SUSPECT, now.at, _BY, error.message))
            self._defect = True
            return
        self._failing = True
        suspect = isinstance(error, StoreCorruptError)
        kind = HoldKind.STORE_SUSPECT if suspect else HoldKind.STORE_NOT_WRITABLE
        self._holds.setdefault(kind, Hold(kind, now.at, _BY, error.message))
        if not suspect and self._ballast is not None:
            self._ballast.release()

    def written(self) -> None:
        """A commit is on disk."""
        self._failing = False

    def checked(self, trouble: str | None, now: Now) -> None:
        """The background checks of the database have ended: None when all is well."""
        self._checked = trouble is None
        if trouble is not None:
            kind = HoldKind.STORE_SUSPECT
            self._holds.setdefault(kind, Hold(kind, now.at, _BY, trouble))

    # --- what follows for upgrades ----------------------------------------------------------------------------

    def put_into(self, turn: Turn) -> None:
        """Raise holds that live upgrades do not have yet, and lift those whose cause is gone."""
        kind = HoldKind.STORE_NOT_WRITABLE
        live = [u for u in turn.state.upgrades.values() if u.live]
        written = not self._failing and all(kind in upgrade.holds for upgrade in live)
        if kind in self._holds and written and self._room():
            del self._holds[kind]
        for upgrade in live:
            turn.on_upgrade(upgrade.id, *self._changes(upgrade))

    def _room(self) -> bool:
        return self._ballast is None or self._ballast.keep()

    def _changes(self, upgrade: Upgrade) -> Iterator[e.Event]:
        for kind, hold in self._holds.items():
            if kind not in upgrade.holds:
                yield e.HoldRaised(hold)
        if HoldKind.STORE_NOT_WRITABLE in upgrade.holds and HoldKind.STORE_NOT_WRITABLE not in self._holds:
            yield e.HoldLifted(HoldKind.STORE_NOT_WRITABLE, _BY)
        suspect = HoldKind.STORE_SUSPECT
        if suspect in upgrade.holds and suspect not in self._holds and self._checked:
            yield e.HoldLifted(suspect, _BY)

    def shown(self, upgrade: Upgrade) -> Upgrade:
        """A live upgrade with the holds that could not be written yet."""
        missing = {kind: hold for kind, hold in self._holds.items() if kind not in upgrade.holds}
        return replace(upgrade, holds={**missing, **upgrade.holds}) if missing and upgrade.live else upgrade

    def refuse_start(self) -> None:
        """Raise UnreachableError while no new upgrade should depend on this store."""
        if self._holds:
            raise UnreachableError(
                next(iter(self._holds)).value,
                f"no upgrade can start now: {self.words}",
                "It can once `rollset doctor` shows no trouble.",
            )
        free = self._ballast.free_bytes() if self._ballast is not None else LOW_BYTES
        if free < LOW_BYTES:
            raise UnreachableError(
                HoldKind.STORE_NOT_WRITABLE,
                f"the state directory has {free // _MIB} MiB free; an upgrade needs {LOW_BYTES // _MIB} MiB.",
                "Free disk space, then start again.",
            )

    def check(self) -> dict[str, Any]:
        """A line for doctor."""
        words = self.words
        cure = "rollset engine status" if self.lost else "free disk space; the engine goes on by itself"
        if HoldKind.STORE_SUSPECT in self._holds:
            cure = "stop the engine, then restore the newest good backup: rollset restore FILE"
        if self._defect:
            cure = "write a report: rollset doctor --bundle; a new engine tries again: rollset engine stop"
        return {
            "name": "store",
            "ok": words is None,
            "words": words or "it can be written",
            "next_step": cure if words else "",
        }
