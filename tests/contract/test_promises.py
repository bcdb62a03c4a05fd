"""What engine/fleets/fleet.py promises, of every fleet there is."""

from __future__ import annotations

import errno
from pathlib import Path

import anyio
import pytest

from engine.fleets.fleet import Capability, HealthTellingFleet
from engine.fleets.local.fleet import open_local_fleet
from engine.model.effects import EffectKind, OutcomeKind
from engine.model.health import Health
from engine.store.failures import StoreNotWritableError
from tests.contract.conftest import SET, Harness, carry_out, outcomes_of

pytestmark = pytest.mark.anyio
REPLACE, RESTORE = EffectKind.REPLACE_OS_DISK, EffectKind.RESTORE_OS_DISK
CREATE, DELETE, CAPTURE = EffectKind.CREATE_INSTANCE, EffectKind.DELETE_INSTANCE, EffectKind.CAPTURE_RESTORE_POINT


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_begin_gives_a_plain_handle_at_once_and_poll_every_outcome(harness: Harness) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0", "1", "2")
        wanted = [harness.effect(REPLACE, name) for name in "012"]
        with anyio.fail_after(2):
            handle = await fleet.begin(wanted, 1)
        assert isinstance(handle, str)
        assert handle.isprintable()
        found = await outcomes_of(fleet, handle)
        assert {key: (o.kind, o.disk, o.digest) for key, o in found.items()} == {
            effect.id: (OutcomeKind.SUCCEEDED, "2", "sha256:1.1.0") for effect in wanted
        }
        facts = await fleet.observe(SET, ["0", "1", "2"])
        assert {(f.exists, f.running, f.disk, f.digest) for f in facts.values()} == {(True, True, "2", "sha256:1.1.0")}


async def test_different_instances_may_be_begun_at_the_same_time(harness: Harness) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0", "1", "2", "3")
        found = {}

        async def one(name: str) -> None:
            found.update(await carry_out(fleet, [harness.effect(REPLACE, name, id=name)]))

        async with anyio.create_task_group() as tasks:
            for name in "0123":
                tasks.start_soon(one, name)
        assert {key: o.disk for key, o in found.items()} == dict.fromkeys("0123", "2")


@pytest.mark.parametrize("kind", (CREATE, CAPTURE, REPLACE, RESTORE, EffectKind.RUN_EXTENSION, DELETE))
async def test_an_effect_begun_twice_acts_once_and_tells_the_same(harness: Harness, kind: EffectKind) -> None:
    async with harness.opened() as fleet:
        name = "new" if kind is CREATE else "0"
        await harness.create(fleet, "0")
        effect = harness.effect(kind, name, disk="1")
        if kind is EffectKind.RUN_EXTENSION:
            effect = harness.script("echo ran >> $ROLLSET_DATA/runs")
        first = (await carry_out(fleet, [effect]))[effect.id]
        again = (await carry_out(fleet, [effect]))[effect.id]
        assert (again.kind, again.disk, again.digest, again.exit_code) == (
            first.kind,
            first.disk,
            first.digest,
            first.exit_code,
        )
        assert first.kind is OutcomeKind.SUCCEEDED
        if kind is REPLACE:
            assert len((await fleet.observe(SET, ["0"]))["0"].disks) == 2
        if kind is EffectKind.RUN_EXTENSION and harness.kind == "local":
            [runs] = harness.root.glob("local/**/data/runs")
            assert runs.read_text() == "ran\n"


async def test_an_effect_begun_twice_at_once_acts_once(harness: Harness) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0")
        effect = harness.effect(REPLACE)
        handles = [await fleet.begin([effect], 1) for _ in range(2)]
        assert [(await outcomes_of(fleet, handle))[effect.id].disk for handle in handles] == ["2", "2"]
        assert len((await fleet.observe(SET, ["0"]))["0"].disks) == 2


@pytest.mark.parametrize("kind", (REPLACE, RESTORE))
async def test_a_lower_epoch_is_refused_and_nothing_is_done(harness: Harness, kind: EffectKind) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0")
        await carry_out(fleet, [harness.effect(REPLACE)], epoch=5)
    async with harness.opened() as fleet:
        stale = harness.effect(kind, "0", "1.2.0", disk="1")
        outcome = (await carry_out(fleet, [stale], epoch=4))[stale.id]
        assert (outcome.kind, outcome.code) == (OutcomeKind.FAILED, "Fenced")
        assert (await fleet.observe(SET, ["0"]))["0"].disk == "2"
        fresh = harness.effect(kind, "0", "1.2.0", disk="1")
        assert not (await carry_out(fleet, [fresh], epoch=5))[fresh.id].code


