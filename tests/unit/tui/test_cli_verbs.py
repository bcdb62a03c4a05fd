"""Every verb sends the right command or query, and prints what came back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import UnreachableError
from tests.unit.tui.fake_engine import COMPLETED, SET, UPGRADE, FakeEngine
from tui.verbs import moving

Run = Callable[..., Any]

STEERING = [
    (["pause", "web"], "pause", {}),
    (["resume", "web"], "resume", {}),
    (["step", "web"], "step", {}),
    (["cancel", "web"], "cancel", {}),
    (["rollback", "web"], "rollback", {}),
    (["accept-loss", "web"], "accept-loss", {}),
    (["retry", "web", "3", "4"], "retry", {"instances": ["3", "4"]}),
    (["retry", "web"], "retry", {"instances": []}),
    (["skip", "web", "3"], "skip", {"instances": ["3"]}),
    (["release", "web", "3"], "release", {"instance": "3"}),
    (["hold", "web", "3"], "hold", {"instance": "3"}),
    (["hold", "web", "3", "--until", "2026-01-01T00:00:00Z"], "hold", {"instance": "3", "until": 1767225600.0}),
    (["protect", "web", "3"], "protect", {"instance": "3", "from_actions": True, "from_scale_in": True}),
    (
        ["protect", "web", "3", "--no-from-actions"],
        "protect",
        {"instance": "3", "from_actions": False, "from_scale_in": True},
    ),
    (["scale", "web", "7"], "scale", {"capacity": 7}),
    (["delete", "web", "--confirm", "web"], "delete", {"confirm": "web"}),
]


@pytest.mark.parametrize(("line", "verb", "arguments"), STEERING)
def test_a_changing_verb_sends_its_arguments_and_the_reason(
    run: Run, engine: FakeEngine, line: list[str], verb: str, arguments: dict[str, Any]
) -> None:
    result = run(*line, "--reason", "because")

    assert result.exit_code == 0, result.output
    assert engine.commands == [(verb, {"set": "web", "reason": "because"} | arguments)]
    assert "done" in result.stdout


def test_a_command_that_was_carried_out_before_shows_where_the_upgrade_stands(run: Run, engine: FakeEngine) -> None:
    engine.answers["pause"] = engine.answers["start"] = {"message": "carried out before", "repeated": True}
    engine.answers["status"] = {"azure": {}, "ours": UPGRADE}

    assert run("pause", "web").stdout.startswith("carried out before\nweb to 1.1.0")
    assert run("start", "web").stdout.startswith("carried out before\nweb to 1.1.0")


def test_start_sends_every_setting_in_the_engines_units(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"hash": "abc"}')
    line = (
        "start web --to 1.1.0 --batch 20% --pause-between-batches 90s --max-unhealthy 30 --max-unhealthy-upgraded 0 "
        f"--restore-failed never --health-window 2m --timeout 1h --step --at 2026-01-01T00:00:00Z --plan {plan}"
    )

    assert run(*line.split()).exit_code == 0
    assert engine.commands == [
        (
            "start",
            {
                "set": "web",
                "to": "1.1.0",
                "batch": "20%",
                "pause_between_batches": "PT1M30S",
                "max_unhealthy": 30,
                "max_unhealthy_upgraded": 0,
                "restore_failed": "never",
                "health_window": 120.0,
                "timeout": 3600.0,
                "step": True,
                "at": 1767225600.0,
                "plan": {"hash": "abc"},
            },
        )
    ]


def test_apply_sends_the_documents_of_each_file(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    file = tmp_path / "web.json"
    file.write_text('[{"name": "web"}, {"name": "lb"}]')
    engine.answers["apply"] = {"results": [{"name": "web", "action": "created", "warnings": ["two probes"]}]}

    result = run("apply", str(file))

    assert engine.commands == [("apply", {"documents": [{"name": "web"}, {"name": "lb"}], "files": [str(file)] * 2})]
    assert result.stdout == "web: created\n"
    assert result.stderr == "warning: two probes\n"


@pytest.mark.parametrize("content", ("{", '{"a": ', "[1]", "\x00"))
def test_a_file_that_is_no_document_is_named_and_nothing_is_sent(
    run: Run, engine: FakeEngine, tmp_path: Path, content: str
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text("{}")
    bad.write_text(content)

    result = run("apply", str(good), str(bad))

    assert result.exit_code == 2
    assert "bad.json" in result.stderr and result.stderr.startswith("error: InvalidParameter: ")
    assert engine.commands == []


def test_image_verbs(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    reference = "contoso:web:stable:1.1.0"
    answer = {"reference": reference, "digest": "sha256:00", "size_bytes": 1234, "action": "published"}
    engine.answers["image-publish"] = answer

    assert run("image", "publish", str(tmp_path), "--as", reference).exit_code == 0
    assert run("image", "exclude", reference).exit_code == 0
    assert run("image", "include", reference, "--reason", "fixed").exit_code == 0
    assert run("image", "publish", str(tmp_path / "none"), "--as", reference).exit_code == 2
    assert engine.commands == [
        ("image-publish", {"path": str(tmp_path), "reference": reference}),
        ("image-exclude", {"reference": reference}),
        ("image-include", {"reference": reference, "reason": "fixed"}),
    ]


INSTANCE = {
    "instance_id": "0",
    "zone": "1",
    "update_domain": 0,
    "fault_domain": 0,
    "image": "contoso:web:stable:1.0.0",
    "disk": "d",
    "running": True,
    "health": "Healthy",
    "health_detail": "200",
    "address": "127.1.2.3",
    "latest_model_applied": True,
    "protected": False,
    "hold": None,
    "extensions": [{"name": "configure", "exit_code": 3, "stdout": "", "stderr": "no disk\n"}],
}
PLAN = {
    "scale_set": "web",
    "target": "contoso:web:stable:1.1.0",
    "previous": "contoso:web:stable:1.0.0",
    "hash": "abc",
    "batches": [{"number": 1, "zone": "1", "update_domain": 0, "members": ["0"], "why": "first"}],
    "instances": [
        {"instance_id": "0", "image": "i", "zone": "1", "update_domain": 0, "left_out": ""},
        {"instance_id": "1", "image": "i", "zone": "2", "update_domain": 0, "left_out": "held"},
    ],
    "checks": [{"level": "warned", "words": "no probe", "cure": "add one"}],
    "restore_point": "1.0.0",
    "room_needed_bytes": 5,
    "room_free_bytes": 5_000_000,
    "eta_low_s": 10.0,
    "eta_high_s": 200.0,
    "eta_origin": "the last 2 upgrades",
    "settings": [{"name": "batch", "value": "20%", "origin": "command"}],
}
READING: list[tuple[list[str], str, dict[str, str], Any, str]] = [
    (["sets"], "sets", {}, {"sets": [SET]}, "web"),
    (["show", "web"], "set", {"name": "web"}, None, "ended with 3: no disk"),
    (["image", "list"], "images", {}, {"images": []}, "no image yet"),
    (
        ["plan", "web", "--batch", "3"],
        "plan",
        {"set": "web", "batch": "3"},
        {"plan": PLAN},
        "warning: no probe (add one)",
    ),
    (["status"], "sets", {}, {"sets": [SET]}, "web"),
    (["status", "web"], "status", {"set": "web"}, {"azure": {}, "ours": UPGRADE}, "4 ok"),
    (["history"], "history", {}, {"azure": {"value": []}, "ours": [COMPLETED]}, "1m30s"),
    (["history", "web"], "history", {"set": "web"}, {"azure": {"value": []}, "ours": []}, "no upgrade yet"),
    (["explain", "maxun"], "explain", {"what": "maxun"}, {"title": "T", "words": ["w"]}, "  w"),
    (["audit", "--limit", "5"], "audit", {"limit": "5"}, {"entries": []}, "no entry yet"),
    (["doctor"], "doctor", {}, {"checks": [{"name": "log", "ok": True, "words": "whole", "next_step": ""}]}, "whole"),
    (
        ["engine", "status"],
        "engine",
        {},
        {"pid": 7, "version": "1", "started_at": 0.0, "epoch": 2, "head": 3, "sets": 1, "live_upgrades": 0},
        "engine 7",
    ),
]


@pytest.mark.parametrize(("line", "what", "arguments", "answer", "shown"), READING)
def test_a_reading_verb_shows_its_answer_and_gives_only_json_with_json(
    run: Run, engine: FakeEngine, line: list[str], what: str, arguments: dict[str, str], answer: Any, shown: str
) -> None:
    if answer is None:
        answer = {"azure": {}, "ours": SET | {"model_version": 1, "instances_list": [INSTANCE]}}
    engine.answers[what] = answer

    for_people, for_programs = run(*line), run(*line, "--json")

    assert for_people.exit_code == 0, for_people.output
    assert shown in for_people.stdout
    assert json.loads(for_programs.stdout) == answer
    assert [asked for asked in engine.queries if asked[0] == what] == [(what, arguments)] * 2


def test_a_plan_beside_a_live_upgrade_says_that_a_start_would_be_refused(run: Run, engine: FakeEngine) -> None:
    live = UPGRADE | {"ended_at": None, "state": "RollingForward"}
    engine.answers |= {"plan": {"plan": PLAN}, "status": {"ours": live}}

    assert f"REFUSED: {UPGRADE['id']} is live (RollingForward): a start would be refused" in run("plan", "web").stdout

    engine.answers["status"] = {"ours": COMPLETED}
    assert "REFUSED" not in run("plan", "web").stdout


def test_sets_and_plans_say_what_the_instances_run_not_what_the_model_names(run: Run, engine: FakeEngine) -> None:
    mixed = SET | {"image": "contoso:web:stable:1.2.0", "versions": {"1.1.0": 10, "1.2.0": 2}}
    engine.answers["sets"] = {"sets": [mixed, SET | {"versions": {}}]}
    engine.answers["plan"] = {"plan": PLAN | {"previous": "a:b:c:1.0.3 (10), a:b:c:1.0.4 (2)"}}

    several, none = run("sets").stdout.splitlines()[1:]
    assert "1.1.0 (10), 1.2.0 (2)" in several
    assert "  1.0.0  " in none, "without instances what the model names"
    assert run("plan", "web").stdout.startswith("web: 1.0.3 (10), 1.0.4 (2) to 1.1.0, ")


def test_a_run_that_had_nothing_to_do_shows_the_one_before_it(run: Run, engine: FakeEngine) -> None:
    before = UPGRADE | {"id": "web-1-aa", "state": "Faulted", "error": {"code": "MaxUnhealthy", "message": "m"}}
    engine.answers["status"] = {"azure": {}, "ours": COMPLETED | {"nothing_to_do": True, "before": before}}
    engine.answers["sets"] = {"sets": [SET | {"upgrade": COMPLETED | {"nothing_to_do": True}}]}

    words = "web-1-aa to 1.1.0, Faulted (MaxUnhealthy): rollset explain web-1-aa\n"
    assert words in run("status", "web").stdout
    assert "Completed to 1.1.0 nothing to do" in run("sets").stdout


def test_an_end_before_the_first_batch_is_told_with_those_it_was_about(run: Run, engine: FakeEngine) -> None:
    none = dict.fromkeys(COMPLETED["counters"], 0)
    ended = COMPLETED | {"state": "Faulted", "batch": 0, "to_go": 12, "counters": none}
    engine.answers["status"] = {"azure": {}, "ours": ended}
    engine.answers["history"] = {"azure": {"value": []}, "ours": [ended]}
    assert "12 untouched" in run("status", "web").stdout
    assert "12 untouched" in run("history").stdout
    engine.answers["status"] = {
        "azure": {},
        "ours": ended | {"state": "Checking", "ended_at": None, "takes_pending": True},
    }
    assert "batch 0/" in run("status", "web").stdout and "  12 pending  " in run("status", "web").stdout


def test_a_limit_that_is_exceeded_says_whether_the_run_goes_on(run: Run, engine: FakeEngine) -> None:
    over = {"now": 3, "total": 4, "percent": 75, "limit_percent": 20, "more_stop_it": 0, "exceeded": True}
    fine = over | {"now": 0, "exceeded": False, "more_stop_it": 1}
    limits = {"unhealthy": fine, "upgraded": over | {"verdict": "goes on unless 2 more fail in this batch"}}
    engine.answers["status"] = {"azure": {}, "ours": UPGRADE | {"limits": limits}}
    words = run("status", "web").stdout
    assert "unhealthy: 0 of 4 (75 %), limit 20 %, 1 more stops it\n" in words
    assert "(75 %), limit 20 %, over it: the run goes on unless 2 more fail in this batch\n" in words
    engine.answers["status"] = {"azure": {}, "ours": COMPLETED | {"limits": limits}}
    assert "unhealthy of those upgraded now: 3 of 4 (75 %), limit 20 %, over it\n" in run("status", "web").stdout
    kept = {"unhealthy": fine | {"at_its_stop": True}, "upgraded": over | {"at_its_stop": True}}
    engine.answers["status"] = {"azure": {}, "ours": COMPLETED | {"limits": kept}}
    words = run("status", "web").stdout
    assert "unhealthy of those upgraded when it stopped: 3 of 4 (75 %), limit 20 %, over it\n" in words


def test_plan_can_be_kept(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    engine.answers["plan"] = {"plan": PLAN}

    result = run("plan", "web", "--save", str(tmp_path / "p.json"), "--json")

    assert "room: needs 5 B, 5.0 MB free\ntime: 10s to 3m20s (the last 2 upgrades)\n" in run("plan", "web").stdout
    assert json.loads(result.stdout) == {"plan": PLAN}
    assert json.loads((tmp_path / "p.json").read_text()) == PLAN


def test_engine_start_says_what_is_booted_and_engine_stop_what_becomes_of_it(run: Run, engine: FakeEngine) -> None:
    engine.answers["engine-start"] = {"message": "the engine runs and boots 2 instances"}
    assert run("engine", "start", "--reason", "back").stdout == "the engine runs and boots 2 instances\n"
    assert engine.commands[0] == ("engine-start", {"reason": "back"})

    engine.answers["engine-stop"] = {"message": "the engine stops, and its instances with it until \x1b"}
    stopped = run("engine", "stop", "--with-instances")
    assert (stopped.stdout, stopped.exit_code) == ("engine stopped, its instances too\n", 0)
    assert "its instances with it until \\x1b" in stopped.stderr


def test_a_plain_stop_says_what_stands_still_and_who_watches(run: Run, engine: FakeEngine) -> None:
    engine.answers["engine-stop"] = {"message": "the engine stops; watching: omar", "live": [], "watching": ["omar"]}

    assert "watching: omar" in run("engine", "stop").stderr


def test_a_plain_stop_says_that_somebody_else_ends_the_instances(run: Run, engine: FakeEngine) -> None:
    engine.answers["engine-stop"] = {"message": "the engine stops, and its instances with it", "with_instances": True}

    assert run("engine", "stop").stdout == "engine stopped, its instances too\n"


@pytest.mark.parametrize("verb", ("restore", "import"))
def test_what_comes_back_halted_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    halt: dict[str, Any] = {"by": "ana", "since_at": 0.0, "reason": "not known"}
    told = {"head": 3, "aside": None, "epoch": 2, "sets": 1, "images": 0, "made_anew": 0, "halt": halt}
    monkeypatch.setattr(moving, "run_apart", lambda *_: told | {"paused": ["web"]})

    said = run(verb, str(tmp_path / "x")).stdout
    assert "; everything is halted by ana since 1970-01-01 00:00:00 UTC (not known); 1 upgrade paused (web)." in said
    assert "rollset lift-halt --reason WHY" in said

    monkeypatch.setattr(moving, "run_apart", lambda *_: told | {"paused": []})
    assert "(not known). Once it is over" in run(verb, str(tmp_path / "x")).stdout
    monkeypatch.setattr(moving, "run_apart", lambda *_: told | {"halt": None, "paused": []})
    assert "halt" not in run(verb, str(tmp_path / "x")).stdout


def test_engine_stop_says_when_none_runs(run: Run, engine: FakeEngine) -> None:
    assert run("engine", "stop", "--with-instances").exit_code == 0
    engine.answers["engine-stop"] = UnreachableError("EngineNotRunning", "no socket.")
    assert run("engine", "stop").stdout == "no engine runs\n"
    assert engine.commands[0] == ("engine-stop", {"with_instances": True})
