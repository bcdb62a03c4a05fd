"""The upgrade beside the heat map: batch track, counters, limits, clocks, blocked by. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.decide.choose_batch import choose_batch
from engine.decide.count_members import upgrade_overview
from engine.decide.judge_health import more_upgraded_stop_it, must_stop, shares_to_show, unhealthy_share, upgraded_share
from engine.model.counters import pending_word
from engine.model.numbers import more_stop
from engine.model.scale_set import ScaleSet
from engine.model.shares import Share
from engine.model.upgrade import AWAITING, Batch, MemberState, Now, Upgrade, UpgradeState
from tui.cells import first_lines, fit, width_of, wrap, wrap_code
from tui.clocks import short
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece
from tui.upgrade_words import batches, eta, waits_for

LABEL = 12


class Lines(Enum):
    """How many lines a text may take: that of what it waits for, and that of an error it ended in."""

    FEW = (2, 5)
    SOME = (3, 7)
    ALL = (12, 20)


@dataclass(frozen=True, slots=True)
class PanelView:
    """What the panel is drawn from; `width` in cells; few `lines` leave out what only gives air too."""

    scale_set: ScaleSet
    upgrade: Upgrade
    now: Now
    glyphs: Glyphs
    width: int
    lines: Lines = Lines.SOME


def panel_lines(view: PanelView) -> list[Line]:
    """The panel from top to bottom; `blocked by` comes first while it rolls, the error once it has ended in one."""
    upgrade = view.upgrade
    found = [*_waiting(view), *_counters(view), *_air(view), *_limits(view), *_air(view), _track(view)]
    found += [*_batch_now(view), *_batch_next(view)] if upgrade.live else []
    if upgrade.live and upgrade.pause_after_batch:
        found.append(_labelled("step", Piece("one batch, then paused", Meaning.PAUSED)))
    found += _clocks(view)
    return found


def _air(view: PanelView) -> list[Line]:
    return [] if view.lines is Lines.FEW else [()]


def _labelled(label: str, *pieces: Piece) -> Line:
    return (Piece(" " + fit(label, LABEL), Meaning.MUTED), *pieces)


def _wrapped(label: str, text: str, meaning: Meaning, width: int, *, most: int) -> list[Line]:
    lines = first_lines(text, width - LABEL - 2, most)
    return [_labelled(label if n == 0 else "", Piece(line, meaning)) for n, line in enumerate(lines)]


def _waiting(view: PanelView) -> list[Line]:
    upgrade = view.upgrade
    if not upgrade.live:
        return [*_ended_by(view, upgrade), *_air(view)] if upgrade.error is not None else []
    label, words = waits_for(upgrade, view.now)
    if not words:
        return []
    meaning, most = Meaning.PAUSED if upgrade.holds else Meaning.PROBING, view.lines.value[0]
    found = _wrapped(label, words, meaning, view.width, most=most)
    if upgrade.error is not None:
        found += _wrapped("notice", upgrade.error.message, Meaning.NOTICE, view.width, most=most)
    return [*found, *_air(view)]


def _ended_by(view: PanelView, upgrade: Upgrade) -> list[Line]:
    """The code on its own line, then what it says."""
    error = upgrade.error
    if error is None:
        return []
    code = [(Piece(f" {line}", Meaning.BAD),) for line in wrap_code(error.code, view.width - 2)]
    lines = first_lines(error.message, view.width - 3, view.lines.value[1])
    return [*code, *((Piece(f" {line}"),) for line in lines)]


def _counters(view: PanelView) -> list[Line]:
    seen = upgrade_overview(view.upgrade)
    counted, pending = seen.counters, seen.to_go
    back = sum(m.state is MemberState.ROLLED_BACK for m in view.upgrade.members.values())
    going_back = view.upgrade.goes_back
    # To Azure a member that is rolled back has failed. On a way back that somebody asked for it has not.
    failed = counted.failed - back if going_back else counted.failed
    four = (
        (counted.successful, "done", Meaning.GOOD),
        *(((back, "rolled back", Meaning.BACK),) if going_back else ()),
        (failed, "failed", Meaning.BAD if failed else Meaning.MUTED),
        (counted.in_progress, "in progress", Meaning.WORKING if counted.in_progress else Meaning.MUTED),
        (pending, pending_word(view.upgrade.takes_pending), _unless_none(pending)),
    )
    ours = (
        (0 if going_back else back, "of the failed rolled back"),
        (counted.already_current, "on target before"),
        (counted.protected, "protected"),
        (counted.held, "held"),
        (counted.skipped, "skipped"),
        (counted.gone, "gone"),
    )
    lines = _flow("instances", [Piece(f"{count:,} {word}", meaning) for count, word, meaning in four], view.width)
    beside = [Piece(f"{count:,} {word}", Meaning.MUTED) for count, word in ours if count]
    return lines + (_flow("", beside, view.width) if beside else [])


def _unless_none(count: int) -> Meaning:
    return Meaning.TEXT if count else Meaning.MUTED


def _flow(label: str, pieces: list[Piece], width: int) -> list[Line]:
    lines: list[Line] = []
    line = _labelled(label, pieces[0])
    for piece in pieces[1:]:
        if width_of(line) + len(piece.text) + 3 > width:
            lines.append(line)
            line = _labelled("", piece)
        else:
            line = (*line, Piece("   "), piece)
    return [*lines, line]


def _limits(view: PanelView) -> list[Line]:
    if view.upgrade.goes_back:
        share = unhealthy_share(view.scale_set, 100)
        sick = f"{share.bad:,} of {share.total:,}"
        meaning = Meaning.BAD if share.bad else Meaning.TEXT
        return [_labelled("unhealthy", Piece(sick, meaning), Piece("  no limit stops it", Meaning.MUTED))]
    shares, at_its_stop = shares_to_show(view.upgrade, view.scale_set)
    all_of_it, upgraded = shares.unhealthy, shares.upgraded
    if view.upgrade.live:
        ends = _gauge_end(view, all_of_it, all_of_it.more_stop_it), _gauge_end(view, upgraded, _more_upgraded(view))
    else:
        ends = _end_of_ended(all_of_it, at_its_stop), _end_of_ended(upgraded, at_its_stop)
    return [*_gauge(view, "unhealthy", all_of_it, ends[0]), *_gauge(view, "upgraded", upgraded, ends[1])]


def _end_of_ended(share: Share, at_its_stop: bool) -> tuple[str, Meaning]:
    if at_its_stop:
        return ("over: it stopped", Meaning.BAD) if share.exceeded else ("when it stopped", Meaning.MUTED)
    return ("over the limit now", Meaning.BAD) if share.exceeded else ("now", Meaning.MUTED)


def _more_upgraded(view: PanelView) -> int | None:
    """How many more stop it; those in progress may end well, and limits are judged when the batch ends."""
    if view.upgrade.open_batch is not None:
        return more_upgraded_stop_it(view.upgrade, view.scale_set)
    return upgraded_share(view.upgrade, view.scale_set).more_stop_it


def _gauge_end(view: PanelView, share: Share, more: int | None) -> tuple[str, Meaning]:
    if view.upgrade.faulting is not None:
        return ("over: it stops", Meaning.BAD) if share.exceeded else ("", Meaning.MUTED)
    if more == 0 and view.upgrade.open_batch is not None:
        sure = must_stop(view.upgrade)
        return "over: stops when the batch ends" if sure else "over: stops if still so at the batch's end", Meaning.BAD
    if more == 0:
        return "over the limit", Meaning.BAD
    if share.exceeded and more is not None:
        return f"over so far; {more_stop(more)}", Meaning.NOTICE
    if not share.total:
        return "none upgraded yet", Meaning.MUTED
    if more is None:
        return "never stops it", Meaning.MUTED
    return more_stop(more), Meaning.BAD if share.exceeded else Meaning.NOTICE if more <= 2 else Meaning.MUTED


def _gauge(view: PanelView, label: str, share: Share, end: tuple[str, Meaning]) -> list[Line]:
    """How much of a limit is used, and what that means: how many failures are left before it stops the upgrade."""
    glyphs = view.glyphs
    real = share.bad * 100 / share.total if share.total else 0.0
    used = min(1.0, real / share.limit_percent) if share.limit_percent else float(share.bad > 0)
    tail, end_meaning = end
    meaning = Meaning.BAD if share.exceeded else (Meaning.NOTICE if used >= 0.5 else Meaning.GOOD)
    text = f" {real:.1f} of {share.limit_percent} %" if real else f" 0 of {share.limit_percent} %"
    room = view.width - LABEL - 1
    on_one_line = len(text) + 2 + len(tail) + 5 <= room
    bar = max(5, min(20, room - len(text) - (2 + len(tail) if on_one_line else 0)))
    done, rest = glyphs.bar(used, bar)
    gauge = _labelled(label, Piece(done, meaning), Piece(rest, Meaning.FAINT), Piece(text, meaning))
    last = Piece(tail, end_meaning)
    return [(*gauge, Piece("  "), last)] if on_one_line else [gauge, _labelled("", last)]


def _track(view: PanelView) -> Line:
    """One glyph a batch: done, with failures, running, to come."""
    upgrade, glyphs = view.upgrade, view.glyphs
    number, total = batches(upgrade)
    stopped = upgrade.state in (UpgradeState.CANCELLED, UpgradeState.FAULTED) and upgrade_overview(upgrade).to_go > 0
    tail = f" {number}, then it stopped" if stopped else f" {number} of {total}"
    room = max(4, view.width - LABEL - 2 - len(tail))
    pieces: list[Piece] = []
    shown = upgrade.batches[-room:] if total <= room else upgrade.batches[-(room // 2) :]
    for batch in shown:
        if batch.ended_at is None:
            pieces.append(Piece(glyphs.pick("▶", ">"), Meaning.WORKING))
        elif batch.failed:
            pieces.append(Piece(glyphs.pick("✗", "X"), Meaning.BAD))
        else:
            pieces.append(Piece(glyphs.pick("■", "#"), Meaning.GOOD))
    to_come = min(total - number, room - len(shown))
    pieces.append(Piece(glyphs.pick("·", ".") * to_come, Meaning.WAITING))
    return _labelled("batches", *pieces, Piece(tail, Meaning.TEXT))


def _place(zone: str, update_domain: int | None) -> str:
    parts = ([f"UD{update_domain}"] if update_domain is not None else []) + ([f"zone {zone}"] if zone else [])
    return ", ".join(parts)


def _batch_now(view: PanelView) -> list[Line]:
    batch: Batch | None = view.upgrade.open_batch
    if batch is None:
        return []
    text = f"batch {batch.number}: {len(batch.members)} in {_place(batch.zone, batch.update_domain)}"
    return [_labelled("now", Piece(text), Piece(f"  {short(view.now.at - batch.began_at)}", Meaning.MUTED))]


def _batch_next(view: PanelView) -> list[Line]:
    if must_stop(view.upgrade):
        return [_labelled("next", Piece("none: it stops after this batch", Meaning.BAD))]
    if view.upgrade.cancelling:
        return [_labelled("next", Piece("none: it is being cancelled", Meaning.MUTED))]
    choice = choose_batch(view.upgrade, view.scale_set)
    if choice is None:
        return []
    number = len(view.upgrade.batches) + 1
    text = f"batch {number}: {len(choice.members)} in {_place(choice.zone, choice.update_domain)}"
    return [_labelled("next", Piece(text, Meaning.MUTED))]


def _clocks(view: PanelView) -> list[Line]:
    upgrade, now = view.upgrade, view.now
    settings = upgrade.settings
    found = []
    waiting = [m for m in upgrade.members.values() if m.state in AWAITING]
    if waiting:
        left = settings.health_window_s - (now.clock - min(m.since_clock for m in waiting))
        text = f"{short(left)} left of {short(settings.health_window_s)}"
        found.append(_labelled("health wait", Piece(text, Meaning.PROBING)))
    pause = settings.policy.pause_between_batches_s
    if pause and upgrade.live:
        left = upgrade.next_batch_clock - now.clock
        text = f"{short(left)} left of {short(pause)}" if left > 0 and upgrade.open_batch is None else short(pause)
        found.append(_labelled("batch pause", Piece(text)))
    expected = eta(upgrade.outlook, now)
    if expected and upgrade.live and not must_stop(upgrade):
        found.append(_labelled("ends in", Piece(expected)))
    took = short((upgrade.ended_at or now.at) - upgrade.started_at)
    by = f"{took}, by {upgrade.actor}" + (f": {upgrade.reason}" if upgrade.reason else "")
    found.append(_labelled("runs for" if upgrade.live else "took", Piece(fit(by, view.width - LABEL - 2).rstrip())))
    return found


def calm_lines(scale_set: ScaleSet, highest: str, width: int, *, live: bool) -> list[Line]:
    """What can be done where nothing was done yet, and what is wrong with the model; `highest` is published."""
    model = scale_set.model.image.version
    words = [f"{highest} is published; the model names {model}."] if highest and highest != model else []
    words += ["s plans an upgrade and starts it, P shows its plan only."] if live else ["p plays what was recorded."]
    told = (*scale_set.model.problems, *scale_set.warnings)
    return [
        (Piece(" It was never upgraded." if live else " No upgrade up to here.", Meaning.TITLE),),
        *((Piece(f" {line}", Meaning.MUTED),) for text in words for line in wrap(text, width - 2)),
        *((Piece(f" {line}", Meaning.NOTICE),) for text in told for line in wrap(text, width - 2)),
    ]
