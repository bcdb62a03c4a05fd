"""Explanations: every code of Azure, and upgrades with their numbers, causes and what to do."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import typer.main

from engine.decide.plan_upgrade import make_plan, new_upgrade
from engine.model import events as e
from engine.model.code_catalogue import CATALOGUE
from engine.model.codes import ApiError, ErrorCode, ErrorDetail
from engine.model.errors import NotFoundError
from engine.model.halt import Halt
from engine.model.plan import StartRequest
from engine.model.shares import Share, Shares
from engine.model.upgrade import (
    Batch,
    Direction,
    Hold,
    HoldKind,
    LeftOut,
    Member,
    MemberState,
    Outcome,
    RestorePoint,
    Upgrade,
)
from engine.model.waits import WAITS, WaitKind
from engine.runtime.advice import advice_now
from engine.runtime.answers import upgrade_detail, upgrade_summary
from engine.runtime.engine import Engine
from engine.runtime.explain import explain
from tests.unit.runtime.conftest import apply, apply_healthy, image, scale_set_document
from tui.cli import app

COMMANDS = typer.main.get_command(app)


def begun(engine: Engine) -> Upgrade:
    """An upgrade of `web` that is paused at its first batch; its three instances are healthy."""
    apply_healthy(engine)
    fleet = engine.find_set("web")
    request = StartRequest(to="1.1.0")
    _, settings, members = make_plan(fleet, engine.state.images, request, room_free_bytes=None)
    target = engine.state.images["contoso:web:stable:1.1.0"]
    return new_upgrade(
        fleet, target, settings, members, upgrade_id="web-1", actor="ana", reason="patch day", request=request,
        now=engine.clock.now(),
    )  # fmt: skip


def failed_member(upgrade: Upgrade) -> Member:
    """Instance 0, which failed and has its disk of 1.0.0 again."""
    point = RestorePoint(image("1.0.0").reference, "sha256:1.0.0", "1")
    return replace(
        upgrade.members["m0"], state=MemberState.ROLLED_BACK, replaced=True, judged_failed=True, restore_point=point
    )


def faulted(engine: Engine) -> Upgrade:
    upgrade = begun(engine)
    detail = ErrorDetail(ErrorCode.INSTANCE_UNHEALTHY, "web/virtualMachines/0", "Not healthy within 6 s: answered 503")
    error = ApiError(ErrorCode.UNHEALTHY_UPGRADED, "100% of instances are in an unhealthy state", None, (detail,))
    failed = failed_member(upgrade)
    batch = Batch(1, Direction.FORWARD, "", 0, ("m0",), 1, "why", 0.0, 1.0, failed=True)
    upgrade = replace(upgrade, checking=False, batches=(batch,), members={**upgrade.members, "m0": failed})
    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeStarted(upgrade), e.UpgradeFaulted(error))
    there = e.InstanceDiskChanged("2", upgrade.target, upgrade.target_digest, "2", "1", None, True, "127.0.0.1:1")
    turn.on_scale_set(upgrade.scale_set, there)
    engine.commit(turn)
    return engine.state.upgrades["web-1"]


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_is_explained_by_its_beginning_in_any_case_with_what_to_do(engine: Engine, code: ErrorCode) -> None:
    answer = explain(engine, code.value.upper())

    assert answer["codes"] == [code.value]
    assert answer["title"].startswith(f"{code.value}: ")
    meaning, *rest = answer["words"]
    assert len(meaning) > 60 and meaning.endswith(".")
    assert any(line.startswith("- ") for line in rest)


@pytest.mark.parametrize("kind", (*HoldKind, *WaitKind))
def test_every_reason_to_wait_is_explained_by_its_name_in_any_case(engine: Engine, kind: HoldKind | WaitKind) -> None:
    answer = explain(engine, kind.value.lower())

    assert answer["codes"] == [kind.value]
    assert answer["title"] == f"{kind.value}: {WAITS[kind.value].title}"
    meaning, ends, *_, here = answer["words"]
    assert len(meaning) > 60 and meaning.endswith(".")
    assert ends.startswith("What ends it: ") and ends.endswith(".")
    assert here == "Here: no upgrade waits for it now."


def test_names_that_begin_alike_are_listed_whatever_they_are(engine: Engine) -> None:
    answer = explain(engine, "opera")
    assert answer["title"] == "2 codes and reasons to wait begin so"
    assert answer["codes"] == ["OperationNotAllowed", "Operator"]
    assert explain(engine, "instances")["title"] == "3 reasons to wait begin so"
    assert explain(engine, "health")["codes"] == ["Health"], "a whole name means itself"


def test_who_waits_for_it_is_named_with_the_upgrade_or_its_instances(engine: Engine) -> None:
    upgrade = begun(engine)
    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeStarted(upgrade), e.HoldRaised(Hold(HoldKind.OPERATOR, 1.0, "omar", "lunch")))
    engine.commit(turn)

    assert explain(engine, "Operator")["words"][-1].startswith("Here: web-1 of web: paused by omar: lunch")
    assert explain(engine, "Batch")["words"][-1] == "Here: 3 instances of web-1, web: 0, 1, 2"
    assert "- What that means, and what ends it: rollset explain Operator" in explain(engine, "web")["words"]


def test_several_codes_are_listed_with_their_titles(engine: Engine) -> None:
    answer = explain(engine, "maxunhealthy")

    assert len(answer["codes"]) == 3
    assert answer["words"][0] == f"{answer['codes'][0]}: too many instances were unhealthy before the first batch"


@pytest.mark.parametrize(
    "what_to_do", (*(code.what_to_do for code in CATALOGUE.values()), *(wait.what_to_do for wait in WAITS.values()))
)
def test_what_to_do_names_verbs_that_exist(what_to_do: tuple[str, ...]) -> None:
    lines = " ".join(what_to_do)
    for verb, options in re.findall(r"rollset ([a-z-]+)((?: [A-Za-z]+| --[a-z-]+)*)", lines):
        command = COMMANDS.commands[verb]  # type: ignore[attr-defined]  # typer gives a group
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in options.split() if word.startswith("--")} <= known, (verb, options)


def test_a_faulted_upgrade_is_explained_with_numbers_names_and_causes(engine: Engine) -> None:
    faulted(engine)

    answer = explain(engine, "web")
    words = "\n".join(answer["words"])
    assert answer["title"] == "web-1 is Faulted"
    assert "1.0.0 to 1.1.0, started by ana (patch day), 1 batch began." in words
    assert (
        "0 instances succeeded, 1 failed (1 of them back on their previous disk), 0 in progress, 2 untouched" in words
    )
    assert "unhealthy of those upgraded now: 1 of 1 (100 %), the limit is 20 %." in words
    assert "web/virtualMachines/0: Not healthy within 6 s: answered 503" in words
    assert "rollset rollback web" in words and "rollset retry web 0" in words
    assert "rollset image exclude contoso:web:stable:1.1.0" in words
    assert explain(engine, "web-1") == answer


def test_a_broken_limit_is_explained_with_the_numbers_of_the_stop_and_those_of_now(engine: Engine) -> None:
    upgrade = faulted(engine)
    assert upgrade.error is not None
    kept = replace(upgrade.error, shares=Shares(Share(2, 3, 20), Share(2, 2, 20)))
    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeStarted(replace(upgrade, error=kept)))
    engine.commit(turn)

    words = "\n".join(explain(engine, "web")["words"])
    assert "unhealthy of the whole set when it stopped: 2 of 3 (66 %), the limit is 20 %; now it is 0 of 3." in words
    assert "unhealthy of those upgraded when it stopped: 2 of 2 (100 %), the limit is 20 %; now it is 1 of 1." in words
    limits = upgrade_detail(engine, engine.state.upgrades["web-1"])["ours"]["limits"]
    assert [limits[name]["now"] for name in ("unhealthy", "upgraded")] == [2, 2]
    assert all(limits[name]["at_its_stop"] for name in ("unhealthy", "upgraded"))


def advice(engine: Engine, what: str) -> list[str]:
    words: list[str] = explain(engine, what)["words"]
    return [line for line in words if line.startswith("- ")]


def test_what_would_be_refused_now_is_not_advised_and_the_last_line_says_why(engine: Engine) -> None:
    over = faulted(engine)
    assert not any("Not now" in line for line in advice(engine, "web"))
    turn = engine.turn()
    turn.on_upgrade("web-2", e.UpgradeStarted(replace(over, id="web-2", outcome=None, started_at=over.started_at + 1)))
    turn.on_image(replace(image("1.1.0"), excluded_from_latest=True), e.ImageExclusionChanged(over.target, True, ""))
    engine.commit(turn)

    *told, why = advice(engine, "web-1")
    assert told == ["- Read what the first failed instance's probe and extensions said: rollset events web"]
    assert why.startswith("- Not now: rollback, retry: web-2 to 1.1.0 came after it, and is ")
    assert why in advice(engine, "MaxUnhealthyUpgraded")


def test_nothing_is_advised_for_a_set_that_was_deleted(engine: Engine) -> None:
    faulted(engine)
    turn = engine.turn()
    turn.on_scale_set(engine.find_set("web").key, e.ScaleSetDeleting("ana", ""))
    engine.commit(turn)
    assert "- Not now: rollback, retry: that web was deleted" in advice(engine, "web-1")


def test_an_instance_that_left_is_not_advised_to_be_retried(engine: Engine) -> None:
    faulted(engine)
    turn = engine.turn()
    turn.on_scale_set(engine.find_set("web").key, e.InstanceRemoved("0", "scaled in"))
    engine.commit(turn)
    assert any("Not now: retry: " in line and "no instance failed in it" in line for line in advice(engine, "web-1"))


@pytest.mark.parametrize(
    ("held", "advised"), ((True, {"retry", "resume", "rollback", "pause"}), (False, {"retry", "rollback", "pause"}))
)
def test_of_a_live_upgrade_only_what_it_would_take_is_advised(engine: Engine, held: bool, advised: set[str]) -> None:
    over = begun(engine)
    failed = failed_member(over)
    holds = {HoldKind.OPERATOR: Hold(HoldKind.OPERATOR, 1.0, "omar", "lunch")} if held else {}
    live = replace(over, checking=False, members={**over.members, "m0": failed}, holds=holds)
    engine.state.upgrades[live.id] = live
    found = " ".join(advice_now(engine, CATALOGUE[ErrorCode.IN_PROGRESS_WITH_FAILED], live))
    assert {verb for verb in ("retry", "resume", "rollback", "pause") if f"rollset {verb} " in found} == advised
    assert "Not now" not in found


def test_a_run_that_waits_for_a_held_instance_names_the_command_that_releases_it(engine: Engine) -> None:
    over = begun(engine)
    done = {name: replace(m, state=MemberState.SUCCEEDED) for name, m in over.members.items()}
    held = replace(done["m0"], state=MemberState.LEFT_OUT, left_out=LeftOut.HELD)
    engine.state.upgrades[over.id] = replace(over, checking=False, members={**done, "m0": held})
    words = explain(engine, over.id)["words"]
    assert "- rollset release web 0, or end without it: rollset skip web 0" in words


def test_a_rollback_that_went_well_says_that_nobody_failed(engine: Engine) -> None:
    over = faulted(engine)
    back = replace(over, outcome=Outcome.ROLLED_BACK, direction=Direction.BACK, error=None)
    engine.state.upgrades[over.id] = back
    found = explain(engine, over.id)["words"][1]
    assert "1 rolled back, 0 failed" in found
    ours = upgrade_detail(engine, back)["ours"]
    assert (ours["percent"], ours["rolled_back"], ours["counters"]["failed"]) == (100, 1, 1)


def test_a_run_that_had_nothing_to_do_names_the_one_it_stands_in_front_of(engine: Engine) -> None:
    over = faulted(engine)
    turn = engine.turn()
    idle = replace(over, id="web-2", outcome=None, batches=(), started_at=over.started_at + 1, error=None)
    turn.on_upgrade("web-2", e.UpgradeStarted(idle), e.UpgradeCompleted())
    engine.commit(turn)

    last = explain(engine, "web")
    assert last["title"] == "web-2 is Completed"
    assert "Nothing was to be done. Before it web-1 to 1.1.0 is Faulted" in last["words"][-1]
    status = upgrade_detail(engine, engine.state.upgrades["web-2"])["ours"]
    assert (status["nothing_to_do"], status["before"]["id"]) == (True, "web-1")
    assert any("rollset rollback web" in line for line in advice(engine, "web-1")), "rollback is still about that one"


def test_a_code_is_explained_with_the_upgrades_that_met_it_here(engine: Engine) -> None:
    faulted(engine)

    words = "\n".join(explain(engine, "maxunhealthyu")["words"])
    assert "Azure says: Rolling Upgrade failed after exceeding the MaxUnhealthyUpgradedInstancePercent" in words
    assert "Here: web-1 to 1.1.0 is Faulted (1970-01-01 00:16 UTC): 0 succeeded, 1 failed" in words
    assert "rollset rollback web" in words


def test_a_live_upgrade_says_what_it_waits_for_and_how_many_more_stop_it(engine: Engine) -> None:
    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeStarted(replace(begun(engine), starts_not_before_at=2000.0, delayed=True)))
    engine.commit(turn)

    words = "\n".join(explain(engine, "web")["words"])
    assert "It waits for: the start time that was asked for" in words
    assert "the limit is 20 %; 1 more stops it." in words


def test_an_end_before_the_first_batch_says_whom_it_was_about_where_azures_four_are_zero(engine: Engine) -> None:
    over = begun(engine)
    turn = engine.turn()
    waiting = replace(over, starts_not_before_at=2000.0, delayed=True)
    turn.on_upgrade("web-1", e.UpgradeStarted(waiting))
    engine.commit(turn)
    assert "Nothing was touched yet: 3 instances to upgrade." in explain(engine, "web")["words"]

    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeFaulted(ApiError(ErrorCode.UNHEALTHY_BEFORE, "41% are unhealthy")))
    engine.commit(turn)
    said = "It ended before the first batch: none of the 3 instances to upgrade was touched."
    assert said in explain(engine, "web")["words"]
    ours = upgrade_detail(engine, engine.state.upgrades["web-1"])["ours"]
    assert (ours["to_go"], ours["counters"]["pending"]) == (3, 0)


def test_what_is_neither_is_refused_with_the_codes(engine: Engine) -> None:
    with pytest.raises(NotFoundError, match="neither an upgrade, a scale set nor the beginning") as refusal:
        explain(engine, "zzz")
    assert "VMExtensionProvisioningError" in refusal.value.next_step

    apply(engine, scale_set_document())
    with pytest.raises(NotFoundError, match="web was never upgraded"):
        explain(engine, "web")


def test_an_upgrade_is_explained_by_the_beginning_of_its_id(engine: Engine) -> None:
    upgrade = begun(engine)
    turn = engine.turn()
    turn.on_upgrade("web-1-3f2a", e.UpgradeStarted(replace(upgrade, id="web-1-3f2a")), e.UpgradeCompleted())
    turn.on_upgrade("web-12-77aa", e.UpgradeStarted(replace(upgrade, id="web-12-77aa")))
    engine.commit(turn)

    assert explain(engine, "web-1")["title"] == "web-1-3f2a is Completed"
    assert explain(engine, "web-12-7")["title"] == "web-12-77aa is RollingForward"
    with pytest.raises(NotFoundError, match="2 upgrades begin with 'web-': web-12-77aa, web-1-3f2a"):
        explain(engine, "web-")
    with pytest.raises(NotFoundError, match="neither an upgrade"):
        explain(engine, "web-2")


def test_who_paused_it_is_told_without_waiting_for_a_pause(engine: Engine) -> None:
    turn = engine.turn()
    hold = Hold(HoldKind.OPERATOR, turn.now.at, "omar", "lunch")
    turn.on_upgrade("web-1", e.UpgradeStarted(begun(engine)), e.HoldRaised(hold))
    engine.commit(turn)

    assert "It is paused by omar: lunch" in explain(engine, "web")["words"]


def test_on_the_way_back_no_limit_is_said_to_stop_it(engine: Engine) -> None:
    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeStarted(replace(begun(engine), checking=False, direction=Direction.BACK)))
    engine.commit(turn)

    words = "\n".join(explain(engine, "web")["words"])
    assert "unhealthy of the whole set now: 0 of 3; no limit of them stops a rollback." in words
    assert "the limit is" not in words


def test_a_paused_way_back_says_that_it_is_one_and_that_no_limit_stops_it(engine: Engine) -> None:
    upgrade = begun(engine)
    turn = engine.turn()
    held = e.HoldRaised(Hold(HoldKind.OPERATOR, 1.0, "omar", "lunch"))
    turn.on_upgrade("web-1", e.UpgradeStarted(upgrade), e.RollBackRequested("ana"), held)
    engine.commit(turn)

    assert upgrade_summary(engine, engine.state.upgrades["web-1"])["goes_back"]
    assert "It goes back to 1.0.0: no limit stops that." in explain(engine, "web")["words"]


def test_a_step_says_that_it_pauses_after_its_batch(engine: Engine) -> None:
    upgrade = begun(engine)
    turn = engine.turn()
    turn.on_upgrade("web-1", e.UpgradeStarted(upgrade), e.StepGranted("ana"))
    engine.commit(turn)

    assert upgrade_summary(engine, engine.state.upgrades["web-1"])["pause_after_batch"]
    assert "One batch, then it pauses: a step asked for that." in explain(engine, "web")["words"]


def test_a_reason_to_wait_says_first_that_everything_is_halted(engine: Engine) -> None:
    assert not explain(engine, "Operator")["words"][0].startswith("Everything is halted")
    turn = engine.turn()
    turn.on_halt(e.HaltBegan(Halt("ana", 1.0, "fire")))
    engine.commit(turn)

    words = explain(engine, "Operator")["words"]
    assert words[0].startswith("Everything is halted by ana since ")
    assert "rollset lift-halt" in words[1]
