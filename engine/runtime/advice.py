"""What to do about an error code in a case: only what the commands would take now, and why not the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.decide.accept_command import accept_command, needs_new_upgrade
from engine.decide.take_up import take_up_retry, take_up_roll_back
from engine.model.code_catalogue import CodeEntry
from engine.model.commands import Command, Verb
from engine.model.errors import RollsetError
from engine.model.upgrade import FAILED_STATES, Upgrade
from engine.runtime.halting import refuse_while_halted

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

_COMMAND = re.compile(r"rollset (start|image exclude|rollback|retry|pause|resume|step|cancel|skip)\b")
_VERBS = {verb.value.lower(): verb for verb in Verb}


def advice_now(engine: Engine, entry: CodeEntry, upgrade: Upgrade) -> list[str]:
    """The entry's advice with the names of this upgrade, which has its members.

    What would be refused in the present state is left out; of an ended upgrade a last line says why.
    """
    failed = _failed(engine, upgrade)
    why_not: dict[str, list[str]] = {}

    def possible(clause: str) -> bool:
        found = _COMMAND.search(clause)
        why = _why_not(engine, upgrade, found[1], failed) if found is not None else None
        if found is not None and why:
            why_not.setdefault(why, []).append(found[1])
        return why is None

    lines: list[str] = []
    for line in entry.advice(upgrade.scale_set_name, failed or "ID", str(upgrade.target)):
        clauses = line.split("; ")
        kept = [clause for clause in clauses if possible(clause)]
        if kept:
            words = "; ".join(kept)
            lines.append(words[0].upper() + words[1:])
    told = why_not.items() if not upgrade.live else ()
    return lines + [f"Not now: {', '.join(dict.fromkeys(verbs))}: {why}" for why, verbs in told]


def _failed(engine: Engine, upgrade: Upgrade) -> str:
    """The first failed instance that is still there; empty for none."""
    scale_set = engine.state.scale_sets.get(upgrade.scale_set)
    failed = (m.instance_id for m in upgrade.members.values() if m.state in FAILED_STATES)
    return next((name for name in failed if scale_set is not None and name in scale_set.instances), "")


def _why_not(engine: Engine, upgrade: Upgrade, verb: str, failed: str) -> str | None:
    """Why the command would be refused now, or be about something else; None where it would be taken.

    Empty words: it would be taken, and change nothing.
    """
    if verb == "image exclude":
        image = engine.state.images.get(str(upgrade.target))
        return "" if image is None or image.excluded_from_latest else None
    scale_set = engine.state.scale_sets.get(upgrade.scale_set)
    if scale_set is None or scale_set.deleting or not upgrade.is_since(scale_set.created_clock):
        return f"that {upgrade.scale_set_name} was deleted"
    meant = engine.state.last_that_did(scale_set.key)
    if meant is not None and meant.id != upgrade.id:
        return f"{meant.id} to {meant.target.version} came after it, and is {meant.state.value}"
    try:
        if not upgrade.live:
            engine.guard.refuse_start()
            if scale_set.model.problems:
                return "; ".join(scale_set.model.problems)
        refuse_while_halted(engine, _VERBS[verb], scale_set, upgrade)
        _try(engine, upgrade, verb, failed)
    except RollsetError as error:
        return error.message
    return None


def _try(engine: Engine, upgrade: Upgrade, verb: str, failed: str) -> None:
    """Let the rules judge the command, and change nothing. Raises RefusedError."""
    if verb == "start":
        if upgrade.live:
            accept_command(upgrade, Command(Verb.START, ""), engine.clock.now())
        return
    scale_set = engine.state.scale_sets[upgrade.scale_set]
    named = (failed,) if failed and verb in ("retry", "skip") else ()
    command = Command(_VERBS[verb], "", "", named)
    if not needs_new_upgrade(upgrade, command.verb):
        accept_command(upgrade, command, engine.clock.now())
    elif command.verb is Verb.RETRY:
        take_up_retry(upgrade, engine.state.own_upgrades(scale_set.key), scale_set, named)
    else:
        take_up_roll_back(upgrade, engine.state.own_upgrades(scale_set.key), scale_set)
