"""Live is replay at its head: the same lines give the same state, whatever brings them."""

from __future__ import annotations

import json

from engine.decide.evolve import evolve_upgrade
from engine.model import events as e
from engine.model.commands import Verb
from engine.model.engine_events import Attached
from engine.model.events import Recorded
from engine.model.image import ImageReference
from engine.model.policy import RunSettings
from engine.model.scale_set import Instance, ScaleSet, ScaleSetModel
from engine.model.upgrade import Member, MemberState, Now, Outlook, Upgrade
from engine.wire.events import recorded_to_dict
from engine.wire.recording import OVERVIEW, Earlier, Header, earlier_line, record_line
from engine.wire.words import words
from tests.snapshots.story import Story, has_ended
from tests.snapshots.story import scale_set as whole_set
from tui.recording import RecordedSession
from tui.scene import Scene, fold
from tui.scene_events import feed_line, is_quiet
from tui.session import LinkState

OLD = ImageReference("contoso", "web", "stable", "1.0.0")
NEW = OLD.with_version("1.1.0")
KEY = "/sets/web"


def scale_set() -> ScaleSet:
    instances = {str(i): Instance(str(i), "1", i % 2, 0, OLD, "sha256:1", "1", 0.0) for i in range(4)}
    return ScaleSet(KEY, KEY, "web", "eu", "s", 4, ScaleSetModel(OLD), instances=instances)


def upgrade() -> Upgrade:
    members = {str(i): Member(str(i), str(i), "1", i % 2, 0) for i in range(4)}
    return Upgrade(
        "u", KEY, "web", RunSettings(), NEW, "sha256:2", (), OLD, "User", "ana", "", 10.0, 10.0, members=members
    )


def recorded(seq: int, stream: str, event: e.Event) -> Recorded:
    return Recorded(seq, stream, seq, 10.0 + seq, 10.0 + seq, 1, "ana", "", event)


def faulted() -> Story:
    """An upgrade with failures, told to its end."""
    found = Story(whole_set("web", 30, "westeurope"), bad=frozenset(str(n) for n in range(0, 30, 4)))
    found.start()
    found.command(Verb.PAUSE, "omar", "lunch")
    found.command(Verb.RESUME, "omar", "")
    found.until(has_ended)
    return found


def story() -> list[Recorded]:
    moved = e.MemberMoved("0", "0", MemberState.PENDING, MemberState.CAPTURING)
    return [
        recorded(1, "upgrade/u", e.UpgradeStarted(upgrade())),
        recorded(2, "upgrade/u", e.CheckPassed(0, 4)),
        recorded(3, "upgrade/u", moved),
        recorded(4, "upgrade/u", e.UpgradeCancelled()),
    ]


def test_a_set_and_its_overview_are_folded_from_the_same_events() -> None:
    scene = fold(fold(Scene(""), Header(KEY, 0, 5.0, 5.0, "rollset")), scale_set())

    for line in story():
        scene = fold(scene, line)

    now = Now(11.0, 11.0)
    whole = evolve_upgrade(None, story()[0].event, now)
    assert scene.upgrade is not None and scene.upgrade.id == whole.id
    assert scene.upgrade.members["0"].state is MemberState.CAPTURING
    row = scene.sets[KEY].upgrade
    assert row is not None and row.tally == {"pending": 3, "in_progress": 1}
    assert scene.history["u"] == row
    assert [line.type for line in scene.feed] == ["UpgradeStarted", "CheckPassed", "MemberMoved", "UpgradeCancelled"]
    assert (scene.seq, scene.now) == (4, Now(14.0, 14.0))


def test_events_of_an_upgrade_that_is_not_known_change_nothing_but_the_feed() -> None:
    scene = fold(Scene(KEY), recorded(7, "upgrade/other", e.UpgradeCompleted()))

    assert scene.upgrades == {} and scene.seq == 7 and len(scene.feed) == 1


def session() -> RecordedSession:
    import json

    from engine.wire.recording import header_line

    lines = [header_line(Header(KEY, 0, 5.0, 5.0, "rollset")), record_line(scale_set())]
    return RecordedSession("web.jsonl", [*lines, *(json.dumps(recorded_to_dict(line)) for line in story())])


def test_a_recording_goes_forward_and_back_to_the_same_states() -> None:
    player = session().player
    there = []
    for position in range(player.length + 1):
        player.seek(position)
        there.append(player.scene)

    player.seek(player.length)
    back = []
    for _ in range(player.length + 1):
        back.append(player.scene)
        player.step(-1)

    assert back[::-1] == there
    assert player.link.state is LinkState.STANDING


def test_a_recording_stops_at_its_end() -> None:
    player = session().player

    player.step(99)

    assert player.position == player.length
    assert player.link.state is LinkState.ENDED
    assert not player.seek_error(1)


def test_who_is_present_is_known_from_the_last_word_on_it_and_is_no_line_of_the_feed() -> None:
    ana = Attached("ana", "admin", "local", 1, 5.0)
    scene = fold(Scene(""), Header(OVERVIEW, 0, 5.0, 5.0, "rollset"))

    scene = fold(scene, Earlier(recorded_to_dict(recorded(1, "engine", e.PresenceChanged((ana,))))))
    assert scene.present == (ana,)
    scene = fold(scene, recorded(2, "engine", e.PresenceChanged(())))

    assert scene.present == ()
    assert scene.feed == ()


def test_an_event_before_the_snapshot_is_told_as_one_after_it() -> None:
    for item in faulted().events:
        line = recorded_to_dict(item)
        begun = fold(Scene(""), Header(KEY, 0, 5.0, 5.0, "rollset"))
        told = fold(begun, Earlier(line | {"words": words(item.event)}))
        assert told.feed == fold(begun, Earlier(line)).feed == (() if is_quiet(item.event) else (feed_line(item),))


def test_what_another_line_says_is_no_line_of_the_feed_now_or_before() -> None:
    outlook = e.UpgradeOutlookChanged(Outlook(3, "", "", 0.0))
    scene = fold(fold(Scene(""), Header(KEY, 0, 5.0, 5.0, "rollset")), scale_set())

    scene = fold(scene, Earlier(recorded_to_dict(recorded(1, "upgrade/u", outlook))))
    for line in story():
        scene = fold(scene, line)
    scene = fold(scene, recorded(9, "upgrade/u", outlook))

    assert [line.type for line in scene.feed] == ["UpgradeStarted", "CheckPassed", "MemberMoved", "UpgradeCancelled"]


def test_a_recording_of_one_run_begins_with_that_run_and_leaves_out_what_was_told_before() -> None:
    found = faulted()
    before = earlier_line(
        json.dumps(recorded_to_dict(recorded(1, "engine", e.EngineStarted(1, "0.1.0", 1, 0.0, True))))
    )
    lines = [found.recording[0], before, *found.recording[1:]]

    whole, run = RecordedSession("file", lines), RecordedSession(found.run, lines, run=found.run)

    assert whole.player.scene.upgrade is None and len(whole.player.scene.feed) == 1
    shown = run.player.scene
    assert shown.upgrade is not None and shown.upgrade.id == found.run
    assert len(shown.feed) == run.player.position
    run.player.seek(0)
    assert run.player.scene.upgrade is None and not run.player.scene.feed
