"""Addresses and names: derived, unique, with a way out where loopback aliases do not bind."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from engine.fleets.local import addresses
from engine.fleets.local.addresses import AddressBook
from engine.fleets.local.layout import instance_directory_name, set_directory_name
from engine.model.errors import InputError


class FirstTwoAsked(frozenset[str]):
    """Holds whatever it is asked about first and second."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def __contains__(self, address: object) -> bool:
        self.asked.append(address)
        return len(self.asked) <= 2


def test_addresses_come_from_the_seed_and_spill_to_the_next_b(tmp_path: Path) -> None:
    book = AddressBook(tmp_path, "seed")
    first, last, spilled = (book.candidate(index).split(".") for index in (0, 249, 250))
    assert first[:3] == last[:3] and (first[3], last[3], spilled[3]) == ("1", "250", "1")
    assert int(spilled[2]) == (int(first[2]) + 1) % 256
    assert AddressBook(tmp_path, "other").candidate(0) != book.candidate(0)
    assert all(not AddressBook(tmp_path, str(seed)).candidate(0).startswith("127.0.") for seed in range(500))


def test_an_address_somebody_listens_on_is_passed_over(tmp_path: Path) -> None:
    book = AddressBook(tmp_path, str(tmp_path))
    with socket.socket() as listener:
        listener.bind((book.candidate(0), 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert book.allot(tmp_path / "i", port) == (book.candidate(1), port)
    assert book.allot(tmp_path / "j", port) == (book.candidate(0), port)


def test_without_loopback_aliases_each_gets_a_free_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_bind_problem", lambda *_: errno.EADDRNOTAVAIL)
    book = AddressBook(tmp_path, "seed")
    allotted = [book.allot(tmp_path / "i", 8080) for _ in range(5)]
    assert {address for address, _ in allotted} == {"127.0.0.1"} and len({port for _, port in allotted}) == 5


def test_what_is_spoken_for_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = AddressBook(tmp_path, str(tmp_path))
    book.spoken_for = lambda: {f"{book.candidate(0)}:18080", f"{book.candidate(1)}:9"}
    assert book.allot(tmp_path / "i", 18080) == (book.candidate(2), 18080)
    monkeypatch.setattr(addresses, "_bind_problem", lambda *_: errno.EADDRNOTAVAIL)
    known = FirstTwoAsked()
    book.spoken_for = lambda: known
    _, port = book.allot(tmp_path / "j", 18080)
    assert len(known.asked) == 3 and known.asked[-1] == f"127.0.0.1:{port}"


@pytest.mark.parametrize("port", (0, -1, 65536))
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(InputError, match=str(port)):
        AddressBook(tmp_path, "seed").allot(tmp_path, port)


def test_names_are_readable_and_cannot_collide() -> None:
    assert set_directory_name("/a/b/Web").startswith("web-")
    assert set_directory_name("/a/b/Web") == set_directory_name("/A/B/WEB")
    assert set_directory_name("/a/c/web") != set_directory_name("/a/b/web")
    assert instance_directory_name("web_0") == "web_0"
    strange = ["../x", "x", ".x", "", "x" * 65, "a/b", "a b"]
    assert len({instance_directory_name(name) for name in strange}) == len(strange)
    assert not [name for name in map(instance_directory_name, strange) if "/" in name or name.startswith(".")]
