"""Every recording that comes with Rollset folds to the end it is named after, and opens in the cockpit."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from engine.decide.count_members import count_members
from engine.model.errors import NotFoundError
from engine.model.events import Recorded
from engine.wire.events import event_type
from engine.wire.recording import OVERVIEW, read_lines
from tests.recordings.stage import play
from tests.recordings.stories import STORIES
from tui.app import Cockpit
from tui.cli import app
from tui.recording import RecordedSession, read_file
from tui.screens import cockpit_screen
from tui.shipped_recordings import find_recording, shipped_recordings

COMPLETED, BACK = ("Completed", ""), ("RolledBack", "")
ENDS = {
    "engine-killed": COMPLETED,
    "good-run": COMPLETED,
    "pause-step-resume": COMPLETED,
    "rollback": BACK,
    "thousand": COMPLETED,
    "time-out": ("Faulted", "RollingUpgradeTimeoutError"),
    "two-operators": COMPLETED,
    "unhealthy-before": ("Faulted", "MaxUnhealthyInstancePercentExceededBeforeRollingUpgrade"),
    "unhealthy-elsewhere": ("Faulted", "MaxUnhealthyInstancePercentExceededInRollingUpgrade"),
    "upgraded-unhealthy": ("Faulted", "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"),
}
HAPPENS = {
    "engine-killed": "EngineStarted",
    "pause-step-resume": "StepGranted",
    "rollback": "RollBackRequested",
    "two-operators": "InstanceHeld",
    "upgraded-unhealthy": "LimitExceeded",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def session_of(name: str) -> RecordedSession:
    """The recording at its end."""
    session = RecordedSession.open(find_recording(name))
    session.player.seek(session.player.length)
    return session


def test_there_is_one_of_each_story() -> None:
    assert set(shipped_recordings()) == set(STORIES) == {*ENDS, "many-sets"}
    assert sum(path.stat().st_size for path in shipped_recordings().values()) < 2_000_000


@pytest.mark.parametrize("name", sorted(ENDS))
def test_it_folds_to_its_end(name: str) -> None:
    session = session_of(name)
    scene = session.player.scene
    assert scene.upgrade is not None
    error = scene.upgrade.error
    assert (scene.upgrade.outcome, error.code if error is not None else "") == ENDS[name]
    assert session.player.position == session.player.length > 3


@pytest.mark.parametrize("name", sorted(HAPPENS))
def test_what_makes_the_story_is_in_it(name: str) -> None:
    events = [item for item in read_lines(read_file(find_recording(name)), name) if isinstance(item, Recorded)]
    assert HAPPENS[name] in {event_type(recorded.event) for recorded in events}
    assert name != "two-operators" or {"ana", "omar"} <= {recorded.actor for recorded in events}


def test_many_sets_ends_with_one_paused_and_one_faulted() -> None:
    scene = session_of("many-sets").player.scene
    states = {row.scale_set.name: row.upgrade.upgrade.state.value for row in scene.sets.values() if row.upgrade}
    assert scene.scope == OVERVIEW and len(scene.sets) == 5
    assert (states["web-us"], states["queue"], states["web-eu"]) == ("Paused", "Faulted", "Completed")


@pytest.mark.anyio
async def test_each_of_many_sets_is_whole_and_agrees_with_what_is_seen_from_afar() -> None:
    session = session_of("many-sets")
    for key, row in session.player.scene.sets.items():
        scene = session.source(key).scene
        assert scene.scale_set is not None and len(scene.scale_set.instances) == row.instances
        assert (scene.upgrade is None) == (row.upgrade is None) and scene.feed
        if scene.upgrade is not None and row.upgrade is not None:
            assert count_members(scene.upgrade) == row.upgrade.counters
        told = (await session.query("timeline", {"scope": key, "instance": "3"}))["events"]
        names = {line["stream"].rpartition("/")[2] for line in told}
        assert told and all(name.startswith(row.scale_set.name) for name in names)


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(STORIES))
async def test_it_opens_in_the_cockpit_at_its_start_middle_and_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cockpit_screen, "PAINT_EVERY_S", 0.0)
    session = RecordedSession.open(find_recording(name))
    cockpit = Cockpit(session, first_set=session.set_in_scope)
    async with cockpit.run_test(size=(120, 40)) as pilot:
        for part in (0.0, 0.5, 1.0):
            session.player.seek(int(session.player.length * part))
            await pilot.pause()
        assert cockpit.return_code is None


def test_the_script_makes_what_is_shipped() -> None:
    # Given a story played anew; the order of some lines depends on this process's hashes, its end does not
    session = RecordedSession("again", play(STORIES["unhealthy-before"]))
    session.player.seek(session.player.length)
    again, shipped = session.player.scene.upgrade, session_of("unhealthy-before").player.scene.upgrade
    assert again is not None and shipped is not None
    assert again.error == shipped.error


def test_a_name_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(NotFoundError) as refused:
        find_recording("god-run")
    assert "good-run" in refused.value.next_step


def test_their_names_are_listed() -> None:
    found = CliRunner().invoke(app, ["replay", "--list"])
    assert found.exit_code == 0 and found.output.split() == sorted(STORIES)
