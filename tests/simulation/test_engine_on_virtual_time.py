"""Random stories of the real engine in virtual time: crashes, clock jumps, faults, operators; it ends, and repeats."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.model import events as e
from engine.model.upgrade import Upgrade
from tests.simulation import simulate
from tests.simulation.engine_story import FAILED, Story, run_story
from tests.simulation.virtual_engine import ANA, SET, CrashedError, VirtualWorld
from tests.worlds.watching import until, upgrade_of
from tui.plain.upgrades import status_lines

FOUND = (608_505_989, 608_506_093, 608_506_195)
"""An engine that stopped in order began what it had no time left to do; an upgrade took an instance out of the hands of
its creation, whose extension was then to run twice; a restore whose disk was gone was counted as a disk too many."""


def play(root: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> str:
    root.mkdir()
    story = Story(root, seed, monkeypatch)
    digest: str = story.world.run(story.play)[1]
    return digest


@pytest.mark.timeout(7_200)
def test_every_story_ends_and_no_invariant_falls(long_run: bool) -> None:
    tally = simulate.run_stories(0, 4_000 if long_run else 40)
    assert not tally.failures, simulate.how_to_repeat_story(tally.failures)
    assert len(tally.ended) >= 3


@pytest.mark.parametrize("seed", FOUND)
def test_stories_that_once_failed_hold(seed: int) -> None:
    assert not run_story(seed)[0].startswith(FAILED)


def test_a_failing_story_is_made_smaller_and_says_how_to_run_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a defect that shows where operators meddle with 3 instances or more
    def broken(self: Story, *rest: object) -> None:
        if self.count >= 3 and self.meddling:
            raise AssertionError("three are too many")

    monkeypatch.setattr(Story, "_watch", broken)
    failing = next(seed for seed in range(40) if run_story(seed)[0].startswith(FAILED))
    said = simulate.how_to_repeat_story({failing: "three are too many"})
    assert f"scripts/simulate 1 --engine --seed {failing}" in said
    assert "--instances 3" in said
    assert "--without meddling" not in said


@pytest.mark.parametrize("seed", (3, 8, 11))
def test_the_same_seed_gives_the_same_log_to_the_last_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    assert play(tmp_path / "a", seed, monkeypatch) == play(tmp_path / "b", seed, monkeypatch)


def test_effects_left_open_by_a_crash_are_looked_for_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)

    async def story() -> list[e.MemberReconciling]:
        async with world.engine() as engine:
            door = await world.create(engine, 10, member_seconds=100, spread=0)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            await until(lambda: upgrade_of(engine).in_flight())
            await anyio.sleep(10)
            raise CrashedError
        async with world.engine() as engine:
            marked = [m for m in upgrade_of(engine).members.values() if m.reconciling]
            assert len(marked) == len(upgrade_of(engine).in_flight()) > 0
            await until(lambda: not upgrade_of(engine).live)
            assert upgrade_of(engine).outcome == "Completed"
            assert not any(m.reconciling for m in upgrade_of(engine).members.values())
            events = [r.event for r in engine.store.events(0, 100_000)]
        return [event for event in events if isinstance(event, e.MemberReconciling)]

    found = world.run(story)
    assert [event.reconciling for event in found] == [True] * (len(found) // 2) + [False] * (len(found) // 2)


def test_a_wall_clock_that_jumps_a_year_fails_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)

    async def story() -> Upgrade:
        async with world.engine() as engine:
            door = await world.create(engine, 10, member_seconds=100)
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            for jump in (31e6, -62e6, 31e6):
                await anyio.sleep(30)
                world.jump_s += jump
            await until(lambda: not upgrade_of(engine).live)
            return upgrade_of(engine)

    ended = world.run(story)
    assert ended.outcome == "Completed"
    assert not any(m.judged_failed for m in ended.members.values())


def test_a_batch_that_takes_longer_than_history_says_is_called_late_in_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = VirtualWorld(tmp_path, 1, monkeypatch)

    async def story() -> list[str]:
        async with world.engine() as engine:
            door = await world.create(engine, 10, member_seconds=10, spread=0.2, slow_versions="1.2.0=15")
            # given history: an upgrade whose members took about ten seconds each
            await door.command("start", {"set": SET, "to": "1.1.0"}, ANA)
            await until(lambda: not upgrade_of(engine).live)
            # when the members of the next one take fifteen times as long
            await door.command("start", {"set": SET, "to": "1.2.0", "health_window": 3600}, ANA)
            await until(lambda: upgrade_of(engine).batches)
            words = []
            while not upgrade_of(engine).batches[0].ended_at:
                status = (await door.query("status", {"set": SET}, ANA))["ours"]
                words.append(status["blocked_by"]["words"])
                assert words[-1] in " ".join(status_lines(status, "utf-8"))
                await anyio.sleep(2)
            await until(lambda: not upgrade_of(engine).live)
            return words

    # then status says so while the first batch runs, not at its beginning
    words = world.run(story)
    assert "LATE" not in words[0]
    assert "batch 1 is LATE: 99 of 100 such batches end within" in words[-1]
