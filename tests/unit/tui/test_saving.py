"""What an operator asks to keep is written whole to a new file, or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.model.errors import InputError
from tests.unit.full_disk import no_file_over
from tui.saving import save_text, write_new


def test_a_text_is_kept_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "run.md"
    assert asyncio.run(save_text(str(target), "batch 1 → done\n")) == str(target)
    assert target.read_text(encoding="utf-8") == "batch 1 → done\n"


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    target = tmp_path / "run.md"
    target.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        asyncio.run(save_text(str(target), "theirs"))
    assert target.read_text() == "mine"


def test_a_full_disk_leaves_no_part_of_it(tmp_path: Path) -> None:
    for content in (b"x" * 100, b"x" * 1_000_000):  # smaller and larger than what is gathered before it is written
        with no_file_over(50), pytest.raises(InputError, match=r"run\.md: File too large") as caught:
            write_new(tmp_path / "run.md", content)
        assert caught.value.next_step == "Name a file that can be written."
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ("nowhere/run.md", "a\0b", "~nobody-of-this-name/run.md"))
def test_a_name_that_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        asyncio.run(save_text(name, "x"))
    assert caught.value.message.startswith(f"{name}: ")
    assert list(tmp_path.iterdir()) == []


def test_letters_that_no_file_can_hold_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.md"):
        asyncio.run(save_text(str(tmp_path / "run.md"), "\ud800"))
    assert list(tmp_path.iterdir()) == []
