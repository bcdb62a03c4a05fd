"""Power: creating, adopting, ending. Every process here is real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.fleets.local.facts import InstanceFacts
from engine.fleets.local.machine import LocalMachine
from engine.model.errors import InputError, NotFoundError

from .conftest import SET, alive, create, data_of, eventually, image, script


def ask(facts: InstanceFacts, path: str) -> tuple[int, dict[str, str]]:
    found: list[tuple[int, dict[str, str]]] = []

    def answered() -> bool:
        try:
            with urllib.request.urlopen(f"http://{facts.address}:{facts.port}{path}", timeout=2) as answer:
                found.append((answer.status, json.load(answer)))
        except urllib.error.HTTPError as error:
            found.append((error.code, json.load(error)))
        except OSError:
            return False
        return True

    eventually(answered)
    return found[0]


def test_three_instances_run_each_at_its_own_address(machine: LocalMachine) -> None:
    facts = [create(machine, f"web_{index}", image(behaviour="bad", instances=["web_2"])) for index in range(3)]
    assert all(one.running and one.generation == 1 and one.image_digest == "sha256:1" for one in facts)
    assert len({one.address for one in facts}) == 3 and not any(one.address.startswith("127.0.") for one in facts)
    assert [ask(one, "/health")[0] for one in facts] == [200, 200, 503]
    assert ask(facts[0], "/version") == (200, {"version": "1", "instance": "web_0"})


@pytest.mark.parametrize(("slow_s", "status"), ((0.0, 200), (1000.0, 503)))
def test_a_slow_image_is_healthy_only_later(machine: LocalMachine, slow_s: float, status: int) -> None:
    assert ask(create(machine, unpack=image(behaviour="slow", slow_s=slow_s)), "/health")[0] == status


def test_many_acts_at_once_keep_instances_apart(machine: LocalMachine) -> None:
    with ThreadPoolExecutor(8) as pool:
        facts = list(pool.map(lambda index: create(machine, f"web_{index % 12}"), range(24)))
    assert len({(one.instance_id, one.address, one.pid) for one in facts}) == 12
    assert all(one.running for one in facts)


def test_health_is_also_controlled_from_the_data_disk(machine: LocalMachine) -> None:
    facts = create(machine)
    assert ask(facts, "/health") == (200, {"ApplicationHealthState": "Healthy"})
    (data_of(machine) / "unhealthy").touch()
    assert ask(facts, "/health") == (503, {"ApplicationHealthState": "Unhealthy"})


def test_create_twice_changes_nothing(machine: LocalMachine) -> None:
    first = create(machine)
    assert create(machine).pid == first.pid


def test_boot_gets_only_the_stated_environment(machine: LocalMachine) -> None:
    create(machine, unpack=script("/usr/bin/env; pwd; exec sleep 1000"))
    eventually(lambda: "/os/1" in machine.observe(SET, "web_0").boot_log_tail)
    lines = machine.observe(SET, "web_0").boot_log_tail.split()
    names = {line.partition("=")[0] for line in lines if "=" in line}
    stated = {"COLOUR", "PATH", "ROLLSET_INSTANCE", "ROLLSET_ADDRESS", "ROLLSET_PORT", "ROLLSET_DATA"}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == stated
    assert f"ROLLSET_DATA={data_of(machine)}" in lines


def test_killing_the_keeper_kills_the_boot_and_stop_ends_its_children(machine: LocalMachine) -> None:
    facts = create(machine, unpack=script('sleep 1000 & echo $! > "$ROLLSET_DATA/child"; wait'))
    child_file = data_of(machine) / "child"
    eventually(lambda: child_file.exists() and child_file.read_text())
    assert facts.keeper_pid is not None
    os.kill(facts.keeper_pid, signal.SIGKILL)
    eventually(lambda: not alive(facts.pid))
    assert not machine.observe(SET, "web_0").running
    machine.stop(SET, "web_0")
    eventually(lambda: not alive(int(child_file.read_text())))
    assert machine.start(SET, "web_0", epoch=1, environment={}).running


def test_stop_ends_the_whole_tree_even_what_left_the_session(machine: LocalMachine) -> None:
    facts = create(machine, unpack=script("setsid sh -c 'echo $$ > \"$ROLLSET_DATA/child\"; exec sleep 1000' & wait"))
    child_file = data_of(machine) / "child"
    eventually(lambda: child_file.exists() and child_file.read_text())
    stopped = machine.stop(SET, "web_0")
    assert not stopped.running and stopped.exit_code == -signal.SIGTERM
    assert not alive(facts.pid) and not alive(facts.keeper_pid) and not alive(int(child_file.read_text()))
    assert machine.start(SET, "web_0", epoch=1, environment={}).address == facts.address


def test_a_boot_that_ends_is_recorded_and_not_restarted(machine: LocalMachine) -> None:
    create(machine, unpack=image(behaviour="dead"))
    eventually(lambda: machine.observe(SET, "web_0").exit_code is not None)
    facts = machine.observe(SET, "web_0")
    assert (facts.exists, facts.running, facts.exit_code) == (True, False, 1)
    assert "does not boot" in facts.boot_log_tail


def test_an_image_without_boot_is_a_fact_not_an_error(machine: LocalMachine) -> None:
    create(machine, unpack=lambda target: None)
    eventually(lambda: machine.observe(SET, "web_0").exit_code == 127)
    assert "could not be started" in machine.observe(SET, "web_0").boot_log_tail


def test_the_boot_log_is_capped_at_its_end(machine: LocalMachine) -> None:
    create(machine, unpack=script("head -c 3000000 /dev/zero | tr '\\0' x; echo the end"))
    eventually(lambda: machine.observe(SET, "web_0").exit_code == 0)
    log = data_of(machine).parent / "boot.log"
    assert 64 * 1024 <= log.stat().st_size <= 128 * 1024
    assert machine.observe(SET, "web_0").boot_log_tail.endswith("xthe end\n")


def test_another_machine_object_adopts_what_runs(machine: LocalMachine, tmp_path: Path) -> None:
    facts = create(machine)
    other = LocalMachine(tmp_path / "local", state_digest_seed=str(tmp_path))
    assert other.observe(SET.upper(), "web_0") == machine.observe(SET, "web_0")
    assert create(other).pid == facts.pid
    assert not other.stop(SET, "web_0").running and not alive(facts.pid)


@pytest.mark.parametrize("field", ("keeper_start_time", "pid_start_time", "machine_boot_id"))
def test_a_reused_pid_is_not_taken_for_the_instance_nor_signalled(machine: LocalMachine, field: str) -> None:
    facts = create(machine)
    run_file = data_of(machine).parent / "run.json"
    truth = run_file.read_text()
    run_file.write_text(json.dumps(json.loads(truth) | {field: "another"}))
    assert not machine.observe(SET, "web_0").running
    assert alive(facts.pid) and alive(facts.keeper_pid)
    run_file.write_text(truth)


def test_instances_end_with_their_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    machine = LocalMachine(tmp_path / "local", owner_pid=owner.pid, state_digest_seed=str(tmp_path))
    facts = create(machine)
    owner.communicate(b"\n")
    eventually(lambda: not alive(facts.pid) and not alive(facts.keeper_pid))
    with pytest.raises(InputError):
        LocalMachine(tmp_path / "local", owner_pid=owner.pid, state_digest_seed=str(tmp_path))


def test_instances_end_with_their_state_directory(machine: LocalMachine, tmp_path: Path) -> None:
    facts = create(machine)

    def is_gone() -> bool:
        shutil.rmtree(tmp_path / "local", ignore_errors=True)  # the instance still writes there
        return not (tmp_path / "local").exists()

    eventually(is_gone)
    eventually(lambda: not alive(facts.pid) and not alive(facts.keeper_pid))


def test_delete_removes_all_and_gives_the_address_back(machine: LocalMachine) -> None:
    facts = create(machine)
    machine.delete(SET, "web_0", epoch=1)
    machine.delete(SET, "web_0", epoch=1)
    assert not machine.observe(SET, "web_0").exists and not alive(facts.pid)
    assert not data_of(machine).parent.exists()
    assert create(machine, "web_1").address == facts.address
    with pytest.raises(NotFoundError):
        machine.start(SET, "web_0", epoch=1, environment={})


def test_everything_is_private_to_the_user(machine: LocalMachine, tmp_path: Path) -> None:
    create(machine)
    paths = [path for path in (tmp_path / "local").rglob("*") if "/os/1/" not in str(path) and not path.is_symlink()]
    assert paths and not [path for path in paths if path.stat().st_mode & 0o077]


def test_an_instance_is_there_as_long_as_anything_of_it_is(machine: LocalMachine) -> None:
    assert not machine.observe(SET, "web_0").exists
    create(machine)
    (data_of(machine).parent / "instance.json").unlink()
    assert machine.observe(SET, "web_0").exists  # its disks are: nobody makes it anew over them
    machine.stop_all()
    machine.delete(SET, "web_0", epoch=1)
    assert not machine.observe(SET, "web_0").exists
