"""Explain an error code, or what happened to an upgrade: the numbers, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.model.code_catalogue import CATALOGUE, find_codes
from engine.model.codes import ErrorCode
from engine.model.errors import NotFoundError
from engine.model.upgrade import FAILED_STATES, MemberState, Upgrade

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

Answer = dict[str, Any]
MOST_DETAILS = 20


def explain(engine: Engine, what: str) -> Answer:
    """The words for an upgrade id, a scale set's name, or the beginning of a code in any case. Raises NotFoundError."""
    upgrade = engine.state.upgrades.get(what) or _last_of(engine, what)
    if upgrade is not None:
        return _explain_upgrade(upgrade)
    found = find_codes(what)
    if not found:
        raise NotFoundError(
            ErrorCode.NOT_FOUND,
            f"{what!r} is neither an upgrade, a scale set nor the beginning of an error code.",
            "Codes: " + ", ".join(sorted(code.value for code in CATALOGUE)),
        )
    if len(found) > 1:
        return {"title": f"{len(found)} codes begin so", "words": [f.code.value for f in found], "codes": _names(found)}
    entry = found[0]
    words = [entry.meaning, *(f"- {line}" for line in entry.what_to_do), f"Source: {entry.source}"]
    return {"title": f"{entry.code.value}: {entry.title}", "words": words, "codes": _names(found)}


def _names(found: list[Any]) -> list[str]:
    return [entry.code.value for entry in found]


def _last_of(engine: Engine, name: str) -> Upgrade | None:
    key = name.lower()
    for scale_set in engine.state.scale_sets.values():
        if key in (scale_set.key, scale_set.name.lower()):
            return engine.state.last_upgrade(scale_set.key)
    return None


def _explain_upgrade(upgrade: Upgrade) -> Answer:
    members = upgrade.members.values()
    restored = sum(m.state is MemberState.ROLLED_BACK for m in members)
    failed = sum(m.state in FAILED_STATES for m in members)
    words = [
        f"{upgrade.scale_set_name}: {upgrade.previous_image.version} to {upgrade.target.version}, "
        f"started by {upgrade.actor}, {len(upgrade.batches)} batches began.",
        f"{sum(m.state is MemberState.SUCCEEDED for m in members)} instances succeeded, {failed} failed, "
        f"{restored} of them are back on their previous disk.",
    ]
    codes = []
    if upgrade.error is not None:
        codes.append(str(upgrade.error.code))
        words.append(f"{upgrade.error.code}: {upgrade.error.message}")
        words += [f"  {d.target}: {d.message}" for d in upgrade.error.details[:MOST_DETAILS]]
        if len(upgrade.error.details) > MOST_DETAILS:
            words.append(f"  and {len(upgrade.error.details) - MOST_DETAILS} more")
        entry = next((CATALOGUE[c] for c in CATALOGUE if c.value == upgrade.error.code), None)
        words += [f"- {line}" for line in entry.what_to_do] if entry is not None else []
    return {"title": f"{upgrade.id} is {upgrade.state.value}", "words": words, "codes": codes}
