"""The client over ssh: a fake ssh on the path runs on this machine what the real one would run elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.control.client import Client, lock_note
from engine.control.client.ssh import SshLine
from engine.model.errors import InputError, NotFoundError, NotPermittedError, UnreachableError

ROOT = Path(__file__).resolve().parents[2]
SSH = """#!/bin/sh
echo "$*" >> "{log}"
while [ "$1" != -- ]; do shift; done
shift 2
unset ROLLSET_HOST ROLLSET_READONLY
export ROLLSET_STATE_DIR="{state}" SSH_CONNECTION="192.0.2.7 50000 192.0.2.1 22" PATH="{there}:$PATH"
exec sh -c "exec $*"
"""


class Elsewhere:
    """Another machine, as far as ssh is concerned."""

    def __init__(self, root: Path) -> None:
        self.state_dir = root / "elsewhere"
        self.here, self.there = root / "here", root / "there"
        self.log = root / "ssh.log"
        self.here.mkdir()
        self.there.mkdir()
        self.ssh(SSH.format(log=self.log, state=self.state_dir, there=self.there))
        self.write(self.there / "rollset", f'#!/bin/sh\nexec "{sys.executable}" -m tui "$@"\n')

    def ssh(self, script: str) -> None:
        self.write(self.here / "ssh", script)

    def write(self, path: Path, script: str) -> None:
        path.write_text(script)
        path.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tui", *arguments], capture_output=True, text=True, timeout=40, check=False
        )


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Elsewhere]:
    made = Elsewhere(tmp_path)
    monkeypatch.setenv("PATH", f"{made.here}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield made
    note = lock_note(made.state_dir)
    if note is not None:
        os.kill(note["pid"], signal.SIGKILL)


def test_a_verb_reaches_the_engine_of_another_machine_and_starts_it_there(elsewhere: Elsewhere, tmp_path: Path) -> None:
    done = elsewhere.run("--host", "ann@jump", "sets", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sets"] == []
    assert lock_note(elsewhere.state_dir) is not None
    asked = elsewhere.log.read_text()
    assert "-- ann@jump rollset engine dial-stdio" in asked
    assert "BatchMode=yes" in asked


def test_commands_queries_streams_and_errors_are_the_same_as_at_home(elsewhere: Elsewhere) -> None:
    line = SshLine("jump")
    client = Client(line)

    with pytest.raises(NotFoundError, match="nowhere"):
        client.command("pause", {"set": "nowhere", "reason": "é 🎈 " + "x" * 200_000})
    stream = client.events(0, "all", True)
    first = next(stream)
    entry = client.query("audit", {})["entries"][0]

    assert first["type"] == "EngineStarted"
    assert entry["body"]["claimed"]["ssh-connection"] == "192.0.2.7 50000 192.0.2.1 22"
    stream.close()
    line.close()


def test_a_line_that_drops_is_an_error_and_the_stream_goes_on_where_it_was(elsewhere: Elsewhere) -> None:
    line = SshLine("jump")
    client = Client(line)
    stream = client.events(0, "all", True)
    seen = [next(stream)["seq"]]

    line.close()
    with pytest.raises(UnreachableError):
        seen += [event["seq"] for event in stream]
    with pytest.raises(NotFoundError):
        client.command("pause", {"set": "nowhere"})
    seen += [event["seq"] for event in client.events(seen[-1], "all", False)]

    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 2
    line.close()


@pytest.mark.parametrize(
    ("script", "said"),
    (
        ("#!/bin/sh\necho 'ann@jump: Permission denied (publickey).' >&2\nexit 255\n", "Permission denied"),
        ("#!/bin/sh\nexit 127\n", "rollset is not found on jump"),
        ("#!/bin/sh\nexit 9\n", "ended with code 9"),
        ("#!/bin/sh\necho 'error: NotPermitted: eve has no role' >&2\nexit 6\n", "eve has no role"),
        ("#!/bin/sh\necho 'Welcome to jump!'\n", "BadStatusLine|does not answer"),
    ),
)
def test_what_ssh_says_is_told_in_one_line(elsewhere: Elsewhere, script: str, said: str) -> None:
    elsewhere.ssh(script)

    line = SshLine("jump")
    with pytest.raises(UnreachableError, match=said) as caught:
        Client(line).query("engine", {})
    line.close()

    assert "\n" not in str(caught.value)
    if "does not answer" not in said:
        assert "ssh HOST" in caught.value.next_step


def test_without_ssh_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UnreachableError, match="ssh cannot be run"):
        Client(SshLine("jump")).query("engine", {})


@pytest.mark.parametrize(
    "host",
    ("-oProxyCommand=sh", "a b", "jump;reboot", "ann@-jump", "", "a@b@c", "jump\n", "$(id)", "ann@", "../x", "[::1]x"),
)
def test_a_host_that_ssh_or_a_shell_could_misread_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="--host"):
        SshLine(host)


@pytest.mark.parametrize("host", ("jump", "ann@jump.example", "10.0.0.1", "ann@[2001:db8::1]", "a.b-c_d@x"))
def test_names_as_ssh_takes_them_are_taken(host: str) -> None:
    assert SshLine(host).host == host


@pytest.mark.parametrize("command", ("rollset; id", "-x", "a b", "$(id)"))
def test_the_remote_command_is_one_path(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("ROLLSET_REMOTE_COMMAND", command)

    with pytest.raises(InputError, match="one path"):
        SshLine("jump")


def test_what_is_about_a_machine_is_not_answered_about_this_one(elsewhere: Elsewhere) -> None:
    for arguments in (("engine", "logs"), ("engine", "serve", "--foreground"), ("status", "--state-dir", "/x")):
        done = elsewhere.run("--host", "jump", *arguments)
        assert done.returncode == 2, (arguments, done.stderr)
    done = elsewhere.run("--host", "jump", "image", "publish", "here", "--as", "a:b:c:1.0.0")
    assert done.returncode == 2
    assert "path on that machine" in done.stderr
    assert not elsewhere.log.exists()


def test_a_forced_readonly_command_is_a_restriction(elsewhere: Elsewhere) -> None:
    at_home = SshLine("jump")
    Client(at_home).query("engine", {})
    at_home.close()
    forced = SSH.format(log=elsewhere.log, state=elsewhere.state_dir, there=elsewhere.there)
    elsewhere.ssh(forced.replace('"exec $*"', '"exec rollset --readonly engine dial-stdio"'))
    line = SshLine("jump")
    client = Client(line)

    with pytest.raises(NotPermittedError, match="is viewer here"):
        client.command("engine-stop", {})

    assert client.query("engine", {})["epoch"] == 1
    line.close()


def test_readonly_over_ssh_changes_nothing(elsewhere: Elsewhere) -> None:
    done: Any = elsewhere.run("--host", "jump", "--readonly", "engine", "stop")

    assert done.returncode == 6
    assert "viewer" in done.stderr
