"""The page on reliability, and the list of deliberate faults, name tests that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
FAULTS = tomllib.loads((ROOT / "tests" / "faults" / "faults.toml").read_text(encoding="utf-8"))["fault"]


def is_there(name: str) -> bool:
    file, _, test = name.partition("::")
    path = ROOT / file
    return path.exists() and (not test or f"def {test}(" in path.read_text(encoding="utf-8"))


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+(?:\.py)?(?:::\w+)?)`", PAGE))
    named |= {test for fault in FAULTS for test in fault["tests"]}
    assert len(named) > 30
    assert [name for name in sorted(named) if not is_there(name)] == []


def test_every_deliberate_fault_is_on_the_page_and_fits_the_code_once() -> None:
    for fault in FAULTS:
        assert f"| {fault['name']} | `{fault['tests'][0].partition('::')[2]}` |" in PAGE
        assert (ROOT / fault["file"]).read_text(encoding="utf-8").count(fault["old"]) == 1, fault["name"]
