"""One instance, drawn: disks, health, extensions, last error; and what happened to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.model.numbers import many
from engine.model.overview import UpgradeOverview
from engine.model.scale_set import ExtensionResult, Instance, ScaleSet
from engine.model.upgrade import Member, Now, Upgrade
from tui.cells import fit, wrap
from tui.clocks import Clocks, short
from tui.glyphs import HEALTH_SIGNS, Glyphs, member_sign, upgrade_sign
from tui.palette import Line, Meaning, Piece
from tui.scene import FeedLine
from tui.screens.list_screen import labelled
from tui.screens.set_pages import health_words, is_back

LABEL = 13
TAIL_LINES = 12


@dataclass(frozen=True, slots=True)
class InstanceView:
    """What the page is drawn from; `member` is its place in `upgrade`, the live or last one of the set."""

    scale_set: ScaleSet
    instance: Instance
    upgrade: Upgrade | None
    member: Member | None
    now: Now
    clocks: Clocks
    glyphs: Glyphs
    width: int


def fact_lines(view: InstanceView) -> list[Line]:
    """All that is known of it now, most urgent first."""
    return [*_state(view), *_error(view), (), *_health(view), (), *_disks(view), (), *_extensions(view), *_place(view)]


def _row(view: InstanceView, label: str, text: str, meaning: Meaning = Meaning.TEXT) -> list[Line]:
    return labelled(label, text, view.width, meaning, label_width=LABEL)


def _state(view: InstanceView) -> list[Line]:
    instance, member, upgrade = view.instance, view.member, view.upgrade
    found: list[Line] = []
    if member is not None and upgrade is not None:
        sign = member_sign(member, upgrade)
        since = f", {short(view.now.at - member.since_at)}" if member.since_at and upgrade.live else ""
        batch = f", batch {member.batch}" if member.batch is not None else ""
        words = f"{view.glyphs.of(sign)} {sign.word}{since}{batch or ' in'}{' of' if batch else ''} {upgrade.id}"
        found += _row(view, "in upgrade", words, sign.meaning)
        if member.left_out is not None:
            found += _row(view, "left out", member.left_out_reason or member.left_out.value, Meaning.OUT)
        if member.attempt > 1 or member.restore_attempt:
            found += _row(
                view, "attempts", f"{member.attempt}, {many(member.restore_attempt, 'restore')}", Meaning.MUTED
            )
    else:
        found += _row(view, "in upgrade", "in none yet", Meaning.MUTED)
    if instance.hold is not None:
        until = f" until {view.clocks.moment(instance.hold.until_at)}" if instance.hold.until_at else ""
        words = f"by {instance.hold.by}{until}: {instance.hold.reason}"
        found += _row(view, "held", words, Meaning.PAUSED)
    if instance.protected_from_actions or instance.protected_from_scale_in:
        kinds = ("from upgrades", instance.protected_from_actions), ("from scale-in", instance.protected_from_scale_in)
        found += _row(view, "protected", " and ".join(words for words, on in kinds if on), Meaning.OUT)
    if not instance.running:
        found += _row(view, "power", "not running", Meaning.BAD)
    return found


def _error(view: InstanceView) -> list[Line]:
    error = view.member.error if view.member is not None else None
    if error is None:
        return []
    found: list[Line] = [(), (Piece(" Last error", Meaning.TITLE),), (Piece(f" {error.code}", Meaning.BAD),)]
    return found + [(Piece(f" {line}", Meaning.TEXT),) for line in wrap(error.message, view.width - 2)]


def _health(view: InstanceView) -> list[Line]:
    instance, source = view.instance, view.scale_set.model.health
    sign = HEALTH_SIGNS[instance.health]
    since = f" since {view.clocks.time(instance.health_since_at)}" if instance.health_since_at else ""
    age = f", {short(view.now.at - instance.health_since_at)}" if instance.health_since_at else ""
    found = _row(view, "health", f"{view.glyphs.of(sign)} {sign.word}{since}{age}", sign.meaning)
    if instance.health_detail:
        found += _row(view, "last sample", instance.health_detail)
    if source is not None:
        found += _row(view, "asked by", health_words(source), Meaning.MUTED)
    return found


def _disks(view: InstanceView) -> list[Line]:
    instance = view.instance
    latest = "" if instance.latest_model_applied else ", not what the model asks for"
    found = _row(view, "image", f"{instance.image}{latest}", Meaning.TITLE)
    found += _row(view, "digest", instance.digest, Meaning.MUTED)
    found += _row(view, "disk now", instance.disk)
    if instance.previous_disk is not None:
        image = f" with {instance.previous_image.version}" if instance.previous_image is not None else ""
        found += _row(view, "previous", f"{instance.previous_disk}{image}, {_why_kept(view)}")
    else:
        found += _row(view, "previous", "none is kept", Meaning.MUTED)
    data = view.scale_set.model.data_disks
    return found + _row(
        view, "data disks", f"{data}, untouched by upgrades" if data else "none in the model", Meaning.MUTED
    )


def _why_kept(view: InstanceView) -> str:
    """The other disk is the one to go back to, unless the instance has come back from it."""
    member = view.member
    if member is None or member.restore_point is None or member.restore_point.disk != view.instance.disk:
        return "kept to go back to"
    return "on which it failed, kept to be looked into" if member.judged_failed else "which it came back from"


def _extensions(view: InstanceView) -> list[Line]:
    known = {result.name: result for result in view.instance.extensions}
    names = [extension.name for extension in view.scale_set.model.extensions]
    names += [name for name in known if name not in names]
    if not names:
        return []
    found: list[Line] = [(Piece(" Extensions", Meaning.TITLE),)]
    for name in names:
        found += _extension(view, name, known.get(name))
    return [*found, ()]


def _extension(view: InstanceView, name: str, result: ExtensionResult | None) -> list[Line]:
    if result is None:
        ran = is_back(view.instance, view.member)
        words = "ran on this OS disk before the upgrade" if ran else "has not run on this disk"
        return [(Piece(f"   {name}", Meaning.TEXT), Piece(f"  {words}", Meaning.MUTED))]
    code = result.exit_code
    fine = code == 0
    sign = view.glyphs.pick("■", "#") if fine else view.glyphs.pick("✗", "X")
    words = f"exit code {code}" if code is not None else "no exit code"
    head: Line = (
        Piece(f" {sign} ", Meaning.GOOD if fine else Meaning.BAD),
        Piece(name),
        Piece(f"  {words}", Meaning.GOOD if fine else Meaning.BAD),
        Piece(f"  {view.clocks.time(result.at)}", Meaning.MUTED),
    )
    bar = view.glyphs.pick("│", "|")
    lines = [line for text in (result.stdout, result.stderr) for line in text.splitlines()][-TAIL_LINES:]
    tail = [piece for line in lines for piece in wrap(line.expandtabs(4), view.width - 7)]
    return [head, *((Piece(f"   {bar} ", Meaning.FAINT), Piece(line, Meaning.MUTED)) for line in tail)]


def _place(view: InstanceView) -> list[Line]:
    instance = view.instance
    where = f"zone {instance.zone or '-'}, update domain {instance.update_domain}, fault domain {instance.fault_domain}"
    found = _row(view, "place", where)
    found += _row(view, "address", instance.address or "-", Meaning.MUTED)
    return found + _row(view, "created", view.clocks.moment(instance.created_at), Meaning.MUTED)


def timeline_lines(
    events: Sequence[FeedLine],
    history: Mapping[str, UpgradeOverview],
    clocks: Clocks,
    glyphs: Glyphs,
    width: int,
) -> list[Line]:
    """What happened to it, newest upgrade first, each from its beginning; between them what belongs to none."""
    found: list[Line] = []
    for name, own in reversed(_chapters(events, history)):
        found += [*_chapter_head(history.get(name), name, own, clocks, glyphs, width)]
        found += [line for event in own for line in _event(event, clocks, width)]
        found.append(())
    return found


def _chapters(events: Sequence[FeedLine], history: Mapping[str, UpgradeOverview]) -> list[tuple[str, list[FeedLine]]]:
    """Events by the upgrade they belong to, or fall into; the name is empty for those outside any."""
    found: list[tuple[str, list[FeedLine]]] = []
    for event in events:
        kind, _, name = event.stream.partition("/")
        if kind != "upgrade":
            name = _upgrade_at(event.at, history)
        if not found or found[-1][0] != name:
            found.append((name, []))
        found[-1][1].append(event)
    return found


def _upgrade_at(at: float, history: Mapping[str, UpgradeOverview]) -> str:
    for name, seen in history.items():
        ended_at = seen.upgrade.ended_at
        if seen.upgrade.started_at <= at and (ended_at is None or at <= ended_at):
            return name
    return ""


def _chapter_head(
    seen: UpgradeOverview | None, name: str, own: Sequence[FeedLine], clocks: Clocks, glyphs: Glyphs, width: int
) -> list[Line]:
    day = clocks.moment(own[0].at)[:16]
    if seen is None:
        words = f"upgrade {name}" if name else "outside upgrades"
        return [(Piece(f" {words}", Meaning.TITLE), Piece(f"  {day}", Meaning.MUTED))]
    upgrade, sign = seen.upgrade, upgrade_sign(seen.upgrade)
    change = f"{upgrade.previous_image.version} {glyphs.arrow} {upgrade.target.version}"
    return [
        (
            Piece(f" {change}", Meaning.TITLE),
            Piece(f"  {glyphs.of(sign)} {sign.word}", sign.meaning),
            Piece(f"  {day}" + (f"  {name}" if width >= 60 else ""), Meaning.MUTED),
        )
    ]


def _event(event: FeedLine, clocks: Clocks, width: int) -> list[Line]:
    words = event.words
    own = f"instance {event.instance_id} "
    if event.instance_id and words.startswith(own):
        words = words.removeprefix(own)
    lines = wrap(words, width - 12)
    meaning = Meaning.BAD if event.bad else Meaning.TEXT
    return [
        (Piece(f"  {fit(clocks.time(event.at) if n == 0 else '', 8)} ", Meaning.MUTED), Piece(line, meaning))
        for n, line in enumerate(lines)
    ]
