"""The catalogue of what a run may wait for: whole, and found by a beginning."""

from __future__ import annotations

from pathlib import Path

from engine.model.upgrade import HoldKind
from engine.model.waits import WAITS, WaitKind, find_waits

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_hold_and_every_other_reason_has_an_entry_and_nothing_else() -> None:
    assert set(WAITS) == {kind.value for kind in (*HoldKind, *WaitKind)}
    assert not {kind.value for kind in HoldKind} & {kind.value for kind in WaitKind}


def test_an_entry_is_found_by_its_beginning_in_any_case() -> None:
    assert [entry.kind for entry in find_waits("STORE")] == [HoldKind.STORE_NOT_WRITABLE, HoldKind.STORE_SUSPECT]
    assert [entry.kind for entry in find_waits(" health ")] == [WaitKind.HEALTH]
    assert find_waits("") == find_waits("nothing so") == []


def test_the_page_for_operators_says_of_each_what_ends_it() -> None:
    for name, entry in WAITS.items():
        assert f"| `{name}` | {entry.title} | {entry.ends} |" in PAGE, name
