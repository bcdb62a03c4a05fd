"""A snapshot and the events after it are the state: nothing is missing, nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.decide.evolve import evolve_upgrade
from engine.decide.evolve_scale_set import evolve_scale_set
from engine.decide.fold_overview import fold_set, fold_upgrade
from engine.model.events import Recorded
from engine.model.overview import SetOverview
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Now, Upgrade
from engine.wire.events import recorded_from_dict
from engine.wire.recording import Header, read_lines
from tests.end_to_end.world import SCALE_SET, World


def snapshot(world: World, scope: str) -> tuple[Header, list[object]]:
    header, *records = read_lines(world.client.snapshot(scope), "snapshot")
    assert isinstance(header, Header)
    return header, list(records)


def only(kind: type, records: Iterable[object]) -> list:
    return [record for record in records if type(record) is kind]


def after(world: World, header: Header) -> list[Recorded]:
    return [recorded_from_dict(line) for line in world.client.events(header.first, header.scope, False)]


def now_of(recorded: Recorded) -> Now:
    return Now(recorded.at, recorded.clock)


def test_folding_the_events_after_an_early_snapshot_gives_the_late_one(world: World) -> None:
    # Given two snapshots before anything moved, one of the set and one from afar
    world.publish("1.0.0")
    world.create(5)
    world.publish("1.1.0")
    of_set, set_records = snapshot(world, SCALE_SET)
    from_afar, afar_records = snapshot(world, "overview")
    # When an upgrade with a hold, a skip, a removed and an added instance has run and was rolled back
    world.client.command("hold", {"set": SCALE_SET, "instance": "1", "reason": "in use"})
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "step": True})
    world.until(lambda: world.status()["state"] == "Paused")
    world.client.command("release", {"set": SCALE_SET, "instance": "1"})
    world.client.command("skip", {"set": SCALE_SET, "instances": ["3"]})
    world.client.command("scale", {"set": SCALE_SET, "capacity": 4})
    world.client.command("scale", {"set": SCALE_SET, "capacity": 6})
    world.until(lambda: world.created(6))
    world.client.command("rollback", {"set": SCALE_SET, "reason": "not today"})
    world.until_ended()
    # Then each early snapshot, folded, is the late one
    scale_set, upgrade = only(ScaleSet, set_records)[0], None
    for recorded in after(world, of_set):
        if recorded.stream.startswith("scale_set/"):
            scale_set = evolve_scale_set(scale_set, recorded.event, now_of(recorded))
        elif recorded.stream.startswith("upgrade/"):
            upgrade = evolve_upgrade(upgrade, recorded.event, now_of(recorded))
    late = snapshot(world, SCALE_SET)[1]
    assert scale_set == only(ScaleSet, late)[0]
    assert upgrade == only(Upgrade, late)[0]
    seen, seen_upgrade = only(SetOverview, afar_records)[0], None
    for recorded in after(world, from_afar):
        if recorded.stream.startswith("scale_set/"):
            seen = fold_set(seen, recorded.event, now_of(recorded))
        elif recorded.stream.startswith("upgrade/"):
            seen_upgrade = fold_upgrade(seen_upgrade, recorded.event, now_of(recorded))
    late_overview = only(SetOverview, snapshot(world, "overview")[1])[0]
    assert seen_upgrade == late_overview.upgrade
    assert replace(seen, upgrade=late_overview.upgrade) == late_overview


def test_a_past_upgrade_is_recorded_from_just_before_it_to_its_end(world: World) -> None:
    # Given a run that ended, one after it, and one before it
    world.publish("1.0.0")
    world.create(4)
    world.publish("1.1.0")
    for target in ("1.1.0", "1.0.0", "1.1.0"):
        world.client.command("start", {"set": SCALE_SET, "to": target, "batch": "2"})
        world.until_ended()
    runs = world.client.query("history", {"set": SCALE_SET})["ours"]
    middle = next(run["id"] for run in runs if run["target"].endswith(":1.0.0"))
    # When it is recorded
    header, *rest = read_lines(world.client.recording(middle), "recording")
    # Then it begins with the fleet on the version before, knows the runs before and nothing of those after
    assert isinstance(header, Header)
    scale_set = only(ScaleSet, rest)[0]
    assert {str(i.image.version) for i in scale_set.instances.values()} == {"1.1.0"}
    assert [u.target.version for u in only(Upgrade, rest)] == ["1.1.0"]
    # And its events, folded, end the run
    events = only(Recorded, rest)
    assert events[0].seq > header.first and events[-1].seq >= (header.last or 0)
    upgrade = None
    for recorded in events:
        if recorded.stream == f"upgrade/{middle}":
            upgrade = evolve_upgrade(upgrade, recorded.event, now_of(recorded))
        elif recorded.stream.startswith("scale_set/"):
            scale_set = evolve_scale_set(scale_set, recorded.event, now_of(recorded))
            assert scale_set is not None
    assert upgrade is not None and upgrade.state == "Completed"
    assert {str(i.image.version) for i in scale_set.instances.values()} == {"1.0.0"}
    assert not any(
        recorded.stream.startswith("upgrade/") and recorded.stream != f"upgrade/{middle}" for recorded in events
    )


def test_whoever_follows_a_set_sees_its_deletion_and_the_stream_ends(world: World) -> None:
    world.publish("1.0.0")
    world.create(1)
    stream = world.client.events(0, SCALE_SET, True)
    assert next(stream)["type"]

    world.client.command("delete", {"set": SCALE_SET})

    of_the_set = [event["type"] for event in stream if event["stream"].startswith("scale_set/")]
    assert of_the_set[-1] == "ScaleSetDeleted"  # what the engine tells of itself may still follow
    assert "Error" not in (world.state_dir / "engine.log").read_text()
