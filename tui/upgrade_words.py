"""An upgrade in a few words and a bar, for lists and headers."""

from __future__ import annotations

from engine.model.overview import UpgradeOverview
from engine.model.upgrade import HoldKind, Now, Outlook, Upgrade, UpgradeState
from tui.cells import fit
from tui.clocks import about, short
from tui.glyphs import Glyphs, upgrade_sign
from tui.palette import Line, Meaning, Piece

SHORT = {UpgradeState.ROLLING_FORWARD: "Rolling", UpgradeState.ROLLING_BACK: "Back"}
WORD, LEFT, ALIGNED_FROM = 14, 5, 60
"""Cells of a state and of the time left, from the width on at which bars and figures stand below each other."""


def versions(upgrade: UpgradeOverview | None, image: str, glyphs: Glyphs) -> str:
    """`1.0.3 → 1.1.0` while it rolls, turned round on the way back, else `image` as it is."""
    if upgrade is None or not upgrade.upgrade.live:
        return image
    old, new = upgrade.upgrade.previous_image.version, upgrade.upgrade.target.version
    return f"{new} {glyphs.arrow} {old}" if upgrade.upgrade.goes_back else f"{old} {glyphs.arrow} {new}"


def ended_words(seen: UpgradeOverview) -> str:
    """`24 done, 1 failed`, of a way back `0 done, 12 rolled back, 0 failed`."""
    counted, back = seen.counters, seen.rolled_back
    middle = f"{back:,} rolled back, " if seen.upgrade.goes_back else ""
    return f"{counted.successful:,} done, {middle}{counted.failed - back:,} failed"


def batches(upgrade: Upgrade) -> tuple[int, int]:
    """The batch that runs or ran last, and how many there will be."""
    begun = len(upgrade.batches)
    return begun, begun + (upgrade.outlook.batches_to_come if upgrade.outlook is not None else 0)


def eta(outlook: Outlook | None, now: Now) -> str:
    """`~9m (7-12m)`, or nothing where nothing can be said."""
    if outlook is None or outlook.eta_low_at is None or outlook.eta_high_at is None:
        return ""
    low, high = max(0.0, outlook.eta_low_at - now.at), max(0.0, outlook.eta_high_at - now.at)
    first, last = about(low), about(high)
    if first == last:
        return last if last.startswith("<") else f"~{last}"
    middle = about((low + high) / 2)
    return f"{middle if middle.startswith('<') else f'~{middle}'} ({first}-{last})"


def blocked_by(upgrade: Upgrade, now: Now) -> str:
    """What it waits for, and how long yet or since when; the error once it has ended in one."""
    if upgrade.error is not None and not upgrade.live:
        return f"{upgrade.error.code}: {upgrade.error.message}"
    outlook = upgrade.outlook
    if outlook is None or not outlook.blocked_kind:
        return ""
    if outlook.blocked_until_at is not None and outlook.blocked_until_at > now.at:
        return f"{outlook.blocked_words}, {short(outlook.blocked_until_at - now.at)} left"
    waited = now.at - outlook.blocked_since_at
    return outlook.blocked_words + (f", since {short(waited)}" if waited >= 60 else "")


def waits_for(upgrade: Upgrade, now: Now) -> tuple[str, str]:
    """A live upgrade's label and words on why it stands still: `paused`, `by omar: lunch`, or `blocked by`, `...`."""
    words = blocked_by(upgrade, now)
    if upgrade.outlook is not None and upgrade.outlook.blocked_kind == HoldKind.OPERATOR:
        return "paused", words.removeprefix("paused ")
    return "blocked by", words


def progress(seen: UpgradeOverview | None, now: Now, glyphs: Glyphs, width: int) -> Line:
    """State, bar, percent, batch and time left of a live upgrade; the end of an ended one; fills `width`."""
    if seen is None:
        return (Piece(fit("-", width), Meaning.OUT),)
    upgrade = seen.upgrade
    sign = upgrade_sign(upgrade)
    if not upgrade.live:
        code = f" {upgrade.error.code}" if upgrade.error is not None else f" {upgrade.target.version}"
        return (
            Piece(f"{glyphs.of(sign)} {sign.word}", sign.meaning),
            Piece(fit(code, width - len(sign.word) - 2, glyphs.ellipsis), Meaning.MUTED),
        )
    number, total = batches(upgrade)
    share = seen.percent
    tail = f" {share:3} %  {number}/{total}"
    left = eta(upgrade.outlook, now).partition(" ")[0]
    wide = width >= ALIGNED_FROM
    whole = fit(sign.word, WORD) if wide else sign.word
    left = fit(left, LEFT, right=True) if wide else left
    for word in (whole, SHORT.get(upgrade.state, whole), ""):
        room = width - (len(word) + 1 if word else 0) - 2 - len(tail) - (len(left) + 1 if left else 0)
        if room >= 4:
            break
    done, rest = glyphs.bar(share / 100, max(3, min(room, 24 if width < 60 else 44)))
    text = f"{glyphs.of(sign)} {word} " if word else f"{glyphs.of(sign)} "
    pieces = (
        Piece(text, sign.meaning),
        Piece(done, sign.meaning),
        Piece(rest, Meaning.FAINT),
        Piece(tail, Meaning.TEXT),
        Piece(f" {left}" if left else "", Meaning.MUTED),
    )
    used = sum(len(piece.text) for piece in pieces)
    return (*pieces, Piece(" " * max(0, width - used)))
