"""Our own settings for scale sets (`rollset.policy/v1`), beside the model that Azure knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.model.policy import RestoreFailed


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """One policy document. A field that is None says nothing; durations are seconds.

    `scale_sets` are names or resource ids, `*` for any run of characters. `version` counts its changes from 1.
    """

    name: str
    scale_sets: tuple[str, ...]
    version: int = 1
    health_window_s: float | None = None
    upgrade_timeout_s: float | None = None
    restore_failed: RestoreFailed | None = None
    pause_between_batches_s: float | None = None
    max_batch_instance_percent: int | None = None
    max_unhealthy_instance_percent: int | None = None
    max_unhealthy_upgraded_instance_percent: int | None = None
    previous_disk_retention_s: float | None = None

    @property
    def words(self) -> str:
        """How an origin names it."""
        return f"policy {self.name} (version {self.version})"


def fit(pattern: str, name: str, key: str) -> tuple[bool, int] | None:
    """How closely a pattern fits a set: (without `*`, literal characters); None when it does not fit.

    A pattern that begins with `/` is compared with the resource id `key`, any other with the name; without case.
    """
    wanted = pattern.lower()
    if not _matches(wanted, key if wanted.startswith("/") else name.lower()):
        return None
    return "*" not in wanted, len(wanted.replace("*", ""))


def _matches(pattern: str, text: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    last = rest.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in rest:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def policies_for(policies: Iterable[PolicyDocument], name: str, key: str) -> list[PolicyDocument]:
    """The documents that speak for a set, the one that fits it most closely first; of equals the first name."""
    found = []
    for policy in policies:
        fits = [closeness for pattern in policy.scale_sets if (closeness := fit(pattern, name, key)) is not None]
        if fits:
            whole, literal = max(fits)
            found.append(((not whole, -literal, policy.name), policy))
    return [policy for _, policy in sorted(found, key=lambda pair: pair[0])]