@pytest.mark.parametrize("kind", (EffectKind.DELETE_INSTANCE, EffectKind.RUN_EXTENSION, EffectKind.CREATE_INSTANCE))
async def test_a_lower_epoch_takes_nothing_away_and_runs_nothing(harness: Harness, kind: EffectKind) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0")
        await carry_out(fleet, [harness.effect(REPLACE)], epoch=5)
    async with harness.opened() as fleet:
        stale = harness.script("true") if kind is EffectKind.RUN_EXTENSION else harness.effect(kind)
        outcome = (await carry_out(fleet, [stale], epoch=4))[stale.id]
        assert (outcome.kind, outcome.code) == (OutcomeKind.FAILED, "Fenced")
        facts = (await fleet.observe(SET, ["0"]))["0"]
        assert (facts.exists, facts.running, facts.disk) == (True, True, "2")
        again = harness.script("true") if kind is EffectKind.RUN_EXTENSION else harness.effect(kind)
        assert not (await carry_out(fleet, [again], epoch=5))[again.id].code


async def test_a_new_instance_takes_the_place_of_one_that_was_born_before(harness: Harness) -> None:
    async with harness.opened() as fleet:
        old = harness.effect(CREATE, version="1.0.0", born="1")
        await carry_out(fleet, [old])
        await carry_out(fleet, [harness.effect(REPLACE, version="1.1.0")])
    async with harness.opened() as fleet:
        new = harness.effect(CREATE, version="1.2.0", born="2")
        found = (await carry_out(fleet, [new], epoch=2))[new.id]
        assert (found.kind, found.disk, found.digest) == (OutcomeKind.SUCCEEDED, "1", "sha256:1.2.0")
        assert bool(found.aside) is (harness.kind == "local")
        again = harness.effect(CREATE, version="1.2.0", born="2")
        assert (await carry_out(fleet, [again], epoch=2))[again.id].aside == found.aside
        facts = (await fleet.observe(SET, ["0"]))["0"]
        assert (facts.running, facts.disk, facts.digest) == (True, "1", "sha256:1.2.0")


async def test_a_handle_that_is_not_known_gives_no_failure(harness: Harness) -> None:
    async with harness.opened() as fleet:
        poll = await fleet.poll("of another age")
        assert not [o for o in poll.outcomes.values() if o.kind is OutcomeKind.FAILED]
        assert poll.ask_again_s is None


async def test_a_later_engine_settles_what_an_earlier_one_began(harness: Harness) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0")
        done, never = harness.effect(REPLACE), harness.effect(REPLACE, version="1.2.0")
        handle = await fleet.begin([done], 1)
        await outcomes_of(fleet, handle)
    async with harness.opened() as later:
        assert not [o for o in (await later.poll(handle)).outcomes.values() if o.kind is OutcomeKind.FAILED]
        settled = await later.settle(done)
        assert settled is not None
        assert (settled.kind, settled.disk, settled.digest) == (OutcomeKind.SUCCEEDED, "2", "sha256:1.1.0")
        assert await later.settle(never) is None
        assert (await carry_out(later, [done], epoch=2))[done.id].disk == "2"


async def test_what_was_under_way_when_the_engine_was_cut_off_is_done_once(harness: Harness) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0")
        effect = harness.effect(REPLACE)
        await fleet.begin([effect], 1)
    async with harness.opened() as later:
        if await later.settle(effect) is None:
            await carry_out(later, [effect], epoch=2)
        assert len((await later.observe(SET, ["0"]))["0"].disks) == 2


