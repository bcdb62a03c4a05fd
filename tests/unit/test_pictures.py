"""The pictures of the documentation: each is there, is shown, is small, and is drawn by the script."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.pictures.make import FOLDER, PICTURES, ROOT, draw
from tui.screens import cockpit_screen
from tui.shipped_recordings import shipped_recordings

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
SHOWN = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")


def shown() -> set[Path]:
    """The pictures that the pages show."""
    return {(page.parent / target).resolve() for page in PAGES for target in SHOWN.findall(page.read_text())}


def test_every_picture_is_made_by_the_script_and_shown_somewhere() -> None:
    made = {FOLDER / f"{name}.svg" for name in PICTURES}
    assert set(FOLDER.iterdir()) == made
    assert all(path.exists() for path in shown())
    assert made <= shown()


def test_a_picture_is_small_and_fetches_nothing() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text()
        assert len(text) < 100_000, path
        assert "url(http" not in text and "@font-face" not in text and "<script" not in text, path


def test_the_guide_names_every_recording() -> None:
    guide = (ROOT / "docs" / "cockpit.md").read_text()
    assert {name for name in shipped_recordings() if f"`{name}`" not in guide} == set()


def test_the_script_draws_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cockpit_screen, "PAINT_EVERY_S", 0.0)
    first = asyncio.run(draw(PICTURES["paused"]))
    assert first == asyncio.run(draw(PICTURES["paused"]))
    assert "paused by ana" in first.replace("&#160;", " ")
