"""Files and standard input as the command line reads them: refused whole, by name, or sent whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tui.fake_engine import FakeEngine

Run = Callable[..., Any]
APPLIED = {"results": [{"name": "web", "action": "unchanged", "warnings": []}]}


def test_standard_input_is_read_for_a_dash(run: Run, engine: FakeEngine) -> None:
    engine.answers["apply"] = APPLIED

    result = run("apply", "-", typed='{"name": "web"}')

    assert result.exit_code == 0
    assert engine.commands == [("apply", {"documents": [{"name": "web"}], "files": ["standard input"]})]


def test_what_show_prints_is_taken_back_by_apply(run: Run, engine: FakeEngine) -> None:
    engine.answers["apply"] = APPLIED
    shown = {"azure": {"model": {"type": "x", "name": "web"}, "instanceView": {}}, "ours": {"name": "web"}}

    assert run("apply", "-", typed=json.dumps(shown)).stdout == "web: unchanged\n"
    assert engine.commands[0][1]["documents"] == [{"type": "x", "name": "web"}]


def test_files_are_sent_together_so_that_all_or_none_change(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    first, second = tmp_path / "lb.json", tmp_path / "web.json"
    first.write_text('{"resources": [{"name": "lb"}]}')
    second.write_text('\ufeff{"name": "web"}', encoding="utf-8")
    engine.answers["apply"] = APPLIED

    run("apply", str(first), str(second))

    arguments = engine.commands[0][1]
    assert arguments["documents"] == [{"name": "lb"}, {"name": "web"}]
    assert arguments["files"] == [str(first), str(second)]


@pytest.mark.parametrize(
    ("content", "words"),
    (
        (b"", "it is empty at line 1"),
        (b'{"a": 1 // why\n}', "a comment at line 1; JSON has none"),
        ('{"name": "web"}'.encode("utf-16"), "it is UTF-16; only UTF-8 is read"),
        (b'{"name": "\xe9"}', "it is not UTF-8 at byte 10"),
        (b'{"name": 1, "name": 2}', "the name 'name' stands twice"),
        (b"[" * 5_000, "it is nested deeper than"),
        (b'{"capacity": NaN}', "NaN is not a JSON value"),
        (b" " * (9 * 1024 * 1024), "larger than"),
    ),
)
def test_a_bad_file_is_named_with_exit_code_2_and_nothing_is_sent(
    run: Run, engine: FakeEngine, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "bad\x1b[31m.json"
    file.write_bytes(content)

    result = run("apply", str(file))

    assert result.exit_code == 2
    first, way_out = result.stderr.splitlines()
    assert words in first and r"bad\x1b[31m.json" in first and "\x1b" not in result.stderr
    assert way_out.startswith("  try: ")
    assert result.stdout == "" and engine.commands == []


@pytest.mark.parametrize("name", ("none.json", "."))
def test_a_file_that_cannot_be_opened_is_named(run: Run, engine: FakeEngine, tmp_path: Path, name: str) -> None:
    result = run("apply", str(tmp_path / name))

    assert result.exit_code == 2 and str(tmp_path) in result.stderr
    assert engine.commands == []


def test_policies_are_listed_and_deleted(run: Run, engine: FakeEngine) -> None:
    document = {"kind": "rollset.policy/v1", "name": "webs", "scaleSets": ["web-*"], "healthWindow": "PT2M"}
    engine.answers["policies"] = {"policies": [{"version": 3, "document": document}]}
    engine.answers["policy-delete"] = {"message": "policy webs (version 3) is deleted"}

    assert run("policy", "list").stdout.splitlines()[1] == "webs    3        web-*  healthWindow PT2M"
    assert json.loads(run("policy", "list", "--json").stdout)["policies"][0]["version"] == 3
    assert run("policy", "delete", "webs", "--reason", "old").stdout == "policy webs (version 3) is deleted\n"
    assert engine.commands == [("policy-delete", {"name": "webs", "reason": "old"})]


def test_no_policy_yet(run: Run, engine: FakeEngine) -> None:
    engine.answers["policies"] = {"policies": []}

    assert run("policy", "list").stdout == "no policy yet; rollset apply FILE makes one\n"
