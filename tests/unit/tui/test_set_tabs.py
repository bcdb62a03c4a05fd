"""The tabs of a set and the page of an instance: what they say is true of the story they are drawn from."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from engine.arm.write_policy import policy_document
from engine.model.policy_document import PolicyDocument
from engine.model.scale_set import ExtensionResult, ScaleSet
from engine.model.upgrade import MemberState, Outcome
from tests.snapshots.moments import story
from tests.snapshots.still import StillSession
from tests.snapshots.story import Story
from tests.snapshots.test_home import everything
from tui.clocks import Clocks
from tui.glyphs import Glyphs
from tui.palette import Line
from tui.recorded_answers import recorded_answer
from tui.scene import Scene
from tui.screens.home_rows import totals_line
from tui.screens.instance_pages import InstanceView, fact_lines
from tui.screens.policy_page import Policies, policy_lines, read_policies
from tui.screens.set_pages import extension_lines, instance_head, instance_line
from tui.screens.upgrade_panel import PanelView, panel_lines

POLICY = PolicyDocument("calm", ("web-*",), 3, pause_between_batches_s=2.0)


def text(lines: list[Line]) -> list[str]:
    return ["".join(piece.text for piece in line) for line in lines]


def owned(found: Story) -> ScaleSet:
    assert found.scene.scale_set is not None
    return found.scene.scale_set


def test_the_policy_tab_tells_what_a_document_says_and_what_the_last_run_had() -> None:
    found = story("faulted")

    lines = text(policy_lines(owned(found), found.scene.upgrade, Policies((POLICY,)), 100))

    (pause,) = [line.split() for line in lines if "pauseTimeBetweenBatches" in line]
    assert pause == ["pauseTimeBetweenBatches", "2", "s", "30", "s", "policy", "calm", "(version", "3)"]
    assert "LAST RUN" in lines[0]
    assert "LAST RUN" not in text(policy_lines(owned(found), None, Policies(), 100))[0]


def test_the_documents_are_read_from_the_engine_and_where_they_are_not_known_that_is_said() -> None:
    found = story("never")
    answer = {"policies": [{"version": 3, "document": policy_document(POLICY)}]}

    known = asyncio.run(read_policies(StillSession(found.scene, answers={"policies": answer})))
    missing = asyncio.run(read_policies(StillSession(found.scene)))

    assert known == Policies((POLICY,))
    assert "does not hold policy documents" in missing.trouble
    assert "Policy documents may say otherwise" in "\n".join(text(policy_lines(owned(found), None, missing, 100)))


def test_the_extensions_tab_names_those_that_failed_and_those_that_are_missing() -> None:
    scale_set = owned(story("never"))
    instances = dict(scale_set.instances)
    for name, code in (("0", 0), ("1", 3)):
        result = ExtensionResult("configure", code, "", "", 0.0)
        instances[name] = replace(instances[name], extensions=(result,))
    few = {name: instances[name] for name in ("0", "1", "4")}

    lines = text(extension_lines(replace(scale_set, instances=few), None, Glyphs(), 80))

    assert "  ■ 1 ended well  ✗ failed on instance 1  " in lines
    assert "    not run on this disk yet: instance 4" in lines


def test_those_that_are_back_on_their_previous_disk_are_not_told_to_miss_an_extension() -> None:
    found = story("faulted")
    upgrade = found.scene.upgrade
    assert upgrade is not None

    lines = text(extension_lines(owned(found), upgrade, Glyphs(), 120))

    assert "    back on the OS disk on which it ran before the upgrade: instances 0 and 105" in lines


def in_its_batch(limit: int, in_progress: int) -> list[str]:
    """The panel of an upgrade one of whose eight has failed, of which so many are not at their end yet."""
    found = story("failing")
    upgrade = found.scene.upgrade
    assert upgrade is not None
    policy = replace(upgrade.settings.policy, max_unhealthy_upgraded_instance_percent=limit)
    done = [m for m in upgrade.members.values() if m.state is MemberState.SUCCEEDED][:in_progress]
    back = {m.id: replace(m, state=MemberState.AWAITING_HEALTH) for m in done}
    upgrade = replace(upgrade, settings=replace(upgrade.settings, policy=policy), members={**upgrade.members, **back})
    return text(panel_lines(PanelView(owned(found), upgrade, found.scene.now, Glyphs(), 80)))


def test_over_a_limit_for_now_says_how_many_more_stop_it() -> None:
    lines = in_its_batch(limit=20, in_progress=4)

    assert any("25.0 of 20 %  over so far; 1 more stops it" in line for line in lines)
    assert any(line.startswith(" ends in") for line in lines)


def test_a_run_that_is_sure_to_stop_tells_no_next_batch_and_no_time() -> None:
    lines = in_its_batch(limit=10, in_progress=4)

    assert any("over: stops when the batch ends" in line for line in lines)
    assert " next        none: it stops after this batch" in lines
    assert not any(line.startswith(" ends in") for line in lines)


def test_a_cancelled_run_tells_no_next_batch_and_none_that_never_came() -> None:
    found = story("rolling")
    upgrade = found.scene.upgrade
    assert upgrade is not None

    def panel(**changes: Any) -> list[str]:
        return text(panel_lines(PanelView(owned(found), replace(upgrade, **changes), found.scene.now, Glyphs(), 80)))

    lines = panel(cancelling=True)
    assert " next        none: it is being cancelled" in lines
    assert any(line.rstrip().endswith("untouched") for line in lines)
    ended = panel(outcome=Outcome.CANCELLED, outlook=None)
    assert any(line.startswith(" batches") and line.endswith(" 6, then it stopped") for line in ended)


def test_every_column_of_the_instances_has_its_name_at_every_width() -> None:
    instance = owned(story("faulted")).instances["0"]
    upgrade = story("faulted").scene.upgrade
    assert upgrade is not None
    member = next(m for m in upgrade.members.values() if m.instance_id == "0")
    for width in (78, 118):
        (head,) = text([instance_head(width)])
        (line,) = text([instance_line(instance, member, upgrade, Glyphs(), marked=False, width=width)])
        assert line.index(member.error.message if member.error else "?") == head.index("WHY")


def test_the_disk_it_failed_on_is_not_called_one_to_go_back_to() -> None:
    found = story("faulted")
    upgrade, scale_set = found.scene.upgrade, owned(found)
    assert upgrade is not None
    member = next(m for m in upgrade.members.values() if m.state is MemberState.ROLLED_BACK)
    assert member.restore_point is not None
    instance = replace(
        scale_set.instances[member.instance_id], disk=member.restore_point.disk, previous_disk="2", previous_image=None
    )
    view = InstanceView(scale_set, instance, upgrade, member, found.scene.now, Clocks(), Glyphs(), 100)

    back = "\n".join(text(fact_lines(view)))
    ahead = "\n".join(text(fact_lines(replace(view, instance=replace(instance, disk="2", previous_disk="1")))))

    assert "2, on which it failed, kept to be looked into" in back
    assert "1, kept to go back to" in ahead


def test_on_the_way_back_no_limit_is_drawn() -> None:
    found = story("back")
    upgrade = found.scene.upgrade
    assert upgrade is not None

    lines = "\n".join(text(panel_lines(PanelView(owned(found), upgrade, found.scene.now, Glyphs(), 60))))

    assert "no limit stops it" in lines
    assert "over the limit" not in lines and " of 20 %" not in lines


def test_a_recording_of_one_set_does_not_claim_that_nobody_gave_a_command() -> None:
    scene = story("never").scene

    of_a_set = recorded_answer("audit", {}, scene, (), "web.jsonl")
    of_all = recorded_answer("audit", {}, Scene("overview"), (), "all.jsonl")
    before = recorded_answer("audit", {}, replace(scene, seq=0), story("refused").events, "web.jsonl")

    assert of_a_set == {"entries": [], "later": 0, "whole": False}
    assert of_all["whole"]
    assert before["entries"] == [] and before["later"] > 0


def test_a_recording_counts_the_instances_on_an_image() -> None:
    answer = recorded_answer("images", {}, story("rolling").scene, (), "web.jsonl")

    counts = {one["reference"].rpartition(":")[2]: one["instances"]["web-eu"] for one in answer["images"]}
    assert sum(counts.values()) == 120 and set(counts) == {"1.0.3", "1.1.0"}


def test_the_totals_are_whole_on_a_narrow_screen() -> None:
    rows = list(everything().sets.values())
    for width in (80, 120):
        (line,) = text([totals_line(rows, Glyphs(), width)])
        assert len(line) <= width
        assert "1 faulted" in line and "1 paused" in line and "1 rolling" in line
    assert "✗ 230 of 231 healthy" in text([totals_line(rows, Glyphs(), 80)])[0]
