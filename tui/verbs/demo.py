"""`rollset demo`: a throw-away engine rolls a new image over real processes on this machine, and explains the end."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.model.errors import InputError, NotPermittedError, RollsetError, UnreachableError
from engine.wire.safe_text import printable
from tui.verbs import demo_documents, demo_images
from tui.verbs.engine_access import EngineClient, is_readonly, on_terminal, send
from tui.verbs.options import StateDir
from tui.verbs.printing import note, say

SETTLE_LIMIT_S = 45.0
STOP_LIMIT_S = 10.0
POLL_S = 0.1
VALID_S = 86_400.0
ASK_REGISTRY = (
    'test "$(date +%s)" -lt "$(cat {expires})" || '
    "{{ echo '401 Unauthorized: the token of the package registry has expired' >&2; exit 41; }}; "
)
COCKPIT_PAUSE = "PT3S"
HINT = "demo: p pauses, u resumes, r rolls back, enter and ] look closer, q ends it"
SHOWN_MEMBER_STATES = frozenset({"Failed", "RolledBack", "RolledBackUnhealthy", "RestoreFailed"})


class Scenario(StrEnum):
    """What the new image, or the fleet, is like."""

    GOOD_IMAGE = "good-image"
    BAD_IMAGE = "bad-image"
    UNHEALTHY_FLEET = "unhealthy-fleet"
    EXPIRED_CREDENTIAL = "expired-credential"
    SLOW_HEALTH = "slow-health"


@dataclass(frozen=True, slots=True)
class Script:
    """How the two images behave and how long an instance may take to become healthy, in seconds."""

    first: str
    second: str
    health_window_s: float


SCRIPTS = {
    Scenario.GOOD_IMAGE: Script(demo_images.GOOD, demo_images.GOOD, 30.0),
    Scenario.BAD_IMAGE: Script(demo_images.GOOD, demo_images.BAD, 8.0),
    Scenario.UNHEALTHY_FLEET: Script(demo_images.PARTLY_UNHEALTHY, demo_images.GOOD, 8.0),
    Scenario.EXPIRED_CREDENTIAL: Script(demo_images.GOOD, demo_images.GOOD, 8.0),
    Scenario.SLOW_HEALTH: Script(demo_images.GOOD, demo_images.SLOW, 30.0),
}


def demo(
    scenario: Annotated[Scenario, typer.Option("--scenario", help="What happens.")] = Scenario.GOOD_IMAGE,
    headless: Annotated[bool, typer.Option("--headless", help="Plain lines, also on a terminal.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the state directory, engine and instances.")] = False,
    instances: Annotated[int, typer.Option("--instances", min=1, max=100, help="How many instances.")] = 12,
    files: Annotated[
        Path | None,
        typer.Option("--files", metavar="DIR", help="Only write images and documents to try out.", show_default=False),
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Watch a rolling upgrade of real processes on this machine (exit code 0 when it completed)."""
    if files is not None:
        from tui.verbs.demo_files import write_files

        say([f"wrote {printable(str(path))}" for path in write_files(files)])
        return
    if is_readonly():
        raise NotPermittedError(
            "NotPermitted", "the demo starts an engine and changes its sets.", "Leave out --readonly."
        )
    with _state_directory(state_dir, keep) as directory, _stopped_by_signals():
        from engine.control.client.start import connect_or_start

        try:
            client: EngineClient = connect_or_start(directory, owner_pid=None if keep else os.getpid())
            try:
                shown = show_in_cockpit if on_terminal() and not headless else play
                ended = shown(client, directory, scenario, instances)
            finally:
                if not keep:
                    stop_engine(client)
        except KeyboardInterrupt:
            note("demo stopped; nothing of it is left" if not keep else f"demo stopped; see {directory}")
            raise typer.Exit(130) from None
        if keep:
            say(keeping_lines(directory))
    if ended["ended_at"] is None:
        raise typer.Exit(130)
    raise typer.Exit(0 if ended["state"] == "Completed" else 1)


