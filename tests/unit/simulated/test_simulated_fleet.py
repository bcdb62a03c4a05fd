"""Simulated instances: what chance decides, what outlives an engine, what tags change."""

from __future__ import annotations

import itertools

import pytest

from engine.fleets.simulated.fleet import SimulatedFleet
from engine.fleets.simulated.instances import SimulatedInstance
from engine.fleets.simulated.luck import health_of
from engine.model.effects import EffectKind, OutcomeKind
from engine.model.health import Health
from engine.model.simulated import read_behaviour
from tests.unit.simulated.conftest import SET, World, create, effect

pytestmark = pytest.mark.anyio
REPLACE, RESTORE = EffectKind.REPLACE_OS_DISK, EffectKind.RESTORE_OS_DISK


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def health(fleet: SimulatedFleet, *names: str) -> list[Health]:
    told = fleet.health(SET, names)
    return [told[name][0] for name in names]


async def test_a_disk_is_replaced_when_its_time_has_come_and_health_follows(world: World) -> None:
    fleet = world.open()
    await create(fleet, world.clocks)
    handle = await fleet.begin([effect(REPLACE)], 1)
    assert (await fleet.observe(SET, ["0"]))["0"].disk == "1"
    world.clocks.go_on(600)
    poll = await fleet.poll(handle)
    [outcome] = poll.outcomes.values()
    assert (outcome.kind, outcome.disk, outcome.digest) == (OutcomeKind.SUCCEEDED, "2", "sha256:1.1.0")
    assert poll.ask_again_s is None
    assert health(fleet, "0") == [Health.HEALTHY]
    assert (await fleet.observe(SET, ["0"]))["0"].disks == (("1", "sha256:1.0.0"), ("2", "sha256:1.1.0"))


async def test_right_after_the_swap_nothing_is_known_of_its_health(world: World) -> None:
    world.tag(spread=0, member_seconds=100)
    fleet = world.open()
    await create(fleet, world.clocks)
    await fleet.begin([effect(REPLACE)], 1)
    world.clocks.go_on(60)
    assert health(fleet, "0") == [Health.NOT_OBSERVED]
    world.clocks.go_on(40)
    assert health(fleet, "0") == [Health.HEALTHY]


async def test_a_later_engine_finds_open_and_ended_acts_and_repeats_none(world: World) -> None:
    world.tag(spread=0, member_seconds=100)
    fleet = world.open()
    await create(fleet, world.clocks, 2)
    ended, open_act = effect(REPLACE, "0"), effect(REPLACE, "1")
    await fleet.begin([ended], 1)
    world.clocks.go_on(60)
    handle = await fleet.begin([open_act], 1)
    world.clocks.go_on(1)

    later = world.open()
    settled = await later.settle(ended)
    assert settled is not None
    assert settled.disk == "2"
    assert await later.settle(open_act) is None
    again = await later.begin([ended, open_act], 2)
    assert (await later.observe(SET, ["0", "1"]))["0"].disk == "2"
    world.clocks.go_on(60)
    assert set((await later.poll(handle)).outcomes) == {open_act.id}
    assert {o.disk for o in (await later.poll(again)).outcomes.values()} == {"2"}

    last = world.open()
    assert [(await last.observe(SET, ["0", "1"]))[n].disk for n in "01"] == ["2", "2"]
    assert (await last.settle(ended)) == settled


async def test_time_goes_on_while_no_engine_runs_and_never_back(world: World) -> None:
    world.tag(spread=0, member_seconds=100)
    fleet = world.open()
    await create(fleet, world.clocks)
    await fleet.begin([effect(REPLACE)], 1)
    before = fleet.now()
    world.clocks.wall -= 5_000
    assert world.open().now() >= before - 1
    world.clocks.wall += 5_000 + 3_600
    away = world.open()
    assert away.now() >= before + 3_599
    assert (await away.observe(SET, ["0"]))["0"].disk == "2"


async def test_a_lower_epoch_is_fenced_across_engines(world: World) -> None:
    fleet = world.open()
    await create(fleet, world.clocks)
    await fleet.begin([effect(REPLACE, name="a")], 7)
    later = world.open()
    handle = await later.begin([effect(REPLACE, name="b", version="1.2.0")], 6)
    outcome = (await later.poll(handle)).outcomes["b"]
    assert (outcome.kind, outcome.code) == (OutcomeKind.FAILED, "Fenced")


async def test_a_restore_puts_the_kept_disk_back_and_makes_a_new_one_where_it_is_gone(world: World) -> None:
    fleet = world.open()
    await create(fleet, world.clocks)
    for name in ("1.1.0", "1.2.0"):
        await fleet.begin([effect(REPLACE, version=name)], 1)
        world.clocks.go_on(600)
    await fleet.begin([effect(RESTORE, disk="2", version="1.1.0", name="kept")], 1)
    world.clocks.go_on(600)
    assert (await fleet.observe(SET, ["0"]))["0"].disk == "2"
    await fleet.begin([effect(RESTORE, disk="1", version="1.0.0", name="gone")], 1)
    world.clocks.go_on(600)
    facts = (await fleet.observe(SET, ["0"]))["0"]
    assert (facts.disk, facts.digest) == ("4", "sha256:1.0.0")