async def test_a_restore_brings_the_old_disk_back_or_makes_it_anew(harness: Harness) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0")
        point = harness.effect(CAPTURE)
        captured = (await carry_out(fleet, [point]))[point.id]
        assert (captured.disk, captured.digest) == ("1", "sha256:1.0.0")
        await carry_out(fleet, [harness.effect(REPLACE)])
        back = harness.effect(RESTORE, version="1.0.0", disk=captured.disk)
        restored = (await carry_out(fleet, [back]))[back.id]
        assert (restored.disk, restored.from_image) == ("1", False)
        for version in ("1.1.0", "1.2.0"):
            await carry_out(fleet, [harness.effect(REPLACE, version=version)])
        anew = harness.effect(RESTORE, version="1.0.0", disk="1")
        outcome = (await carry_out(fleet, [anew]))[anew.id]
        assert outcome.digest == "sha256:1.0.0"
        assert outcome.disk not in ("1", "2")
        assert outcome.from_image, "whoever waits for it must know that no extension has run on it"
    async with harness.opened() as later:
        settled = await later.settle(anew)
        assert settled is not None and (settled.disk, settled.from_image) == (outcome.disk, True)


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(harness: Harness) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0", "1")
        first, again = harness.effect(DELETE), harness.effect(DELETE)
        assert (await carry_out(fleet, [first]))[first.id].kind is OutcomeKind.SUCCEEDED
        assert (await carry_out(fleet, [again]))[again.id].kind is OutcomeKind.SUCCEEDED
        settled = await fleet.settle(first)
        assert settled is not None
        assert settled.kind is OutcomeKind.SUCCEEDED
        facts = await fleet.observe(SET, ["0", "1", "never"])
        assert {name: fact.exists for name, fact in facts.items()} == {"0": False, "1": True, "never": False}


@pytest.mark.parametrize("kind", (REPLACE, RESTORE))
async def test_an_instance_that_is_not_there_cannot_get_a_disk(harness: Harness, kind: EffectKind) -> None:
    async with harness.opened() as fleet:
        await harness.create(fleet, "0")
        effect = harness.effect(kind, "99", disk="1")
        outcome = (await carry_out(fleet, [effect]))[effect.id]
        assert (outcome.kind, outcome.code) == (OutcomeKind.FAILED, "NotFound")


async def test_capabilities_and_room_are_told(harness: Harness) -> None:
    async with harness.opened() as fleet:
        assert {Capability.RESTORE_DISK, Capability.CAPTURE, Capability.FENCE} <= fleet.capabilities()
        room = await fleet.room_bytes()
        assert room is None or room > 0


async def test_a_fleet_that_tells_health_tells_news_of_every_instance_after_its_disk_changed(harness: Harness) -> None:
    async with harness.opened() as fleet:
        if not isinstance(fleet, HealthTellingFleet):
            assert harness.kind == "local", "local instances are probed"
            return
        await harness.create(fleet, "0", "1")
        await carry_out(fleet, [harness.effect(REPLACE, "1")])
        news: set[tuple[str, str]] = set()
        with anyio.fail_after(10):
            while news != {(SET, "0"), (SET, "1")}:
                news |= set(await fleet.health_news())
            while {health for health, _ in fleet.health(SET, ["0", "1"]).values()} != {Health.HEALTHY}:
                await fleet.health_news()
        assert fleet.health(SET, ["99"]) == {}


async def test_what_the_machine_lacks_is_no_verdict_on_the_instance(tmp_path: Path) -> None:
    harness = Harness(tmp_path, "local")
    refuse: list[Exception] = []

    def fill(digest: str, target: Path) -> None:
        if refuse:
            raise refuse[0]
        harness._fill(digest, target)

    try:
        async with open_local_fleet(harness.machine, fill, tmp_path) as fleet:
            await harness.create(fleet, "0")
            before = (await fleet.observe(SET, ["0"]))["0"]
            replace, restore = harness.effect(REPLACE), harness.effect(RESTORE, disk="1")
            for trouble in (StoreNotWritableError("No space left"), OSError(errno.ENOSPC, "No space left")):
                refuse[:] = [trouble]
                found = (await carry_out(fleet, [replace]))[replace.id]
                assert (found.kind, "No space left" in found.message) == (OutcomeKind.UNKNOWN, True)
                assert await fleet.settle(replace) is None
            refuse[:] = [ValueError("a defect")]
            assert (await carry_out(fleet, [replace]))[replace.id].kind is OutcomeKind.UNKNOWN
            refuse.clear()
            # An instance that never left its disk goes on running when it is asked back to it.
            pid = keeper_pid(harness)
            assert (await carry_out(fleet, [restore]))[restore.id].kind is OutcomeKind.SUCCEEDED
            assert keeper_pid(harness) == pid
            assert (await fleet.observe(SET, ["0"]))["0"] == before
            assert (await carry_out(fleet, [replace]))[replace.id].disk == "2"
    finally:
        harness.close()


def keeper_pid(harness: Harness) -> int | None:
    return harness.machine.observe(SET, "0").keeper_pid
