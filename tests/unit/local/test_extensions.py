"""Extensions really run, once per effect, in bounds, and outlive the caller."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from engine.fleets.local.facts import ExtensionResult
from engine.fleets.local.layout import read_json
from engine.fleets.local.machine import LocalMachine
from engine.model.errors import InputError, NotFoundError

from .conftest import SET, alive, create, data_of, eventually, replace


def run(machine: LocalMachine, effect_id: str, command: str, **options: Any) -> ExtensionResult:
    arguments: dict[str, Any] = {"file_uris": (), "timeout_s": 20.0, "environment": {}, "fetched": {}} | options
    begun = machine.begin_extension(
        SET, "web_0", effect_id=effect_id, epoch=1, name="install", command=command, **arguments
    )
    while (result := begun.result()) is None:
        time.sleep(0.01)
    begun.close()
    return result


def phase(machine: LocalMachine, effect_id: str) -> str:
    found = machine.effect(SET, "web_0", effect_id)
    return "" if found is None else found.phase


def in_background(
    machine: LocalMachine, effect_id: str, command: str
) -> tuple[threading.Thread, list[ExtensionResult]]:
    results: list[ExtensionResult] = []
    thread = threading.Thread(target=lambda: results.append(run(machine, effect_id, command)))
    thread.start()
    eventually(lambda: phase(machine, effect_id) == "running")
    return thread, results


def test_it_runs_with_its_files_on_the_os_disk(machine: LocalMachine, tmp_path: Path) -> None:
    create(machine)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.sh").write_text("#!/bin/sh\necho from a\n")
    (tmp_path / "b txt").write_text("from b\n")
    before = time.time()
    result = run(
        machine,
        "x1",
        './a.sh; cat "b txt"; pwd; echo "$SIZE $ROLLSET_INSTANCE [$ROLLSET_COMMAND]"; echo oops >&2; exit 3',
        file_uris=("https://example.org/a.sh?sig=x", (tmp_path / "b txt").as_uri()),
        fetched={"https://example.org/a.sh?sig=x": tmp_path / "files" / "a.sh"},
        environment={"SIZE": "big"},
    )
    assert (result.outcome, result.exit_code, result.stderr) == ("completed", 3, "oops\n")
    directory = data_of(machine).parent / "os/1/.extensions/install"
    assert result.stdout == f"from a\nfrom b\n{directory}\nbig web_0 []\n"
    assert before <= result.started_at <= time.time() and result.took_s > 0


def test_once_per_effect_id(machine: LocalMachine) -> None:
    create(machine)
    first = run(machine, "x1", 'echo ran >> "$ROLLSET_DATA/count"; date +%N')
    assert run(machine, "x1", 'echo ran >> "$ROLLSET_DATA/count"') == first
    run(machine, "x2", 'echo ran >> "$ROLLSET_DATA/count"')
    assert (data_of(machine) / "count").read_text() == "ran\nran\n"


def test_a_repeat_while_it_runs_waits_for_the_one_run(machine: LocalMachine) -> None:
    create(machine)
    command = 'echo ran >> "$ROLLSET_DATA/count"; while [ ! -e "$ROLLSET_DATA/go" ]; do sleep 0.02; done; echo ok'
    thread, first = in_background(machine, "x1", command)
    threading.Timer(0.1, (data_of(machine) / "go").touch).start()
    assert run(machine, "x1", command).stdout == "ok\n"
    thread.join()
    assert first[0].stdout == "ok\n" and (data_of(machine) / "count").read_text() == "ran\n"


def test_a_timeout_kills_its_whole_group(machine: LocalMachine) -> None:
    create(machine)
    result = run(machine, "x1", 'sleep 1000 & echo $! > "$ROLLSET_DATA/child"; echo begun; wait', timeout_s=0.5)
    assert (result.outcome, result.exit_code, result.stdout) == ("timed_out", None, "begun\n")
    assert 0.5 <= result.took_s < 1000
    assert not alive(int((data_of(machine) / "child").read_text()))


def test_outputs_keep_their_last_4_kib(machine: LocalMachine) -> None:
    create(machine)
    result = run(
        machine, "x1", "head -c 500000 /dev/zero | tr '\\0' x; echo end; head -c 10 /dev/zero | tr '\\0' y >&2"
    )
    assert len(result.stdout) == 4096 and result.stdout.endswith("xend\n")
    assert result.stdout_dropped == 500_000 + 4 - 4096
    assert (result.stderr, result.stderr_dropped) == ("y" * 10, 0)


def test_stopping_the_instance_interrupts_it(machine: LocalMachine) -> None:
    create(machine)
    thread, results = in_background(machine, "x1", 'echo $$ > "$ROLLSET_DATA/child"; exec sleep 1000')
    eventually(lambda: (data_of(machine) / "child").exists() and (data_of(machine) / "child").read_text())
    machine.stop(SET, "web_0")
    thread.join()
    assert (results[0].outcome, results[0].exit_code) == ("interrupted", None)
    assert not alive(int((data_of(machine) / "child").read_text()))


def test_a_run_whose_end_nobody_saw_is_unknown_and_not_repeated(machine: LocalMachine) -> None:
    create(machine)
    thread, results = in_background(machine, "x1", 'echo ran >> "$ROLLSET_DATA/count"; exec sleep 1000')
    count = data_of(machine) / "count"
    eventually(lambda: count.exists() and count.read_text() == "ran\n")
    record = read_json(machine._paths(SET, "web_0").effect_record("x1"))
    assert record is not None
    os.kill(record["runner_pid"], signal.SIGKILL)
    thread.join()
    assert results[0].outcome == "unknown" and results[0].exit_code is None
    assert machine.observe(SET, "web_0").last_effect_phase == "unknown"
    assert run(machine, "x1", 'echo ran >> "$ROLLSET_DATA/count"').outcome == "unknown"
    assert (data_of(machine) / "count").read_text() == "ran\n"


@pytest.mark.parametrize(
    "uri", ("https://example.org/a.sh", "../outside", "missing", "file:/no/such/file", "file://host/etc/passwd")
)
def test_other_file_uris_are_refused_and_nothing_runs(machine: LocalMachine, uri: str) -> None:
    create(machine)
    with pytest.raises(InputError):
        run(machine, "x1", "true", file_uris=(uri,))
    assert machine.effect(SET, "web_0", "x1") is None


def test_its_command_is_in_no_arguments_and_no_file(machine: LocalMachine, tmp_path: Path) -> None:
    create(machine)
    run(machine, "x1", "tr '\\0' ' ' < /proc/$$/cmdline; : canary-7f3a", environment={"KEY": "canary-7f3a"})
    files = [path for path in (tmp_path / "local").rglob("*") if path.is_file()]
    assert files and not [path for path in files if b"canary-7f3a" in path.read_bytes()]


def test_a_disk_swap_takes_the_extensions_with_it(machine: LocalMachine) -> None:
    create(machine)
    run(machine, "x1", "touch installed")
    replace(machine, "e1")
    assert not (data_of(machine).parent / "os/current/.extensions").exists()


def test_an_unknown_instance_is_not_found(machine: LocalMachine) -> None:
    with pytest.raises(NotFoundError):
        run(machine, "x1", "true")
