"""Who may do what: the kernel's word, the owner's config, and the caller's own wish for less."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.control.client import Client, SharedLine
from engine.control.config import Roles, Settings
from engine.control.gate import Gate, role_in
from engine.control.peer import Peer, read_login_uid, read_peer
from engine.model.errors import NotPermittedError
from engine.runtime.permissions import Role
from tests.unit.control.served import Served, post

Serve = Callable[..., Served]
ANN, BOB, EVE = Peer(11, 5001, 5001), Peer(12, 5002, 5002), Peer(13, 5003, 5003)
NAMES = {5001: "ann", 5002: "bob", 5003: "eve"}
GROUPS = {5001: frozenset({"support"}), 5002: frozenset({"operators"}), 5003: frozenset({"others"})}


def gate_with(**roles: tuple[str, ...]) -> Gate:
    settings = Settings(roles=Roles.model_validate(roles))
    return Gate(
        lambda: settings,
        groups=lambda uid, _gid: GROUPS.get(uid, frozenset()),
        name_of=lambda uid: NAMES.get(uid, str(uid)),
    )


def test_the_owner_is_admin_without_any_config(serve: Serve) -> None:
    served = serve()

    served.client.command("engine-stop", {})

    assert served.door.callers[0].role is Role.ADMIN
    assert served.door.callers[0].uid == os.geteuid()


def test_a_user_without_a_role_can_do_nothing_through_any_door(serve: Serve) -> None:
    served = serve(peer=EVE, gate=gate_with(viewer=("group:support",)))

    for act in (
        lambda: served.client.query("engine", {}),
        lambda: served.client.command("pause", {"set": "web"}),
        lambda: list(served.client.events(0, "all", False)),
        lambda: next(served.client.events(0, "all", True)),
        lambda: served.client.snapshot("overview"),
    ):
        with pytest.raises(NotPermittedError, match="eve has no role here"):
            act()
    assert served.door.commands == []
    assert served.door.callers == []


def test_what_somebody_without_a_role_sends_is_not_even_read(serve: Serve) -> None:
    served = serve(peer=EVE, gate=gate_with())

    assert b"403" in served.raw(post(b"this is not JSON")).split(b"\r\n")[0]


def test_a_viewer_reads_everything_and_changes_nothing(serve: Serve) -> None:
    served = serve(peer=ANN, gate=gate_with(viewer=("group:support",)))

    assert served.client.query("engine", {})["head"] == 0
    assert served.client.snapshot("overview")
    assert list(served.client.events(0, "all", False)) == []
    for verb in ("pause", "start", "apply", "delete", "engine-stop", "no-such-verb"):
        with pytest.raises(NotPermittedError, match=f"ann is viewer here; {verb} needs"):
            served.client.command(verb, {"set": "web"})
    assert served.door.commands == []


def test_an_operator_runs_upgrades_and_cannot_end_things_for_good(serve: Serve) -> None:
    served = serve(peer=BOB, gate=gate_with(operator=("group:operators",)))

    served.client.command("start", {"set": "web"})
    for verb in ("delete", "engine-stop", "engine-hand-over"):
        with pytest.raises(NotPermittedError, match=f"{verb} needs admin"):
            served.client.command(verb, {"set": "web"})

    assert [verb for verb, _ in served.door.commands] == ["start"]


def test_readonly_is_refused_by_the_engine_whoever_asks_for_it(serve: Serve) -> None:
    served = serve()
    careful = Client(SharedLine(served.path), readonly=True)

    assert careful.query("engine", {})["head"] == 0
    with pytest.raises(NotPermittedError, match="is viewer here; pause needs operator"):
        careful.command("pause", {"set": "web"})

    assert served.door.commands == []


def test_readonly_gives_no_power_to_somebody_without_a_role(serve: Serve) -> None:
    served = serve(peer=EVE, gate=gate_with())

    with pytest.raises(NotPermittedError, match="no role"):
        Client(SharedLine(served.path), readonly=True).query("engine", {})


def test_a_caller_whom_the_kernel_does_not_name_is_refused(serve: Serve) -> None:
    served = serve(nobody=True)

    with pytest.raises(NotPermittedError, match="the kernel does not say"):
        served.client.query("engine", {})
    with pytest.raises(NotPermittedError, match="the kernel does not say"):
        served.client.command("pause", {})


@pytest.mark.parametrize(
    ("subjects", "role"),
    (
        ({"user:ann"}, Role.VIEWER),
        ({"user:ann", "group:operators"}, Role.OPERATOR),
        ({"uid:5009"}, Role.ADMIN),
        ({"user:annette", "group:operator"}, None),
        (set(), None),
    ),
)
def test_the_strongest_role_of_user_and_groups_counts(subjects: set[str], role: Role | None) -> None:
    roles = Roles(viewer=("user:ann",), operator=("group:operators",), admin=("uid:5009",))

    assert role_in(roles, subjects) is role


def test_claims_are_kept_apart_from_what_is_known_and_are_bounded(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(peer=Peer(7, os.geteuid(), 0, 5001), gate=gate_with())
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    monkeypatch.setenv("SUDO_USER", "x" * 5000)

    served.client.command("pause", {})

    caller = served.door.callers[0]
    assert caller.login == "ann"
    assert caller.claimed["ssh-connection"] == "10.0.0.1 1 10.0.0.2 22"
    assert len(caller.claimed["sudo-user"]) == 200


def test_a_claim_that_is_no_header_is_left_out(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve()
    monkeypatch.setenv("SUDO_USER", "a\r\nX-Rollset-readonly: ")

    served.client.command("pause", {})

    assert "sudo-user" not in served.door.callers[0].claimed


def test_the_kernel_names_the_peer_of_a_unix_socket_and_of_nothing_else() -> None:
    one, other = socket.socketpair()
    with one, other, socket.socket(socket.AF_INET) as internet:
        found = read_peer(one)

        assert found is not None
        assert (found.pid, found.uid, found.gid) == (os.getpid(), os.getuid(), os.getgid())
        peer = read_peer(internet)
        assert peer is None or peer.pid == 0
    assert read_peer(None) is None


@pytest.mark.parametrize(
    ("text", "uid"), (("1000", 1000), ("0\n", 0), ("4294967295", None), ("", None), ("-1", None), ("who", None))
)
def test_the_login_uid_is_none_where_nobody_logged_in(tmp_path: Path, text: str, uid: int | None) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "loginuid").write_text(text)

    assert read_login_uid(42, tmp_path) == uid
    assert read_login_uid(43, tmp_path) is None


def test_the_groups_of_a_user_are_asked_for_again_after_a_while() -> None:
    now = [0.0]
    asked: list[int] = []

    def groups(uid: int, _gid: int) -> frozenset[str]:
        asked.append(uid)
        return frozenset()

    gate = Gate(groups=groups, name_of=str, clock=lambda: now[0])
    for at in (0.0, 5.0, 11.0):
        now[0] = at
        gate._names(ANN)

    assert asked == [5001, 5001]
