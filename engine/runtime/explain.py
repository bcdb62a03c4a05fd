"""Explain an error code, a reason to wait, or what happened to an upgrade: the numbers, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.arm.times import format_time
from engine.decide.blocked_by import member_blocked_by, upgrade_blocked_by
from engine.decide.count_members import upgrade_overview
from engine.decide.judge_health import (
    both_shares,
    more_upgraded_stop_it,
    shares_to_show,
    unhealthy_share,
    unhealthy_verdict,
    upgraded_verdict,
)
from engine.model.code_catalogue import CATALOGUE, CodeEntry, find_codes
from engine.model.codes import ApiError, ErrorCode
from engine.model.counters import pending_word
from engine.model.errors import NotFoundError
from engine.model.halt import WAY_OUT
from engine.model.numbers import many, more_stop
from engine.model.overview import UpgradeOverview
from engine.model.scale_set import ScaleSet
from engine.model.shares import Share
from engine.model.upgrade import Direction, HoldKind, Member, MemberState, Now, Upgrade
from engine.model.waits import WAITS, WaitEntry, WaitKind, find_waits
from engine.runtime import answers
from engine.runtime.advice import advice_now
from engine.runtime.find_upgrade import find_upgrade, upgrades_named
from engine.runtime.set_aside import with_members

if TYPE_CHECKING:
    from engine.runtime.engine import Engine

Answer = dict[str, Any]
MOST_DETAILS = 20
MOST_CASES = 3


def explain(engine: Engine, what: str) -> Answer:
    """The words for an upgrade's id or its beginning, a scale set's name, or how a code or kind begins, in any case.

    Raises NotFoundError.
    """
    upgrade = engine.state.upgrades.get(what) or _last_of(engine, what)
    if upgrade is not None:
        return _explain_upgrade(engine, upgrade)
    codes, waits = find_codes(what), find_waits(what)
    if codes or waits:
        return _explain_names(engine, codes, waits)
    if any(what.lower() in (s.key, s.name.lower()) for s in engine.state.scale_sets.values()):
        raise NotFoundError(ErrorCode.NOT_FOUND, f"{what} was never upgraded.", f"Look at a plan: rollset plan {what}")
    if upgrades_named(engine.state, what):
        return _explain_upgrade(engine, find_upgrade(engine.state, what))
    raise NotFoundError(
        ErrorCode.NOT_FOUND,
        f"{what!r} is neither an upgrade, a scale set nor the beginning of an error code or of a reason to wait.",
        f"Codes: {', '.join(sorted(code.value for code in CATALOGUE))}. Reasons to wait: {', '.join(sorted(WAITS))}",
    )


def _explain_names(engine: Engine, codes: Sequence[CodeEntry], waits: Sequence[WaitEntry]) -> Answer:
    """One code or kind in full; of several their titles. A name that is given in full means itself alone."""
    titles = {entry.code.value: entry.title for entry in codes} | {entry.kind.value: entry.title for entry in waits}
    if len(titles) > 1:
        words = [f"{name}: {title}" for name, title in titles.items()]
        kinds = "codes" if not waits else "reasons to wait" if not codes else "codes and reasons to wait"
        return {"title": f"{len(titles)} {kinds} begin so", "words": words, "codes": list(titles)}
    ((name, title),) = titles.items()
    words = _explain_code(engine, codes[0]) if codes else _explain_wait(engine, waits[0])
    return {"title": f"{name}: {title}", "words": words, "codes": [name]}


def _explain_wait(engine: Engine, entry: WaitEntry) -> list[str]:
    advice = [f"- {line}" for line in entry.what_to_do]
    now = _waiting_now(engine, entry.kind.value)
    return [*_halt_words(engine), entry.meaning, f"What ends it: {entry.ends}", *advice, *now]


def _halt_words(engine: Engine) -> list[str]:
    """While everything is halted: that it is, and what lifts it, since what goes on forward is refused until then."""
    halt = engine.state.halt
    return [f"Everything is {halt.words}: no upgrade begins or goes on forward.", f"- {WAY_OUT}"] if halt else []


def _waiting_now(engine: Engine, kind: str) -> list[str]:
    """The live upgrades that wait for it, and the instances where it is about them alone."""
    found, now = [], engine.clock.now()
    for upgrade in map(engine.guard.shown, engine.state.upgrades.values()):
        scale_set = engine.state.scale_sets.get(upgrade.scale_set)
        blocked = upgrade_blocked_by(upgrade, scale_set, now) if scale_set is not None else None
        if blocked is not None and blocked.kind == kind:
            found.append(f"Here: {upgrade.id} of {upgrade.scale_set_name}: {blocked.words}")
            continue
        waiting = [m.instance_id for m in upgrade.members.values() if _waits_for(upgrade, m, now, kind)]
        if waiting:
            few = ", ".join(waiting[:MOST_DETAILS]) + (" and more" if len(waiting) > MOST_DETAILS else "")
            found.append(f"Here: {many(len(waiting), 'instance')} of {upgrade.id}, {upgrade.scale_set_name}: {few}")
    return found or ["Here: no upgrade waits for it now."]


def _waits_for(upgrade: Upgrade, member: Member, now: Now, kind: str) -> bool:
    blocked = member_blocked_by(upgrade, member, now)
    return blocked is not None and blocked.kind == kind


def _explain_code(engine: Engine, entry: CodeEntry) -> list[str]:
    message = [f"Azure says: {entry.message}"] if entry.message else []
    cases = [u for u in engine.state.upgrades.values() if entry.code.value in _codes_of(u)]
    cases.sort(key=lambda u: u.started_at, reverse=True)
    here = [f"Here: {_case(u)}" for u in cases[:MOST_CASES]]
    if len(cases) > MOST_CASES:
        here.append(f"Here: and {len(cases) - MOST_CASES} upgrades before")
    told = advice_now(engine, entry, with_members(engine.store, cases[0])) if cases else entry.advice()
    advice = [f"- {line}" for line in told]
    return [entry.meaning, *message, *advice, *here, f"Source: {entry.source}"]


def _codes_of(upgrade: Upgrade) -> set[str]:
    error = upgrade.faulting or upgrade.error
    return {str(error.code), *(str(d.code) for d in error.details)} if error is not None else set()


def _case(upgrade: Upgrade) -> str:
    when = (format_time(upgrade.ended_at or upgrade.started_at) or "")[:16].replace("T", " ")
    seen = upgrade_overview(upgrade)
    return (
        f"{upgrade.id} to {upgrade.target.version} is {upgrade.state.value} ({when} UTC): {seen.counters.successful} "
        f"succeeded, {_failed_words(seen)}; rollset explain {upgrade.id}"
    )


def _last_of(engine: Engine, name: str) -> Upgrade | None:
    """Raises NotFoundError for a name that several sets have."""
    key = name.lower()
    if not any(key in (s.key, s.name.lower()) for s in engine.state.scale_sets.values()):
        return None
    return engine.state.last_upgrade(engine.find_set(name).key)


def _explain_upgrade(engine: Engine, upgrade: Upgrade) -> Answer:
    upgrade = with_members(engine.store, upgrade)
    scale_set = engine.state.scale_sets.get(upgrade.scale_set)
    error = upgrade.faulting or upgrade.error
    words = [*_what_happened(upgrade), *(_numbers(upgrade, scale_set) if scale_set is not None else [])]
    if upgrade.live and scale_set is not None:
        blocked = upgrade_blocked_by(upgrade, scale_set, engine.clock.now())
        if blocked is not None:
            held = blocked.kind == HoldKind.OPERATOR
            words.append(f"It is {blocked.words}" if held else f"It waits for: {blocked.words}")
            words += _release_words(upgrade) if blocked.kind is WaitKind.INSTANCES_HELD else []
            words.append(f"- What that means, and what ends it: rollset explain {blocked.kind.value}")
    words += _halt_words(engine)
    if error is not None:
        words += _error_words(error)
        entry = next((CATALOGUE[c] for c in CATALOGUE if c.value == error.code), None)
        words += [f"- {line}" for line in advice_now(engine, entry, upgrade)] if entry is not None else []
    if upgrade.live and upgrade.goes_back:
        words.append(f"It goes back to {upgrade.previous_image.version}: no limit stops that.")
    if upgrade.live and upgrade.pause_after_batch:
        words.append("One batch, then it pauses: a step asked for that.")
    if (before := answers.before_nothing(engine, upgrade)) is not None:
        words.append(f"Nothing was to be done. Before it {_case(before)}; rollback and retry are about that one.")
    good, named = (scale_set.good_version, scale_set.model.image.version) if scale_set is not None else (None, "")
    if not upgrade.live and good not in (None, named):
        words.append(f"New instances of {upgrade.scale_set_name} take {good}, not {named}.")
    codes = [str(error.code)] if error is not None else []
    return {"title": f"{upgrade.id} is {upgrade.state.value}", "words": words, "codes": codes}


def _what_happened(upgrade: Upgrade) -> list[str]:
    members = upgrade.members.values()
    seen = upgrade_overview(upgrade)
    counters = seen.counters
    restored = sum(m.state is MemberState.ROLLED_BACK for m in members)
    began = len(upgrade.batches)
    back = f"{upgrade.roll_back_words}, " if upgrade.roll_back_words else ""
    left_out = {
        "already on the target": counters.already_current,
        "protected": counters.protected,
        "held": counters.held,
        "skipped": counters.skipped,
        "gone": counters.gone,
    }
    aside = ", ".join(f"{count} {words}" for words, count in left_out.items() if count)
    return [
        f"{upgrade.scale_set_name}: {upgrade.previous_image.version} to {upgrade.target.version}, {back}started by "
        f"{upgrade.actor}{f' ({upgrade.reason})' if upgrade.reason else ''}, "
        f"{many(began, 'batch')} began.",
        (
            _before_the_first(upgrade, seen.to_go)
            or f"{many(counters.successful, 'instance')} succeeded, {_failed_words(seen)}"
            + (f" ({restored} of them back on their previous disk)" if restored and not upgrade.goes_back else "")
            + f", {counters.in_progress} in progress, {counters.pending} {pending_word(upgrade.takes_pending)}"
        )
        + (f"; left out: {aside}." if aside else "."),
    ]


def _release_words(upgrade: Upgrade) -> list[str]:
    """The commands that end a wait for held instances, for the first few of them."""
    name = upgrade.scale_set_name
    held = [m.instance_id for m in upgrade.held()[:MOST_CASES]]
    return [f"- rollset release {name} {i}, or end without it: rollset skip {name} {i}" for i in held]


def _failed_words(seen: UpgradeOverview) -> str:
    """To Azure a member that is rolled back has failed; on a way back that somebody asked for it has not."""
    back, failed = seen.rolled_back, seen.counters.failed
    return f"{back} rolled back, {failed - back} failed" if seen.upgrade.goes_back else f"{failed} failed"


def _before_the_first(upgrade: Upgrade, untouched: int) -> str:
    """Where no batch began: whom it was about; Azure's four counters are zero then."""
    if upgrade.batches or not untouched:
        return ""
    if upgrade.live:
        return f"Nothing was touched yet: {many(untouched, 'instance')} to upgrade"
    return f"It ended before the first batch: none of the {many(untouched, 'instance')} to upgrade was touched"


