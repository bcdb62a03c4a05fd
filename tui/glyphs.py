"""The signs of states, in Unicode and in ASCII: with the word beside them, never colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model.health import Health
from engine.model.scale_set import Instance
from engine.model.upgrade import LeftOut, Member, MemberState, Upgrade, UpgradeState
from tui.palette import Meaning


@dataclass(frozen=True, slots=True)
class Sign:
    """A state drawn: one cell wide `glyph` and `plain` (ASCII), its `word`, its meaning."""

    glyph: str
    plain: str
    word: str
    meaning: Meaning


MEMBER_SIGNS: Mapping[MemberState, Sign] = {
    MemberState.PENDING: Sign("·", ".", "pending", Meaning.WAITING),
    MemberState.CAPTURING: Sign("◔", "c", "restore point", Meaning.WORKING),
    MemberState.REPLACING: Sign("◐", "o", "new disk", Meaning.WORKING),
    MemberState.EXTENDING: Sign("◕", "e", "extension", Meaning.WORKING),
    MemberState.AWAITING_HEALTH: Sign("♥", "h", "health", Meaning.PROBING),
    MemberState.SUCCEEDED: Sign("■", "#", "done", Meaning.GOOD),
    MemberState.FAILED: Sign("✗", "X", "failed", Meaning.BAD),
    MemberState.RESTORING: Sign("◑", "<", "restoring", Meaning.BACK),
    MemberState.AWAITING_HEALTH_AFTER_RESTORE: Sign("♡", "~", "health after restore", Meaning.BACK),
    MemberState.ROLLED_BACK: Sign("□", "u", "rolled back", Meaning.BACK),
    MemberState.ROLLED_BACK_UNHEALTHY: Sign("⊠", "U", "rolled back, unhealthy", Meaning.BAD),
    MemberState.RESTORE_FAILED: Sign("‼", "!", "restore failed", Meaning.BAD),
    MemberState.GONE: Sign("∅", "-", "gone", Meaning.OUT),
}
LEFT_OUT_SIGNS: Mapping[LeftOut, Sign] = {
    LeftOut.ALREADY_CURRENT: Sign("▪", "=", "on target before", Meaning.GOOD),
    LeftOut.PROTECTED: Sign("◆", "P", "protected", Meaning.OUT),
    LeftOut.HELD: Sign("◇", "H", "held", Meaning.PAUSED),
    LeftOut.SKIPPED: Sign("▫", "s", "skipped", Meaning.OUT),
}
HEALTH_SIGNS: Mapping[Health, Sign] = {
    Health.HEALTHY: Sign("■", "#", "healthy", Meaning.GOOD),
    Health.UNHEALTHY: Sign("✗", "X", "unhealthy", Meaning.BAD),
    Health.UNKNOWN: Sign("?", "?", "unknown", Meaning.BAD),
    Health.INITIALIZING: Sign("◌", "i", "initializing", Meaning.PROBING),
    Health.NOT_OBSERVED: Sign("·", ".", "not observed yet", Meaning.WAITING),
}
UPGRADE_SIGNS: Mapping[UpgradeState, Sign] = {
    UpgradeState.CHECKING: Sign("◌", "?", "Checking", Meaning.PROBING),
    UpgradeState.ROLLING_FORWARD: Sign("▶", ">", "RollingForward", Meaning.WORKING),
    UpgradeState.PAUSING: Sign("‖", "|", "Pausing", Meaning.PAUSED),
    UpgradeState.PAUSED: Sign("‖", "|", "Paused", Meaning.PAUSED),
    UpgradeState.CANCELLING: Sign("■", "#", "Cancelling", Meaning.PAUSED),
    UpgradeState.ROLLING_BACK: Sign("◀", "<", "RollingBack", Meaning.BACK),
    UpgradeState.COMPLETED: Sign("✓", "+", "Completed", Meaning.GOOD),
    UpgradeState.CANCELLED: Sign("■", "#", "Cancelled", Meaning.OUT),
    UpgradeState.FAULTED: Sign("✗", "X", "Faulted", Meaning.BAD),
    UpgradeState.ROLLED_BACK: Sign("□", "u", "RolledBack", Meaning.BACK),
}
NEW = Sign("+", "+", "being created", Meaning.WORKING)
DOWN = Sign("○", "o", "not running", Meaning.BAD)
UNTOUCHED = Sign("·", ".", "untouched", Meaning.WAITING)
STAYED_WELL = Sign("·", ".", "untouched, healthy", Meaning.WAITING)
HELD = LEFT_OUT_SIGNS[LeftOut.HELD]
PROTECTED = LEFT_OUT_SIGNS[LeftOut.PROTECTED]


def member_sign(member: Member, upgrade: Upgrade) -> Sign:
    """The sign of a place in an upgrade."""
    if member.state is MemberState.PENDING and not upgrade.takes_pending:
        return UNTOUCHED
    if member.state is MemberState.LEFT_OUT:
        return LEFT_OUT_SIGNS[member.left_out or LeftOut.SKIPPED]
    return MEMBER_SIGNS[member.state]


def instance_sign(instance: Instance) -> Sign:
    """The sign of an instance where no upgrade is shown."""
    if not instance.provisioned:
        return NEW
    if instance.hold is not None:
        return HELD
    return HEALTH_SIGNS[instance.health] if instance.running else DOWN


def upgrade_sign(upgrade: Upgrade) -> Sign:
    """The sign of an upgrade."""
    return UPGRADE_SIGNS[upgrade.state]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """How lines and marks are drawn; `ascii` for terminals without UTF-8."""

    ascii: bool = False

    def of(self, sign: Sign) -> str:
        """The one cell of a sign."""
        return sign.plain if self.ascii else sign.glyph

    def pick(self, fine: str, plain: str) -> str:
        """The Unicode form, or the ASCII one."""
        return plain if self.ascii else fine

    @property
    def arrow(self) -> str:
        return self.pick("→", ">")

    @property
    def ellipsis(self) -> str:
        return self.pick("…", "~")

    @property
    def cursor(self) -> str:
        return self.pick("▌", ">")

    @property
    def marked(self) -> str:
        return self.pick("✓", "*")

    @property
    def rule(self) -> str:
        return self.pick("─", "-")

    @property
    def dot(self) -> str:
        return self.pick("·", "-")

    def bar(self, share: float, width: int) -> tuple[str, str]:
        """A bar's done part and its rest; only none is empty, and only all is full."""
        share = max(0.0, min(1.0, share))
        if self.ascii:
            done = round(share * width)
            done = max(1, done) if share > 0 else 0
            done = min(width - 1, done) if share < 1 else done
            return "#" * done, "." * (width - done)
        halves = round(share * width * 2)
        halves = max(1, halves) if share > 0 else 0
        halves = min(width * 2 - 1, halves) if share < 1 else halves
        line = "━" * (halves // 2) + ("╸" if halves % 2 else "")
        return line, "─" * (width - len(line))
