"""Following, waiting and events: what is printed, when it ends, what ctrl+c and a lost engine do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.model.errors import UnreachableError
from tests.unit.tui.fake_engine import COMPLETED, FAULTED, SET, UPGRADE, FakeEngine, event
from tui.verbs.watching import Awaited, await_state

Run = Callable[..., Any]
LOST = UnreachableError("EngineUnreachable", "gone.")


def shown(upgrade: dict[str, Any]) -> dict[str, Any]:
    return {"azure": {}, "ours": upgrade}


@pytest.mark.parametrize(("end", "exit_code"), ((COMPLETED, 0), (FAULTED, 1)))
def test_start_follow_ends_with_the_upgrade(run: Run, engine: FakeEngine, end: dict[str, Any], exit_code: int) -> None:
    engine.answers["upgrade"] = [shown(UPGRADE), shown(end)]
    engine.log = [
        event(42, "batch 1 began"),
        event(43, "instance 3 is healthy", "InstanceHealthChanged", "scale_set/web"),
        event(44, "a limit was exceeded", "LimitExceeded"),
        event(45, "12 batches to come", "UpgradeOutlookChanged"),
        event(46, "it has ended", f"Upgrade{end['state']}"),
        event(47, "never read"),
    ]

    result = run("start", "web", "--follow")

    assert result.exit_code == exit_code
    assert engine.streams == [(41, "/sets/web", True)]
    assert "00:17:22Z  batch 1 began\n" in result.stdout
    assert "instance 3 is healthy" in result.stdout and "never read" not in result.stdout
    assert "a limit was exceeded" in result.stdout and "it has ended" in result.stdout
    assert "batches to come" not in result.stdout
    assert end["state"] in result.stdout
    assert ("web/virtualMachines/3: RollingUpgradeInstanceUnhealthyError: 503" in result.stdout) == (exit_code == 1)
    assert "\x1b" not in result.stdout


def test_ctrl_c_only_stops_watching(run: Run, engine: FakeEngine) -> None:
    engine.answers["upgrade"] = shown(UPGRADE)
    engine.log = [event(42, "batch 1 began"), KeyboardInterrupt()]

    result = run("start", "web", "--follow")

    assert result.exit_code == 130
    assert result.stderr == "the upgrade goes on; see `rollset status web`\n"


def test_a_lost_engine_is_found_again_behind_the_last_event(run: Run, engine: FakeEngine) -> None:
    engine.answers["status"] = shown(UPGRADE)
    engine.answers["upgrade"] = [shown(UPGRADE), shown(COMPLETED)]
    engine.log = [event(42, "first"), LOST, event(43, "second", "UpgradeCompleted")]

    result = run("status", "web", "--watch")

    assert result.exit_code == 0
    assert [after for after, _, _ in engine.streams] == [41, 42]
    assert result.stdout.count("first") == result.stdout.count("second") == 1


def test_a_notice_that_says_the_same_again_is_shown_once(run: Run, engine: FakeEngine) -> None:
    engine.answers["upgrade"] = [shown(UPGRADE), shown(COMPLETED)]
    engine.log = [
        event(42, "1 failed; goes on", "FailuresNoticed"),
        event(43, "instance 3 is rolled back"),
        event(44, "1 failed; goes on", "FailuresNoticed"),
        event(45, "2 failed; goes on", "FailuresNoticed"),
        event(46, "upgrade Completed", "UpgradeCompleted"),
    ]

    shown_lines = run("start", "web", "--follow").stdout

    assert (shown_lines.count("1 failed"), shown_lines.count("2 failed")) == (1, 1)


def test_following_gives_up_when_the_engine_stays_away(run: Run, engine: FakeEngine) -> None:
    engine.answers["upgrade"] = shown(UPGRADE)

    result = run("start", "web", "--follow")

    assert result.exit_code == 5
    assert len(engine.streams) == 6


def test_status_of_an_ended_upgrade_does_not_wait(run: Run, engine: FakeEngine) -> None:
    engine.answers["status"] = shown(FAULTED)

    assert run("status", "web", "--watch").exit_code == 0
    assert engine.streams == []


def test_status_of_all_follows_the_overview(run: Run, engine: FakeEngine) -> None:
    engine.answers["sets"] = {"sets": [SET]}
    engine.log = [event(42, "something"), KeyboardInterrupt()]

    result = run("status", "--watch")

    assert result.exit_code == 130 and "something" in result.stdout
    assert engine.streams == [(41, "overview", True)]


@pytest.mark.parametrize(
    ("awaited", "state", "exit_code"),
    (
        ("completed", COMPLETED, 0),
        ("completed", FAULTED, 1),
        ("ended", FAULTED, 0),
        ("paused", UPGRADE | {"state": "Paused"}, 0),
        ("paused", COMPLETED, 1),
    ),
)
def test_wait_answers_with_its_exit_code(
    run: Run, engine: FakeEngine, awaited: str, state: dict[str, Any], exit_code: int
) -> None:
    engine.answers["status"] = shown(state)
    assert run("wait", "web", "--for", awaited).exit_code == exit_code


def test_wait_times_out_with_124(run: Run, engine: FakeEngine) -> None:
    engine.answers["status"] = shown(UPGRADE)
    result = run("wait", "web", "--timeout", "0s")
    assert result.exit_code == 124
    assert result.stderr.startswith("error: TimedOut: not completed after 0s")


def test_wait_asks_again_until_the_time_is_over(engine: FakeEngine) -> None:
    now = [0.0]
    engine.answers["upgrade"] = [LOST, shown(UPGRADE)]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    found = await_state(engine, UPGRADE, Awaited.ENDED, 2.0, lambda: engine, clock=lambda: now[0], sleep=sleep)

    assert found is None and now[0] == 2.0
    assert engine.queries == [("upgrade", {"id": "u1"})] * 4


def test_events_lists_from_a_position_or_a_time(run: Run, engine: FakeEngine) -> None:
    engine.log = [event(1, "one"), event(2, "two")]
    assert run("events", "--since", "40").stdout.count("\n") == 2
    assert engine.streams == [(40, "all", False)]

    engine.log = [event(1, "one"), event(2, "two")]
    result = run("events", "web", "--since", "1970-01-01T00:16:42Z", "--json")
    assert [json.loads(line)["words"] for line in result.stdout.splitlines()] == ["two"]
    assert engine.streams[1] == (0, "web", False)


def test_events_follow_ends_with_ctrl_c(run: Run, engine: FakeEngine) -> None:
    engine.log = [event(1, "one"), KeyboardInterrupt()]
    result = run("events", "--follow")
    assert result.exit_code == 130 and "one" in result.stdout