def _numbers(upgrade: Upgrade, scale_set: ScaleSet) -> list[str]:
    if upgrade.direction is Direction.BACK:
        now = unhealthy_share(scale_set, 100)
        return [f"unhealthy of the whole set now: {now.bad} of {now.total}; no limit of them stops a rollback."]
    shares, at_its_stop = shares_to_show(upgrade, scale_set)
    if upgrade.live:
        more, verdict = more_upgraded_stop_it(upgrade, scale_set), unhealthy_verdict(upgrade, scale_set)
        of_all = _what_it_means(shares.unhealthy, shares.unhealthy.more_stop_it, verdict)
        of_upgraded = _what_it_means(shares.upgraded, more, upgraded_verdict(upgrade, scale_set))
    elif at_its_stop:
        present = both_shares(upgrade, scale_set)
        of_all = f"; now it is {present.unhealthy.bad} of {present.unhealthy.total}"
        of_upgraded = f"; now it is {present.upgraded.bad} of {present.upgraded.total}"
    else:
        of_all = of_upgraded = ""
    when = "when it stopped" if at_its_stop else "now"
    return [
        _share_words(f"unhealthy of the whole set {when}", shares.unhealthy, of_all),
        _share_words(f"unhealthy of those upgraded {when}", shares.upgraded, of_upgraded),
    ]


def _what_it_means(share: Share, more: int | None, verdict: str) -> str:
    if share.exceeded:
        return f"; it {verdict}"
    return f"; {more_stop(more)}" if more is not None else "; no number of them stops it"


def _share_words(words: str, share: Share, stops: str) -> str:
    return f"{words}: {share.bad} of {share.total} ({share.percent} %), the limit is {share.limit_percent} %{stops}."


def _error_words(error: ApiError) -> list[str]:
    words = [f"{error.code}: {error.message}"]
    words += [f"  {d.target}: {d.message}" for d in error.details[:MOST_DETAILS]]
    if len(error.details) > MOST_DETAILS:
        words.append(f"  and {len(error.details) - MOST_DETAILS} more")
    return words
