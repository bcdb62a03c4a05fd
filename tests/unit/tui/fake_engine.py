"""A client that answers from prepared documents and remembers what was asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.model.errors import NotFoundError, RefusedError, RollsetError, UnreachableError

UPGRADE: dict[str, Any] = {
    "id": "u1",
    "scale_set": "/sets/web",
    "scale_set_name": "web",
    "state": "RollingForward",
    "azure_code": "RollingForward",
    "target": "contoso:web:stable:1.1.0",
    "previous": "contoso:web:stable:1.0.0",
    "counters": {
        "successful": 4,
        "failed": 0,
        "inProgress": 2,
        "pending": 4,
        "alreadyCurrent": 1,
        "protected": 0,
        "held": 1,
        "skipped": 0,
        "gone": 0,
    },
    "takes_pending": True,
    "total": 12,
    "percent": 40.0,
    "batch": 3,
    "batches": 5,
    "blocked_by": None,
    "error": None,
    "notice": None,
    "holds": [],
    "started_at": 1000.0,
    "ended_at": None,
    "started_by": "User",
    "actor": "ada",
    "reason": "",
    "version": 7,
    "members": [],
    "batch_list": [],
    "limits": {},
}
COMPLETED = UPGRADE | {"takes_pending": False, "state": "Completed", "ended_at": 1090.0, "percent": 100.0}
FAULTED = UPGRADE | {
    "takes_pending": False,
    "state": "Faulted",
    "ended_at": 1090.0,
    "error": {
        "code": "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade",
        "message": "50 % is more than the threshold of 20 %.",
        "target": None,
        "details": [
            {"code": "RollingUpgradeInstanceUnhealthyError", "target": "web/virtualMachines/3", "message": "503"}
        ],
    },
}
SET: dict[str, Any] = {
    "name": "web",
    "key": "/sets/web",
    "location": "westeurope",
    "fleet": "local",
    "capacity": 2,
    "instances": 2,
    "healthy": 2,
    "unhealthy": 0,
    "waiting": 0,
    "image": "contoso:web:stable:1.0.0",
    "versions": {"1.0.0": 2},
    "production": False,
    "warnings": [],
    "upgrade": None,
}


def event(seq: int, words: str, kind: str = "BatchBegan", stream: str = "upgrade/u1") -> dict[str, Any]:
    """An event line as it comes over the wire."""
    return {"seq": seq, "stream": stream, "type": kind, "at": 1000.0 + seq, "words": words, "body": {}}


class FakeEngine:
    """Implements EngineClient. `answers` maps a query or command to its answer, an error, or a list of them in turn."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.queries: list[tuple[str, dict[str, str]]] = []
        self.streams: list[tuple[int, str, bool]] = []
        self.answers: dict[str, Any] = {
            "engine": {"pid": 1, "head": 41},
            "status": NotFoundError("NotFound", "it was never upgraded."),
        }
        self.log: list[dict[str, Any] | BaseException] = []
        self.production = ""

    def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.commands.append((verb, {name: value for name, value in arguments.items() if name != "key"}))
        assert len(arguments["key"]) == 32
        if self.production and arguments.get("confirm") != self.production:
            raise RefusedError("ConfirmationNeeded", "web is tagged production.", "--confirm web")
        given: dict[str, Any] = self._answer(verb, {"upgrade": UPGRADE, "message": "done", "warnings": []})
        return given

    def query(self, what: str, arguments: dict[str, str]) -> dict[str, Any]:
        assert all(isinstance(value, str) for value in arguments.values())
        self.queries.append((what, arguments))
        given: dict[str, Any] = self._answer(what, None)
        return given

    def events(self, after: int, scope: str, follow: bool) -> Iterator[dict[str, Any]]:
        self.streams.append((after, scope, follow))
        if follow:
            yield {"head": after}
        while self.log:
            line = self.log.pop(0)
            if isinstance(line, BaseException):
                raise line
            yield line
        if follow:
            raise UnreachableError("EngineUnreachable", "the stream ended.")

    def recording(self, upgrade: str) -> list[bytes]:
        lines: list[bytes] = self._answer("recording", [[f'{{"upgrade":"{upgrade}"}}'.encode()]])
        return lines

    def _answer(self, what: str, default: Any) -> Any:
        answer = self.answers.get(what, default)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, RollsetError):
            raise answer
        return answer
