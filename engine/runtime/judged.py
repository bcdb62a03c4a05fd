"""A command's verdict: its idempotency key and its audit event, in one transaction with what the command did."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from engine.model import events as e
from engine.model.codes import ErrorCode
from engine.model.errors import ERRORS_BY_EXIT_CODE, InputError, NotFoundError, RollsetError
from engine.runtime import answers
from engine.runtime.arguments import Arguments, optional_text
from engine.runtime.decided import Answer
from engine.runtime.door import Caller
from engine.runtime.engine import Engine
from engine.runtime.found_before import found_before
from engine.runtime.turn import Turn
from engine.store.store import CommandRecord

ACCEPTED = "accepted"
_NOT_SHOWN = frozenset({"documents", "plan", "reason", "key", "seen_version"})
_SHOWN_CHARACTERS = 200
_REASON_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Judged:
    """A command on its way to its verdict. `shown` are its arguments as the audit keeps them."""

    key: str
    verb: str
    shown: dict[str, str]
    arguments: Arguments
    caller: Caller

    @staticmethod
    def of(verb: str, arguments: Arguments, caller: Caller) -> Judged:
        """Raises InputError for a key that is no text; a command without one gets its own."""
        key = optional_text(arguments, "key") or secrets.token_hex(12)
        shown = {k: str(v)[:_SHOWN_CHARACTERS] for k, v in arguments.items() if k not in _NOT_SHOWN}
        return Judged(key, verb, shown, arguments, caller)

    def repeated(self, engine: Engine) -> Answer | None:
        """The answer when this key was judged before, None for a new one.

        Raises the refusal again when it was refused, and InputError when the key belongs to another command.
        """
        found = engine.store.command_of(self.key)
        if found is None:
            return None
        if (found.verb, dict(found.body)) != (self.verb, self.shown):
            raise InputError(
                ErrorCode.INVALID_PARAMETER,
                f"key {self.key!r} was given to another command ({found.verb}) before.",
                "Give every command its own key.",
            )
        if found.verdict != ACCEPTED:
            raise _refusal(found.verdict)
        answer: Answer = {"message": "this command was carried out before", "repeated": True}
        try:
            last = engine.state.last_upgrade(engine.find_set(str(self.arguments.get("set"))).key)
        except NotFoundError:
            return answer
        return answer | ({"upgrade": answers.upgrade_summary(engine, last)} if last is not None else {})

    def commit(self, engine: Engine, turn: Turn, refusal: RollsetError | None) -> None:
        """Put the draft, the key and the verdict on disk together. Raises UnreachableError; then nothing is there."""
        turn.caused_by(self.key, self._event(engine, refusal))
        verdict = ACCEPTED if refusal is None else _as_text(refusal)
        engine.commit(turn, CommandRecord(self.key, self.verb, self.shown, self.caller.uid, verdict))

    def _event(self, engine: Engine, refusal: RollsetError | None) -> e.CommandJudged:
        given = self.arguments
        seen = given.get("seen_version")
        return e.CommandJudged(
            verb=self.verb,
            subject=_subject(given),
            actor=self.caller.user,
            claimed=dict(self.caller.claimed),
            reason=str(given.get("reason") or "")[:_REASON_CHARACTERS],
            arguments=self.shown,
            seen_version=seen if isinstance(seen, int) and not isinstance(seen, bool) else None,
            refusal=None if refusal is None else str(refusal),
            key=self.key,
            uid=self.caller.uid,
            role=str(self.caller.role or ""),
            login=self.caller.login or "",
            before=found_before(engine, self.verb, given),
        )


def _subject(arguments: Arguments) -> str:
    files = arguments.get("files")
    named = next((arguments[name] for name in ("set", "reference", "name", "file") if arguments.get(name)), None)
    return str(named or (", ".join(dict.fromkeys(map(str, files))) if isinstance(files, list) else ""))[
        :_SHOWN_CHARACTERS
    ]


def _as_text(error: RollsetError) -> str:
    return json.dumps(
        {"code": str(error.code), "message": error.message, "next": error.next_step, "exit": error.exit_code}
    )


def _refusal(verdict: str) -> RollsetError:
    found = json.loads(verdict)
    kind = ERRORS_BY_EXIT_CODE.get(found["exit"], RollsetError)
    return kind(found["code"], found["message"], found["next"])