def play(client: EngineClient, directory: Path, scenario: Scenario, instances: int) -> Mapping[str, Any]:
    """The whole scenario on a fresh engine, told in lines; returns the ended upgrade in full."""
    from tui.plain.upgrades import ending_lines, plan_lines
    from tui.verbs.following import follow, head_of

    asked = prepare(client, directory, scenario, instances)
    plan = client.query("plan", {name: str(value) for name, value in asked.items()})["plan"]
    say(
        ["", *plan_lines({**plan, "settings": [], "checks": [c for c in plan["checks"] if c["level"] != "passed"]}), ""]
    )
    head = head_of(client)
    upgrade = send(client, "start", {**asked, "reason": f"demo {scenario}"})["upgrade"]
    follow(client, upgrade["id"], upgrade["scale_set"], head, _no_second_engine, is_told, draws=False)
    ended: dict[str, Any] = client.query("upgrade", {"id": upgrade["id"]})["ours"]
    say(["", *ending_lines(ended), *lesson_lines(client, ended)])
    return ended


def show_in_cockpit(client: EngineClient, directory: Path, scenario: Scenario, instances: int) -> Mapping[str, Any]:
    """The same upgrade, slow enough to be watched, in the cockpit; returns the upgrade as it was left."""
    from tui.plain.upgrades import ending_lines
    from tui.verbs.showing import open_cockpit

    asked = prepare(client, directory, scenario, instances) | {"pause_between_batches": COCKPIT_PAUSE}
    upgrade = send(client, "start", {**asked, "reason": f"demo {scenario}"})["upgrade"]
    open_cockpit(directory, readonly=False, first_set=upgrade["scale_set"], hint=HINT)
    left: dict[str, Any] = client.query("upgrade", {"id": upgrade["id"]})["ours"]
    if left["ended_at"] is None:
        note(f"left while it was {left['state']}, {left['percent']} % done")
    else:
        say([*ending_lines(left), *lesson_lines(client, left)])
    return left


def prepare(client: EngineClient, directory: Path, scenario: Scenario, instances: int) -> dict[str, Any]:
    """Instances on the first image and the second one published; returns what `start` is asked for."""
    script = SCRIPTS[scenario]
    say([f"demo {scenario}: {instances} instances in 2 zones below {directory}"])
    _publish(client, directory, demo_documents.FIRST, script.first)
    began, began_at = time.monotonic(), time.time()
    expires = directory / "registry-access-ends"
    expires.write_text(f"{began_at + VALID_S:.0f}\n", encoding="utf-8")
    configure = ASK_REGISTRY.format(expires=shlex.quote(str(expires))) + demo_documents.CONFIGURE
    arguments = {
        "documents": demo_documents.documents(instances, configure=configure),
        "file": "the demo's documents",
    }
    send(client, "apply", arguments)
    found = settle(client, instances, all_healthy=script.first == demo_images.GOOD)
    say([f"{found['healthy']} of {instances} instances healthy after {time.monotonic() - began:.0f} s"])
    _publish(client, directory, demo_documents.SECOND, script.second)
    if scenario is Scenario.EXPIRED_CREDENTIAL:
        expires.write_text(f"{began_at - 1:.0f}\n", encoding="utf-8")
    return {
        "set": demo_documents.SET,
        "to": demo_documents.SECOND,
        "batch": "20%",
        "health_window": script.health_window_s,
    }