@pytest.mark.parametrize(
    ("tags", "unhealthy"),
    (
        ({"broken_versions": "1.1.0"}, 100),
        ({"broken_versions": "1.1.0=30%"}, 30),
        ({"broken_versions": "1.3.0"}, 0),
        ({"failing_share": "10%"}, 10),
        ({"unhealthy": "zone=2"}, 50),
        ({"unhealthy": "3,4"}, 2),
    ),
)
async def test_tags_say_who_is_unhealthy_after_an_upgrade(world: World, tags: dict[str, str], unhealthy: int) -> None:
    world.tag(seed="one", **tags)
    fleet = world.open()
    await create(fleet, world.clocks, 100)
    names = [str(n) for n in range(100)]
    await fleet.begin([effect(REPLACE, name) for name in names], 1)
    world.clocks.go_on(3_600)
    found = health(fleet, *names).count(Health.UNHEALTHY)
    assert abs(found - unhealthy) <= (8 if "%" in str(tags) else 0)


async def test_an_instance_that_failed_is_well_again_on_its_old_disk(world: World) -> None:
    world.tag(failing_share=1)
    fleet = world.open()
    await create(fleet, world.clocks)
    assert health(fleet, "0") == [Health.HEALTHY]
    await fleet.begin([effect(REPLACE)], 1)
    world.clocks.go_on(600)
    assert health(fleet, "0") == [Health.UNHEALTHY]
    await fleet.begin([effect(RESTORE, disk="1", version="1.0.0")], 1)
    world.clocks.go_on(600)
    assert health(fleet, "0") == [Health.HEALTHY]


@pytest.mark.parametrize("tag", ("failing_disks", "failing_restores", "failing_extensions"))
async def test_acts_fail_with_a_code_and_leave_the_disk_as_it_was(world: World, tag: str) -> None:
    world.tag(**{tag: 1})
    kind = {"failing_disks": REPLACE, "failing_restores": RESTORE}.get(tag, EffectKind.RUN_EXTENSION)
    fleet = world.open()
    await create(fleet, world.clocks)
    handle = await fleet.begin([effect(kind, disk="1", step="setup")], 1)
    world.clocks.go_on(600)
    [outcome] = (await fleet.poll(handle)).outcomes.values()
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.code in ("InternalExecutionError", "VMExtensionProvisioningError")
    assert (await fleet.observe(SET, ["0"]))["0"].disk == "1"


async def test_flapping_instances_flap_and_say_when_to_look_again(world: World) -> None:
    world.tag(flapping=1, flap_seconds=60)
    fleet = world.open()
    await create(fleet, world.clocks)
    behaviour = read_behaviour(world.tags)
    instance = SimulatedInstance("1", 1, ((1, "sha256:1", "1.0.0"),), 1, 0.0)
    at, seen = 0.0, []
    while at < 600:
        found, _, again = health_of("0", instance, behaviour, at)
        assert again is not None
        assert again > at
        seen.append(found)
        at = again
    assert 10 <= len(seen) <= 45
    assert all(a is not b for a, b in itertools.pairwise(seen))


async def test_other_tags_make_news_of_everybody(world: World) -> None:
    fleet = world.open()
    await create(fleet, world.clocks, 3)
    await fleet.health_news()
    world.tag(unhealthy="1")
    fleet.tags_changed()
    assert sorted(name for _, name in await fleet.health_news()) == ["0", "1", "2"]
    assert health(fleet, "0", "1") == [Health.HEALTHY, Health.UNHEALTHY]


async def test_a_set_whose_instances_are_gone_leaves_no_file(world: World) -> None:
    fleet = world.open()
    await create(fleet, world.clocks, 2)
    gone = [effect(EffectKind.DELETE_INSTANCE, str(n)) for n in range(2)]
    await fleet.begin(gone, 1)
    world.clocks.go_on(60)
    settled = await fleet.settle(gone[0])
    assert settled is not None
    assert not (await fleet.observe(SET, ["0"]))["0"].exists
    await world.open().observe(SET, ["0"])
    assert list((world.root / "simulated").iterdir()) == []


async def test_a_line_cut_by_a_crash_is_an_act_that_never_began(world: World) -> None:
    fleet = world.open()
    await create(fleet, world.clocks)
    await fleet.begin([effect(REPLACE)], 1)
    [path] = (world.root / "simulated").glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-40])
    later = world.open()
    assert await later.settle(effect(REPLACE)) is None
    world.clocks.go_on(600)
    assert (await later.observe(SET, ["0"]))["0"].disk == "1"


async def test_a_file_that_cannot_be_written_means_nothing_began(world: World) -> None:
    from engine.model.errors import UnreachableError

    fleet = world.open()
    (world.root / "simulated").rmdir()
    with pytest.raises(UnreachableError):
        await fleet.begin([effect(EffectKind.CREATE_INSTANCE)], 1)
    assert not (await fleet.observe(SET, ["0"]))["0"].exists
