"""The demo's parts: its image boots and answers by its behaviour, what it prints, what it leaves behind."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.model.errors import NotPermittedError, UnreachableError
from tests.unit.tui.fake_engine import FAULTED, FakeEngine, event
from tui.verbs import demo, demo_documents, demo_images


def ask(port: int) -> tuple[int, dict[str, Any]]:
    deadline = time.monotonic() + 10
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                head, _, body = b"".join(iter(lambda: connection.recv(4096), b"")).partition(b"\r\n\r\n")
            return int(head.split()[1]), json.loads(body)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("behaviour", "instance", "status"),
    (
        ("good", "demo_2", 200),
        ("bad", "demo_2", 503),
        ("bad", "4", 200),
        ("partly-unhealthy", "4", 503),
        ("slow", "1", 503),
    ),
)
def test_the_image_answers_by_its_behaviour(tmp_path: Path, behaviour: str, instance: str, status: int) -> None:
    image = demo_images.write_image(tmp_path / "image dir", "1.0.0", behaviour)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"ROLLSET_INSTANCE": instance, "ROLLSET_ADDRESS": "127.0.0.1", "ROLLSET_PORT": str(port)}
    process = subprocess.Popen([image / "boot"], cwd=image, env=environment)
    try:
        answered, body = ask(port)
    finally:
        process.kill()
        process.wait()

    assert answered == status
    assert body["version"] == "1.0.0"
    assert body["ApplicationHealthState"] == ("Healthy" if status == 200 else "Unhealthy")


@pytest.mark.parametrize(("left_s", "code"), ((60, 0), (-60, 41)))
def test_the_extension_fails_once_its_access_has_ended(tmp_path: Path, left_s: int, code: int) -> None:
    expires = tmp_path / "access ends"
    expires.write_text(f"{time.time() + left_s:.0f}\n")
    command = demo.ASK_REGISTRY.format(expires=shlex.quote(str(expires))) + "echo configured"

    ran = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True)

    assert ran.returncode == code
    assert ("configured" in ran.stdout) == (code == 0)
    assert ("has expired" in ran.stderr) == (code != 0)


def test_the_scale_set_points_to_the_load_balancers_probe() -> None:
    balancer, scale_set = demo_documents.documents(12)
    profile = scale_set["properties"]["virtualMachineProfile"]
    probe = balancer["properties"]["probes"][0]["name"]
    assert profile["networkProfile"]["healthProbe"]["id"] == f"{balancer['id']}/probes/{probe}"
    assert scale_set["sku"]["capacity"] == 12


def test_settling_waits_until_every_health_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    growing = [(1, 0, 0), (2, 1, 1), (2, 2, 0)]
    engine.answers["set"] = [
        {"ours": {"instances": i, "healthy": h, "unhealthy": 0, "provisioning": w}} for i, h, w in growing
    ]
    monkeypatch.setattr(demo, "POLL_S", 0.0)
    assert demo.settle(engine, 2, all_healthy=True)["healthy"] == 2
    monkeypatch.setattr(demo, "SETTLE_LIMIT_S", -1.0)
    with pytest.raises(UnreachableError, match="2 of 3 instances"):
        demo.settle(engine, 3, all_healthy=False)


def test_the_lesson_names_the_first_failed_instance_and_what_was_restored() -> None:
    engine = FakeEngine()
    engine.answers["explain"] = {"title": "Too many upgraded instances are unhealthy", "words": ["50 % > 20 %"]}
    members = [
        {"instance_id": "0", "state": "Succeeded", "error": None},
        {"instance_id": "10", "state": "RolledBack", "error": {"message": "HTTP 503: schema 42 is missing"}},
    ]
    text = "\n".join(demo.lesson_lines(engine, FAULTED | {"members": members}))
    assert "50 % > 20 %" in text
    assert "first failed instance: 10: HTTP 503: schema 42 is missing" in text
    assert "restored to 1.0.0 and healthy: instance 10" in text


def test_only_what_matters_is_told() -> None:
    moved = event(1, "w", "MemberMoved")
    assert demo.is_told(event(1, "w", "BatchBegan"))
    assert not demo.is_told(moved | {"body": {"entered": "ReplacingDisk"}})
    assert demo.is_told(moved | {"body": {"entered": "RolledBack"}})


def test_a_throw_away_directory_goes_also_after_an_error(tmp_path: Path) -> None:
    seen: list[Path] = []

    def interrupted() -> None:
        with demo._state_directory(None, keep=False) as directory:
            (directory / "state").mkdir()
            seen.append(directory)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not seen[0].exists()
    with demo._state_directory(tmp_path / "kept", keep=True) as kept:
        pass
    assert kept.is_dir()


def test_stopping_waits_for_the_engines_end() -> None:
    engine = FakeEngine()
    ended = subprocess.Popen(["true"])
    engine.answers["engine"] = {"pid": ended.pid, "head": 1}
    demo.stop_engine(engine)
    ended.wait()
    assert engine.commands == [("engine-stop", {"with_instances": True})]
    assert demo._is_alive(os.getpid())


def test_the_demo_starts_nothing_where_nothing_may_change(run: Callable[..., Any], tmp_path: Path) -> None:
    target = tmp_path / "demo"
    result = run("--readonly", "demo", "--headless", "--instances", "2", "--state-dir", str(target))
    assert isinstance(result.exception, NotPermittedError) or result.exit_code == 6
    assert not target.exists()