def settle(client: EngineClient, instances: int, *, all_healthy: bool) -> dict[str, Any]:
    """Wait until every instance is there and healthy (or, without `all_healthy`, its health is known); returns the set.

    Raises UnreachableError when that takes longer than SETTLE_LIMIT_S.
    """
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while True:
        found: dict[str, Any] = client.query("set", {"name": demo_documents.SET})["ours"]
        settled = found["healthy"] + (0 if all_healthy else found["unhealthy"])
        if found["instances"] == instances == settled and not found["provisioning"]:
            return found
        if time.monotonic() > deadline:
            raise UnreachableError(
                "DemoNotReady",
                f"after {SETTLE_LIMIT_S:.0f} s {found['instances']} of {instances} instances exist, "
                f"{found['healthy']} healthy, {found['unhealthy']} unhealthy.",
                "Look at this machine's load, then run the demo again with --instances 4.",
            )
        time.sleep(POLL_S)


def is_told(event: Mapping[str, Any]) -> bool:
    """What the demo prints: upgrades, batches, and members that failed or were restored."""
    from tui.verbs.following import tells

    body = event.get("body") or {}
    return tells(event) or body.get("entered") in SHOWN_MEMBER_STATES


def lesson_lines(client: EngineClient, ended: Mapping[str, Any]) -> list[str]:
    """Why it ended as it did: the engine's explanation, the first failed instance, what was restored."""
    from tui.verbs.asking import explanation_lines

    if ended["state"] == "Completed":
        return []
    lines = ["", *explanation_lines(client.query("explain", {"what": str(ended["id"])}))]
    members = ended["members"]
    failed = next((m for m in members if m["state"] in SHOWN_MEMBER_STATES), None)
    if failed is not None:
        from engine.wire.safe_text import printable

        error = failed["error"]
        words = error["message"] if isinstance(error, dict) else error
        lines.append(f"first failed instance: {failed['instance_id']}: {printable(str(words))}")
    restored = [str(m["instance_id"]) for m in members if m["state"] == "RolledBack"]
    if restored:
        lines.append(f"restored to {demo_documents.FIRST} and healthy: instance {', '.join(restored)}")
    return lines


def keeping_lines(directory: Path) -> list[str]:
    """Commands to try on what was kept."""
    prefix = f"rollset --state-dir {directory}"
    return [
        "",
        "the engine and its instances go on; try:",
        f"  {prefix} show {demo_documents.SET}",
        f"  {prefix} status {demo_documents.SET}",
        f"  {prefix} history",
        f"  {prefix} rollback {demo_documents.SET}",
        f"  {prefix} engine stop --with-instances && rm -r {directory}",
    ]


def stop_engine(client: EngineClient) -> None:
    """End the demo's engine and instances, and wait until the engine's process is gone."""
    with contextlib.suppress(RollsetError):
        pid = int(client.query("engine", {})["pid"])
        send(client, "engine-stop", {"with_instances": True})
        deadline = time.monotonic() + STOP_LIMIT_S
        while _is_alive(pid) and time.monotonic() < deadline:
            time.sleep(POLL_S)


def register(app: typer.Typer) -> None:
    """Add this verb."""
    app.command("demo")(demo)


def _publish(client: EngineClient, directory: Path, version: str, behaviour: str) -> None:
    path = demo_images.write_image(directory / "demo-images" / version, version, behaviour)
    send(client, "image-publish", {"path": str(path), "reference": demo_documents.reference(version)})
    say([f"published {demo_documents.reference(version)}"])


@contextlib.contextmanager
def _state_directory(given: Path | None, keep: bool) -> Iterator[Path]:
    """A throw-away directory, or an empty one that was named; removed at the end unless kept."""
    if given is None:
        directory = Path(tempfile.mkdtemp(prefix="rollset-demo-"))
    else:
        directory = given.expanduser().absolute()
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise InputError("InvalidParameter", f"--state-dir {directory} is not empty.", "Name a new directory.")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield directory
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo as ctrl+c does: cleaned up."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _no_second_engine() -> EngineClient:
    raise UnreachableError("EngineUnreachable", "the demo's engine ended.", f"{sys.argv[0]} demo --keep, and its log.")


def _is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and is only not collected yet does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as source:
            return source.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False
