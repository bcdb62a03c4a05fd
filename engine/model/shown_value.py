"""A value from outside as it is shown in an error: as a person would write it in JSON, texts in single quotes."""

from __future__ import annotations

import json

MOST_SHOWN = 160


def shown_value(value: object) -> str:
    """`true`, `'x'`, `["1", "2"]`, `inf`; cut where it is long."""
    if isinstance(value, str):
        return repr(value if len(value) <= MOST_SHOWN else f"{value[:MOST_SHOWN]}...")
    if isinstance(value, float):
        return str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
