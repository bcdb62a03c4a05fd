"""Read `rollset.policy/v1` documents: our own settings for scale sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.arm.fields import Fields
from engine.arm.iso8601 import parse_duration_s
from engine.arm.known_names import POLICY_DOCUMENT, check_names, wrong
from engine.model.policy import PERCENT_LIMITS, RestoreFailed
from engine.model.policy_document import PolicyDocument
from engine.model.safe_text import printable

KIND = "rollset.policy/v1"
DEFAULT_NAME = "default"
MOST_PATTERNS = 1_000
YEAR_S = 31_536_000.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PATTERN = re.compile(r"[A-Za-z0-9_.*()/-]{1,512}")
_STARS = re.compile(r"\*{2,}")


def is_policy(document: object) -> bool:
    """Whether a document says that it is a policy, of this version or another."""
    kind = document.get("kind") if isinstance(document, dict) and "type" not in document else None
    return isinstance(kind, str) and kind.lower().startswith("rollset.")


def read_policy(document: Mapping[str, Any], file: str) -> PolicyDocument:
    """The policy a document describes. Raises InputError that names the file, the field, the value and the way out."""
    check_names(document, POLICY_DOCUMENT, file, whose="a policy")
    fields = Fields(document, file)
    if fields.text("kind") != KIND:
        raise wrong(file, "kind", fields.raw("kind"), KIND)
    name = fields.optional_text("name") or DEFAULT_NAME
    if not _NAME.fullmatch(name):
        raise wrong(file, "name", name, "1 to 63 letters, digits, dots, dashes or underscores")
    restore = fields.raw("restoreFailed")
    choices = tuple(choice.value for choice in RestoreFailed)
    return PolicyDocument(
        name=name,
        scale_sets=_patterns(fields),
        health_window_s=_duration(fields, "healthWindow"),
        upgrade_timeout_s=_duration(fields, "upgradeTimeout"),
        restore_failed=None if restore is None else RestoreFailed(fields.one_of("restoreFailed", choices)),
        pause_between_batches_s=_duration(fields, "pauseTimeBetweenBatches", shortest_s=0.0),
        previous_disk_retention_s=_duration(fields, "previousDiskRetention", shortest_s=0.0),
        max_batch_instance_percent=_percent(fields, "max_batch_instance_percent"),
        max_unhealthy_instance_percent=_percent(fields, "max_unhealthy_instance_percent"),
        max_unhealthy_upgraded_instance_percent=_percent(fields, "max_unhealthy_upgraded_instance_percent"),
    )


def _percent(fields: Fields, field: str) -> int | None:
    name, low, high = PERCENT_LIMITS[field]
    return None if fields.raw(name) is None else fields.whole(name, low, high, None)


def _patterns(fields: Fields) -> tuple[str, ...]:
    patterns = fields.texts("scaleSets")
    if not patterns or len(patterns) > MOST_PATTERNS:
        raise wrong(fields.file, "scaleSets", fields.raw("scaleSets"), f"1 to {MOST_PATTERNS} names of scale sets")
    for index, pattern in enumerate(patterns):
        if not _PATTERN.fullmatch(pattern) or pattern.count("*") > 8:
            want = "a name or resource id of scale sets, with up to 8 * for anything"
            raise wrong(fields.file, f"scaleSets[{index}]", pattern, want)
    return tuple(_STARS.sub("*", pattern) for pattern in patterns)


def _duration(fields: Fields, name: str, *, shortest_s: float = 1.0) -> float | None:
    value = fields.raw(name)
    if value is None:
        return None
    seconds = parse_duration_s(value, f"{printable(fields.file)}: {name}")
    if not shortest_s <= seconds <= YEAR_S:
        raise wrong(fields.file, name, value, f"an ISO 8601 duration from PT{shortest_s:g}S to P365D")
    return seconds
